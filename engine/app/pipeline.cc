#include "engine/app/pipeline.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <random>
#include <set>

#include "engine/app/decode_record.h"
#include "engine/app/silence.h"
#include "engine/app/standby.h"
#include "engine/app/state_reader.h"
#include "engine/decode/decoder.h"
#include "engine/sink/file_sink.h"
#include "engine/sink/kafka_changelog.h"
#include "engine/sink/kafka_repartition.h"
#include "engine/sink/kafka_transactions.h"
#include "engine/source/file_source.h"
#include "engine/source/kafka_source.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;
using Stopwatch = std::chrono::steady_clock;

constexpr std::size_t kPollArrivals = 10'000;
constexpr int kIdlePollMs = 50;  // how late a due timer may be noticed
constexpr auto kPublishEvery = std::chrono::seconds(1);
constexpr int kTopicEndMs = 500;

PipelineError fatal(const Error& error) { return {error.message, true, error.is_damage, error.is_final}; }
/// What opening anew may mend.
PipelineError passing(const Error& error) { return {error.message, false, error.is_damage, error.is_final}; }

/// State, model and the turn that both kinds of pipeline share. Members are destroyed in the reverse order they need.
class Core {
 public:
  explicit Core(const PipelineParts& parts) : parts_(parts), decoder_(parts.model.catalogue()) {}

  [[nodiscard]] std::optional<PipelineError> open_store() {
    auto directory = state::StateDirectory::open(parts_.config.state, state::StateDirectory::Mode::kCreate);
    if (!directory) return fatal(directory.error());
    directory_ = std::move(*directory);
    state::RocksOptions options;
    options.cache_bytes = parts_.config.store_bytes;
    options.write_buffer_bytes = parts_.config.store_bytes / 4;
    auto store = state::RocksStore::open(*directory_, options);
    if (!store) return passing(store.error());
    store_ = std::move(*store);
    parts_.observers.health().store_opened();
    return std::nullopt;
  }

  [[nodiscard]] std::optional<PipelineError> open_instance(std::unique_ptr<task::Sink> sink,
                                                           task::InstanceOptions options) {
    sink_ = std::move(sink);
    complete(options);
    return keep(task::Instance::open(parts_.model, *store_, *sink_, std::move(options)));
  }
  [[nodiscard]] std::optional<PipelineError> open_instance(task::Transactions& transactions,
                                                           task::InstanceOptions options) {
    complete(options);
    return keep(task::Instance::open(parts_.model, *store_, transactions, std::move(options)));
  }

  [[nodiscard]] Status commit(std::string position) {
    observe::Health& health = parts_.observers.health();
    Status committed = instance_->commit(std::move(position));
    if (committed) {
      health.commit_succeeded();
    } else {
      health.commit_failed();
      ++parts_.observers.troubles.store_errors;
    }
    return committed;
  }

  /// What ends every turn: the wall clock, a commit if it is time, figures. `position` is asked only for a commit.
  [[nodiscard]] Status end_turn(bool is_idle, const std::function<std::string()>& position,
                                const std::function<std::vector<observe::Lag>()>& lags) {
    observe::Health& health = parts_.observers.health();
    if (Status told = instance_->advance_wall(parts_.clock.now()); !told) return told;
    if (instance_->has_uncommitted()) health.work_waits();
    if (instance_->wants_commit() || (is_idle && instance_->has_uncommitted())) {
      if (Status committed = commit(position()); !committed) return committed;
      has_committed_ = true;
    }
    const auto now = Stopwatch::now();
    if (now - published_ >= kPublishEvery) {
      published_ = now;
      parts_.observers.metrics().publish(instance_->tally(), instance_->statistics(), lags(),
                                         parts_.observers.troubles);
    }
    health.beat();
    health.step_succeeded();
    return base::success();
  }

  [[nodiscard]] task::Decoded decode(task::Record record) { return decode_record(decoder_, std::move(record)); }
  [[nodiscard]] task::Instance& instance() { return *instance_; }
  /// Of the state directory, the same at each start: where it lies on which machine.
  [[nodiscard]] std::string state_name() const {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    const std::string place = std::string(host.data()) + ':' + std::filesystem::absolute(parts_.config.state).string();
    return fmt::format("{:016x}", std::hash<std::string>{}(place));
  }
  [[nodiscard]] task::Store& store() { return *store_; }
  [[nodiscard]] const task::KeyedModel& model() const { return parts_.model; }
  [[nodiscard]] bool take_committed() { return std::exchange(has_committed_, false); }

 private:
  void complete(task::InstanceOptions& options) const {
    options.workers = parts_.config.workers;
    options.follow_wall_clock = true;
    options.cache_bytes = parts_.config.cache_bytes;
    options.dirty_bytes_max = parts_.config.dirty_bytes_max;
    options.catch_up_commit_us = parts_.config.catch_up_commit_us;
    if (parts_.config.kafka) options.commit_us = parts_.config.kafka->commit_ms * (event::kSecond / 1'000);
  }

  [[nodiscard]] std::optional<PipelineError> keep(base::Result<std::unique_ptr<task::Instance>> instance) {
    if (!instance) return fatal(instance.error());
    instance_ = std::move(*instance);
    // Not before: who is refused must not leave another policy in the state.
    if (const Status kept = keep_policy(*directory_, parts_.policy); !kept) return passing(kept.error());
    if (const Status told = instance_->advance_wall(parts_.clock.now()); !told) return passing(told.error());
    return std::nullopt;
  }

  const PipelineParts& parts_;
  decode::Decoder decoder_;
  std::unique_ptr<state::StateDirectory> directory_;
  std::unique_ptr<state::RocksStore> store_;
  std::unique_ptr<task::Sink> sink_;
  std::unique_ptr<task::Instance> instance_;
  Stopwatch::time_point published_{};
  bool has_committed_ = false;
};

source::KafkaSettings settings_of(const KafkaConfig& kafka) {
  source::KafkaSettings settings;
  settings.bootstrap = kafka.bootstrap;
  settings.client_id = kafka.client_id;
  settings.extra = kafka.settings;
  settings.log = [](const std::string& line) { spdlog::info("kafka: {}", line); };
  return settings;
}

/// The Kafka side of a pipeline: assignments, positions, pauses, lag.
class KafkaPipeline {
 public:
  KafkaPipeline(const PipelineParts& parts)
      : parts_(parts),
        core_(parts),
        silence_(topics_read(*parts.config.kafka), parts.config.kafka->silence, parts.clock.now()) {}

  [[nodiscard]] std::optional<PipelineError> open() {
    if (auto error = core_.open_store()) return error;
    const KafkaConfig& kafka = *parts_.config.kafka;
    if (auto error = open_repartition(kafka)) return error;
    source::KafkaSourceOptions source_options;
    source_options.kafka = settings_of(kafka);
    source_options.group = kafka.group;
    source_options.instance = kafka.instance;
    source_options.topics = topics_read(kafka);
    source_options.workers = parts_.config.workers;
    auto source = source::KafkaSource::open(std::move(source_options));
    if (!source) return passing(source.error());
    source_ = std::move(*source);
    sink::KafkaTransactionsOptions sink_options;
    sink_options.kafka = settings_of(kafka);
    sink_options.transactional_id = transactional_id();
    sink_options.topics = kafka.outputs;
    sink_options.changelog = kafka.changelog;
    sink_options.partitions = source_->partitions();
    sink_options.outputs_at_once = kafka.delivery == Delivery::kAtLeastOnce;
    sink_options.transaction_timeout_ms = kafka.transaction_timeout_ms;
    auto sink = sink::KafkaTransactions::open(std::move(sink_options));
    if (!sink) return passing(sink.error());
    transactions_ = std::move(*sink);
    transactions_->attach(*source_);
    task::InstanceOptions options;
    options.writer = new_writer();
    options.refuses_wrong_partition = true;
    options.recovery.on_progress = [this](const task::RecoveryProgress& progress) { return tell_progress(progress); };
    options.partitions = source_->partitions();
    options.partitions_by_key = false;
    options.inputs = source_->inputs();
    if (auto error = core_.open_instance(*transactions_, std::move(options))) return error;
    if (kafka.standby > 0 && kafka.changelog) {
      const auto open_changelog = [settings = settings_of(kafka), topic = *kafka.changelog]()
          -> base::Result<std::unique_ptr<task::Changelog>> {
        auto opened = sink::KafkaChangelog::open(settings, topic);
        if (!opened) return opened.error();
        return std::unique_ptr<task::Changelog>(std::move(*opened));
      };
      standby_ = std::make_unique<Standby>(core_.store(), open_changelog, source_->partitions());
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<PipelineError> run(bool& was_ready) {
    std::vector<task::Arrival> arrivals;
    while (!parts_.stop()) {
      arrivals.clear();
      const int wait_ms = core_.instance().has_uncommitted() || !waiting_.empty() ? 0 : kIdlePollMs;
      auto got = source_->poll(arrivals, kPollArrivals, wait_ms);
      if (!got) {
        ++parts_.observers.troubles.source_errors;
        return passing(got.error());
      }
      for (task::Arrival& arrival : arrivals) {
        if (const Status taken = take(arrival); !taken) return passing(taken.error());
      }
      if (const Status restored = restore_next(); !restored) return passing(restored.error());
      if (const Status listened = listen(); !listened) return passing(listened.error());
      if (const Status routed = follow_repartition(); !routed) return passing(routed.error());
      tell_contact();
      if (const Status ended = core_.end_turn(
              arrivals.empty(), [] { return std::string{}; }, [this] { return lags(); });
          !ended)
        return passing(ended.error());
      if (const Status paced = pace(); !paced) return passing(paced.error());
      was_ready = was_ready || parts_.observers.health().is_ready();
    }
    return drain();
  }

 private:
  [[nodiscard]] Status take(task::Arrival& arrival) {
    task::Instance& instance = core_.instance();
    if (arrival.record) {
      silence_.heard(arrival.record->origin.input, parts_.clock.now());
      if (repartition_ != nullptr) take_off_header(*arrival.record);
      return instance.offer(core_.decode(std::move(*arrival.record)));
    }
    const task::InputNews& news = arrival.news;
    observe::Health& health = parts_.observers.health();
    switch (news.kind) {
      case task::InputNews::Kind::kAssigned:
        assigned_.insert(news.partition);
        waiting_.push_back(news.partition);
        health.set_partitions(assigned_.size(), restored());
        return base::success();
      case task::InputNews::Kind::kRevoked:
      case task::InputNews::Kind::kLost: {
        const bool is_lost = news.kind == task::InputNews::Kind::kLost;
        assigned_.erase(news.partition);
        std::erase(waiting_, news.partition);
        at_end_of_routed_.erase(news.partition);
        told_at_end_.erase(news.partition);
        std::erase_if(paused_, [&](const task::InputAhead& each) { return each.partition == news.partition; });
        health.set_partitions(assigned_.size(), restored());
        // All that goes is committed in one, before the first of it.
        if (!is_lost && instance.has_uncommitted()) {
          if (Status committed = core_.commit({}); !committed) return committed;
        }
        spdlog::info("partition {}: {}", news.partition, is_lost ? "lost" : "revoked");
        Status revoked = instance.revoke(news.partition, is_lost);
        if (standby_ != nullptr && revoked) standby_->take_up(news.partition);
        if (is_lost && !instance.has_uncommitted()) health.work_forgotten();
        return revoked;
      }
      default:
        if (repartition_ == nullptr) return instance.news(news);
        if (news.kind == task::InputNews::Kind::kAtEnd) {
          at_end_of_routed_.insert(news.partition);
        } else {
          at_end_of_routed_.erase(news.partition);
        }
        return tell_ends();
    }
  }

  /// Pauses inputs that are far ahead of the slowest and resumes those that are not any more.
  [[nodiscard]] Status pace() {
    const std::vector<task::InputAhead> ahead = core_.instance().inputs_ahead();
    for (const task::InputAhead& each : ahead) {
      if (std::find(paused_.begin(), paused_.end(), each) != paused_.end()) continue;
      if (Status paused = source_->pause(each.input, each.partition); !paused) return paused;
    }
    for (const task::InputAhead& each : paused_) {
      if (std::find(ahead.begin(), ahead.end(), each) != ahead.end()) continue;
      if (Status resumed = source_->resume(each.input, each.partition); !resumed) return resumed;
    }
    paused_ = ahead;
    return base::success();
  }

  void tell_contact() {
    const bool is_connected = source_->health().connected;
    if (is_connected) {
      parts_.observers.health().source_contact();
    } else {
      parts_.observers.health().source_lost();
    }
  }

  // Routing by customer: the engine reads the routed topic, and its end is only the end of what has happened once all
  // that was to be routed is routed.

  [[nodiscard]] std::optional<PipelineError> open_repartition(const KafkaConfig& kafka) {
    if (!kafka.repartition) return std::nullopt;
    if (!kafka.silence.empty()) {
      return PipelineError{"`kafka.silence` and `kafka.repartition: true` do not go together: an instance hears of the "
                           "routed topic only. Take one of them out",
                           true};
    }
    sink::KafkaRepartitionOptions options;
    options.kafka = settings_of(kafka);
    options.group = kafka.group + "-repartition";
    options.instance = kafka.instance;
    options.transactional_id = transactional_id() + "-repartition";
    options.inputs = kafka.inputs;
    options.topic = kafka.repartition_topic;
    options.ahead_us = core_.model().lateness_us() / 2;
    options.transaction_timeout_ms = kafka.transaction_timeout_ms;
    auto decoder = std::make_shared<decode::Decoder>(core_.model().catalogue());
    auto opened = sink::KafkaRepartition::open(std::move(options), [decoder](const task::Record& record) {
      const task::Decoded decoded = decode_record(*decoder, record);
      sink::Route route;
      if (decoded.event) route = {decoded.event->subject, decoded.event->time};
      return route;
    });
    if (!opened) return passing(opened.error());
    repartition_ = std::move(*opened);
    return std::nullopt;
  }

  [[nodiscard]] Status follow_repartition() {
    if (repartition_ == nullptr) return base::success();
    if (const auto failure = repartition_->failure()) return *failure;
    return tell_ends();
  }

  [[nodiscard]] Status tell_ends() {
    const bool is_caught_up = repartition_->is_caught_up();
    for (const std::int32_t partition : assigned_) {
      const bool is_at_end = is_caught_up && at_end_of_routed_.contains(partition);
      if (is_at_end == told_at_end_.contains(partition)) continue;
      if (is_at_end) {
        told_at_end_.insert(partition);
      } else {
        told_at_end_.erase(partition);
      }
      const auto kind = is_at_end ? task::InputNews::Kind::kAtEnd : task::InputNews::Kind::kNotAtEnd;
      if (Status told = core_.instance().news({kind, 0, partition}); !told) return told;
    }
    return base::success();
  }

  static void take_off_header(task::Record& record) {
    std::erase_if(record.headers, [&](const auto& header) {
      if (header.first != sink::kCameFromHeader) return false;
      record.came_from = sink::read_came_from(header.second);
      return true;
    });
  }

  [[nodiscard]] std::size_t restored() const { return assigned_.size() - waiting_.size(); }

  /// Brings the next of the assigned partitions to where the group is, and lets it be read. One in a turn: the group wants
  /// to be asked in between, and a stop to be heard.
  [[nodiscard]] Status restore_next() {
    if (waiting_.empty()) return base::success();
    const std::int32_t partition = waiting_.front();
    if (standby_ != nullptr) standby_->let_go(partition);
    auto positions = core_.instance().assign(partition);
    if (!positions) return positions.error();
    waiting_.erase(waiting_.begin());
    restore_began_.reset();
    parts_.observers.health().set_partitions(assigned_.size(), restored());
    const task::Recovered& recovered = core_.instance().recoveries().at(partition);
    ++parts_.observers.troubles.recoveries[std::string(task::recovery_name(recovered.how))];
    parts_.observers.troubles.restored_rows += recovered.rows;
    const bool is_loud = recovered.how == task::Recovery::kRebuild;
    spdlog::log(is_loud ? spdlog::level::warn : spdlog::level::info, "partition {}: assigned; {}{}", partition,
                task::recovery_name(recovered.how),
                recovered.rows > 0 ? fmt::format(", {} rows from the changelog", recovered.rows) : "");
    return source_->seek(partition, *positions);
  }

  [[nodiscard]] Status tell_progress(const task::RecoveryProgress& progress) {
    parts_.observers.health().beat();
    const auto now = Stopwatch::now();
    if (!restore_began_) restore_began_ = {now, progress.position};
    const double seconds = std::chrono::duration<double>(now - restore_began_->first).count();
    const auto done = static_cast<double>(progress.position - restore_began_->second);
    restore_left_seconds_ = done > 0 ? seconds * static_cast<double>(progress.end - progress.position) / done : 0;
    if (now - told_progress_ >= kPublishEvery) {
      told_progress_ = now;
      tell_figures(progress.rows);
      spdlog::info("partition {}: restoring, {} rows so far, changelog at {} of {}", progress.partition, progress.rows,
                   progress.position, progress.end);
    }
    if (parts_.stop()) return Error{"stopped while restoring"};
    return base::success();
  }

  /// Looks, once a second, whether a source has fallen silent or speaks again.
  [[nodiscard]] Status listen() {
    const auto now = Stopwatch::now();
    if (now - listened_ < kPublishEvery) return base::success();
    listened_ = now;
    const auto end_of = [this](std::uint16_t input) { return source_->topic_end(input, kTopicEndMs); };
    for (const Silence::Change& change : silence_.look(parts_.clock.now(), end_of)) {
      const std::string& topic = source_->inputs()[change.input];
      if (change.is_silent) {
        spdlog::error("source alert: topic {} has said nothing since {}: no deadline is taken for missed until it speaks "
                      "again. Look at what writes to it",
                      topic, event::format_time(change.since));
      } else {
        spdlog::warn("topic {} speaks again: deadlines are judged again", topic);
      }
      if (Status told = core_.instance().set_silent(change.input, change.is_silent); !told) return told;
    }
    if (silence_.is_any_silent()) {
      auto held = core_.instance().held_keys();
      if (!held) return held.error();
      held_keys_ = *held;
    } else {
      held_keys_ = 0;
    }
    tell_figures(0);
    return base::success();
  }

  /// `rows`: of the partition that is being restored.
  void tell_figures(std::uint64_t rows) {
    observe::GroupFigures figures;
    const observe::Troubles& troubles = parts_.observers.troubles;
    figures.recoveries.assign(troubles.recoveries.begin(), troubles.recoveries.end());
    figures.restored_rows = troubles.restored_rows + rows;
    figures.standby_rows = standby_ != nullptr ? standby_->rows() : 0;
    figures.waiting_partitions = waiting_.size();
    figures.restore_left_seconds = waiting_.empty() ? 0 : restore_left_seconds_;
    for (std::uint16_t input = 0; input < source_->inputs().size(); ++input) {
      figures.is_silent.push_back(silence_.is_silent(input));
    }
    figures.held_keys = held_keys_;
    parts_.observers.metrics().tell_group(std::move(figures));
  }

  /// One name for one instance through all its starts. Without a name of its own an instance goes by its state directory.
  [[nodiscard]] std::string transactional_id() const {
    const KafkaConfig& kafka = *parts_.config.kafka;
    return "troth-" + kafka.group + "-" + (kafka.instance.empty() ? core_.state_name() : kafka.instance);
  }

  /// A name that no other opening of a store has.
  [[nodiscard]] static std::string new_writer() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
  }

  [[nodiscard]] std::vector<observe::Lag> lags() const {
    std::vector<observe::Lag> lags;
    for (const std::int32_t partition : assigned_) {
      for (std::uint16_t input = 0; input < source_->inputs().size(); ++input) {
        if (const auto records = source_->lag(input, partition)) lags.push_back({input, partition, *records});
      }
    }
    return lags;
  }

  [[nodiscard]] std::optional<PipelineError> drain() {
    spdlog::info("draining");
    parts_.observers.health().stopping();
    if (const Status committed = core_.commit({}); !committed) return passing(committed.error());
    if (const Status closed = source_->close(); !closed) spdlog::warn("{}", closed.error().message);
    return std::nullopt;
  }

  const PipelineParts& parts_;
  Core core_;
  std::unique_ptr<source::KafkaSource> source_;
  std::unique_ptr<sink::KafkaTransactions> transactions_;
  std::set<std::int32_t> assigned_;
  std::vector<std::int32_t> waiting_;  // assigned, and not yet restored
  std::optional<std::pair<Stopwatch::time_point, std::int64_t>> restore_began_;  // of the partition at hand, and where
  double restore_left_seconds_ = 0;
  Stopwatch::time_point told_progress_{};
  std::unique_ptr<sink::KafkaRepartition> repartition_;  // if it is asked for
  std::set<std::int32_t> at_end_of_routed_, told_at_end_;
  Silence silence_;
  Stopwatch::time_point listened_{};
  std::size_t held_keys_ = 0;
  std::vector<task::InputAhead> paused_;
  std::unique_ptr<Standby> standby_;  // last: its thread ends before what it uses
};

/// Files that grow: each is caught up whenever everything in it has been read.
class FilePipeline {
 public:
  explicit FilePipeline(const PipelineParts& parts) : parts_(parts), core_(parts) {}

  [[nodiscard]] std::optional<PipelineError> open() {
    if (auto error = core_.open_store()) return error;
    const FilesConfig& files = *parts_.config.files;
    source::FileSourceOptions source_options;
    source_options.follow = files.follow;
    auto source = source::FileSource::open(
        files.inputs, [this](task::Record record) { return core_.decode(std::move(record)); }, source_options);
    if (!source) return fatal(source.error());
    source_ = std::move(*source);
    std::unique_ptr<task::Sink> sink;
    if (files.out) {
      auto opened = sink::FileSink::open(*files.out, core_.model().streams());
      if (!opened) return fatal(opened.error());
      sink = std::move(*opened);
    } else {
      sink = std::make_unique<sink::NullSink>(core_.model().streams());
    }
    task::InstanceOptions options;
    options.partitions = files.partitions;
    options.inputs = source_->inputs();
    if (auto error = core_.open_instance(std::move(sink), std::move(options))) return error;
    if (const Status sought = source_->seek(core_.instance().source_position()); !sought) return fatal(sought.error());
    parts_.observers.health().set_partitions(static_cast<std::size_t>(files.partitions),
                                             static_cast<std::size_t>(files.partitions));
    return std::nullopt;
  }

  [[nodiscard]] std::optional<PipelineError> run(bool& was_ready) {
    std::vector<source::FileSource::Item> items;
    is_caught_up_.assign(source_->inputs().size(), false);
    while (!parts_.stop()) {
      items.clear();
      auto got = source_->poll(items, kPollArrivals, core_.instance().has_uncommitted() ? 0 : kIdlePollMs);
      if (!got) {
        ++parts_.observers.troubles.source_errors;
        return passing(got.error());
      }
      for (const std::uint16_t input : source_->take_ended()) {
        if (const Status told = core_.instance().news({task::InputNews::Kind::kAtEnd, input, -1}); !told)
          return passing(told.error());
      }
      for (source::FileSource::Item& item : items) {
        if (const Status offered = core_.instance().offer(std::move(item.decoded), item.last_of_input); !offered)
          return passing(offered.error());
      }
      if (const Status told = tell_caught_up(); !told) return passing(told.error());
      parts_.observers.health().source_contact();
      if (const Status ended = core_.end_turn(
              items.empty(), [this] { return source_->position(); }, [] { return std::vector<observe::Lag>{}; });
          !ended) {
        return passing(ended.error());
      }
      was_ready = was_ready || parts_.observers.health().is_ready();
      if (source_->at_end() && !parts_.config.files->follow && items.empty()) return std::nullopt;
    }
    spdlog::info("draining");
    parts_.observers.health().stopping();
    if (const Status committed = core_.commit(source_->position()); !committed) return passing(committed.error());
    return std::nullopt;
  }

 private:
  [[nodiscard]] Status tell_caught_up() {
    for (std::uint16_t input = 0; input < source_->inputs().size(); ++input) {
      const bool is_caught_up = source_->is_caught_up(input);
      if (is_caught_up == is_caught_up_[input] || source_->is_ended(input)) continue;
      is_caught_up_[input] = is_caught_up;
      const auto kind = is_caught_up ? task::InputNews::Kind::kAtEnd : task::InputNews::Kind::kNotAtEnd;
      if (Status told = core_.instance().news({kind, input, -1}); !told) return told;
    }
    return base::success();
  }

  const PipelineParts& parts_;
  Core core_;
  std::unique_ptr<source::FileSource> source_;
  std::vector<bool> is_caught_up_;
};

template <typename Kind>
std::optional<PipelineError> run_pipeline(const PipelineParts& parts, bool& was_ready) {
  Kind pipeline(parts);
  if (auto error = pipeline.open()) return error;
  spdlog::info("open; state in {}", parts.config.state);
  return pipeline.run(was_ready);
}

}  // namespace

/// A damaged store is no loss where there is a changelog: it is put aside, and every partition is rebuilt. Once, and loudly:
/// a second time it is the disk that has to be looked at.
std::optional<PipelineError> run_kafka_pipeline(const PipelineParts& parts, bool& was_ready) {
  auto error = run_pipeline<KafkaPipeline>(parts, was_ready);
  if (!error || !error->is_damage || !parts.config.kafka->changelog) return error;
  spdlog::error("{} Putting it aside as {}/store.damaged, and rebuilding from {}", error->message, parts.config.state,
                *parts.config.kafka->changelog);
  auto directory = state::StateDirectory::open(parts.config.state, state::StateDirectory::Mode::kMustExist);
  if (!directory) return fatal(directory.error());
  if (const Status aside = (*directory)->put_store_aside(); !aside) return fatal(aside.error());
  return run_pipeline<KafkaPipeline>(parts, was_ready);
}
std::vector<std::string> topics_read(const KafkaConfig& kafka) {
  return kafka.repartition ? std::vector<std::string>{kafka.repartition_topic} : kafka.inputs;
}

std::optional<PipelineError> run_file_pipeline(const PipelineParts& parts, bool& was_ready) {
  return run_pipeline<FilePipeline>(parts, was_ready);
}

}  // namespace troth::app
