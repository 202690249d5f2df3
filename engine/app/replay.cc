#include "engine/app/replay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "engine/app/decode_record.h"
#include "engine/app/snapshot.h"
#include "engine/app/state_reader.h"
#include "engine/base/assert.h"
#include "engine/decode/decoder.h"
#include "engine/sink/file_sink.h"
#include "engine/source/file_source.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"
#include "operators/counters.h"
#include "operators/trust_model.h"

namespace troth::app {
namespace {

using base::Error;
using base::Result;
using base::Status;
using Stopwatch = std::chrono::steady_clock;

constexpr std::size_t kPollItems = 2'048;
constexpr auto kCommitEvery = std::chrono::seconds(5);  // so that a kill loses little
constexpr auto kProgressEvery = std::chrono::milliseconds(250);

double seconds_since(Stopwatch::time_point start) {
  return std::chrono::duration<double>(Stopwatch::now() - start).count();
}

/// Standard input, kept in a nameless temporary file so that it can be read once per --as-of before the last event.
class Spool {
 public:
  Spool() = default;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] Status fill() {
    const char* folder = std::getenv("TMPDIR");
    std::string path = std::string(folder == nullptr || *folder == '\0' ? "/tmp" : folder) + "/troth-stdin-XXXXXX";
    fd_ = ::mkstemp(path.data());
    if (fd_ < 0) return Error{fmt::format("{}: cannot keep standard input there: {}", path, std::strerror(errno))};
    ::unlink(path.c_str());
    std::vector<char> chunk(std::size_t{1} << 20U);
    for (;;) {
      const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
      if (got == 0) return base::success();
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error{fmt::format("standard input: cannot be read: {}", std::strerror(errno))};
      for (ssize_t done = 0; done < got;) {
        const ssize_t written = ::write(fd_, chunk.data() + done, static_cast<std::size_t>(got - done));
        if (written < 0) return Error{fmt::format("{}: standard input cannot be kept: {}", path, std::strerror(errno))};
        done += written;
      }
    }
  }
  /// At its beginning; standard input itself if nothing was spooled.
  [[nodiscard]] int rewound() const {
    if (fd_ < 0) return STDIN_FILENO;
    ::lseek(fd_, 0, SEEK_SET);
    return fd_;
  }

 private:
  int fd_ = -1;
};

/// One pass over the input: all parts of a run, tied together. Members are destroyed in the reverse order they need.
class Pass {
 public:
  Pass(const ReplayOptions& options, event::TimeUs fold_until)
      : options_(options),
        model_(options.policy.policy, options.erasure_key, fold_until),
        decoder_(model_.catalogue()) {}

  [[nodiscard]] std::optional<ReplayError> open(const std::optional<std::string>& state,
                                                const std::optional<std::string>& out, int stdin_fd) {
    const auto wrong = [](const Error& error) { return ReplayError{error.message, true}; };
    const auto failed = [](const Error& error) { return ReplayError{error.message, false}; };
    int system_error = 0;
    auto directory = state ? state::StateDirectory::open(*state, state::StateDirectory::Mode::kCreate, &system_error)
                           : state::StateDirectory::temporary();
    if (!directory) return ReplayError{directory.error().message, state && system_error == 0};
    directory_ = std::move(*directory);
    auto store = state::RocksStore::open(*directory_);
    if (!store) return failed(store.error());
    store_ = std::move(*store);
    source::FileSourceOptions source_options;
    source_options.stdin_fd = stdin_fd;
    auto source = source::FileSource::open(
        options_.files, [this](task::Record record) { return decode_record(decoder_, std::move(record)); },
        source_options);
    if (!source) return wrong(source.error());
    source_ = std::move(*source);
    sink::FileSink* files = nullptr;
    if (out) {
      auto sink = sink::FileSink::open(*out, model_.streams());
      if (!sink) return failed(sink.error());
      files = sink->get();
      sink_ = std::move(*sink);
    } else {
      sink_ = std::make_unique<sink::NullSink>(model_.streams());
    }
    task::InstanceOptions instance_options;
    instance_options.partitions = options_.partitions;
    instance_options.workers = options_.workers;
    instance_options.epoch_events = options_.epoch_events;
    instance_options.horizon = options_.horizon;
    instance_options.inputs = source_->inputs();
    auto instance = task::Instance::open(model_, *store_, *sink_, instance_options);
    if (!instance) {
      // Another input or number of partitions than the state's is wrong use; a disk that refuses is not.
      const bool is_disk = store_->has_failed() || (files != nullptr && files->has_failed());
      return ReplayError{instance.error().message, !is_disk};
    }
    instance_ = std::move(*instance);
    // Not before: who is refused must not leave another policy in the state.
    if (const Status kept = keep_policy(*directory_, options_.policy); !kept) return failed(kept.error());
    if (const Status sought = source_->seek(instance_->source_position()); !sought)
      return ReplayError{sought.error().message, false};
    return std::nullopt;
  }

  /// Reads everything there is and commits it.
  [[nodiscard]] Status read_all(const OnProgress& on_progress, Stopwatch::time_point start) {
    const std::uint64_t before = instance_->tally().read;
    std::vector<source::FileSource::Item> items;
    auto last_commit = Stopwatch::now();
    auto last_progress = Stopwatch::now();
    for (;;) {
      items.clear();
      const auto got = source_->poll(items, kPollItems);
      for (const std::uint16_t input : source_->take_ended()) {
        if (const Status told = instance_->news({task::InputNews::Kind::kAtEnd, input, -1}); !told) return told;
      }
      if (!got) {
        // What came before the damage is good and stays.
        if (const Status committed = instance_->commit(source_->position()); !committed) return committed;
        return got.error();
      }
      if (*got == 0) break;
      events_ += *got;
      for (source::FileSource::Item& item : items) {
        if (const Status offered = instance_->offer(std::move(item.decoded), item.last_of_input); !offered)
          return offered;
      }
      const auto now = Stopwatch::now();
      if (instance_->wants_commit() || now - last_commit >= kCommitEvery) {
        if (const Status committed = instance_->commit(source_->position()); !committed) return committed;
        last_commit = Stopwatch::now();
      }
      if (now - last_progress >= kProgressEvery) {
        report(on_progress, start, before, false);
        last_progress = now;
      }
    }
    return instance_->commit(source_->position());
  }

  void report(const OnProgress& on_progress, Stopwatch::time_point start, std::uint64_t before, bool is_closing) const {
    const task::Tally tally = instance_->tally();
    const auto read = source_->progress();
    ReplayProgress progress;
    progress.events = tally.read - before;
    progress.event_time = instance_->greatest_tau();
    namespace counters = operators::counters;
    for (std::size_t i = counters::kAlerts; i < counters::kFiring && i < tally.counters.size(); ++i)
      progress.alerts += tally.counters[i];
    progress.seconds = seconds_since(start);
    progress.bytes_used = read.bytes_used;
    progress.bytes_total = read.bytes_total;
    progress.is_closing = is_closing;
    on_progress(progress);
  }

  [[nodiscard]] task::Instance& instance() { return *instance_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  const ReplayOptions& options_;
  operators::TrustModel model_;
  decode::Decoder decoder_;
  std::unique_ptr<state::StateDirectory> directory_;
  std::unique_ptr<state::RocksStore> store_;
  std::unique_ptr<task::Sink> sink_;
  std::unique_ptr<source::FileSource> source_;
  std::unique_ptr<task::Instance> instance_;
  std::uint64_t events_ = 0;
};

class SnapshotFile {
 public:
  [[nodiscard]] Status open(const std::string& path) {
    path_ = path;
    file_.open(path, std::ios::binary | std::ios::trunc);
    if (!file_) {
      return Error{fmt::format("{}: cannot be written: {}. Check the path, or choose another file with --snapshot.",
                               path, std::strerror(errno))};
    }
    return base::success();
  }
  [[nodiscard]] Status write(task::Instance& instance, event::TimeUs t) {
    if (!file_.is_open()) return base::success();
    if (const Status written = write_snapshot(instance, t, file_); !written) return written;
    file_.flush();
    if (!file_) {
      return Error{fmt::format("{}: cannot be written: {}. Make room or check the disk, then start again.", path_,
                               std::strerror(errno))};
    }
    return base::success();
  }

 private:
  std::string path_;
  std::ofstream file_;
};

/// Φ at a time before the last event: a pass of its own, in which later events are admitted but not folded.
std::optional<ReplayError> snapshot_earlier(const ReplayOptions& options, std::optional<event::TimeUs> horizon,
                                            event::TimeUs t, const Spool& spool, SnapshotFile& snapshot) {
  ReplayOptions again = options;
  again.horizon = horizon;
  again.epoch_events.reset();
  Pass pass(again, t);
  if (auto error = pass.open(std::nullopt, std::nullopt, spool.rewound())) return error;
  const auto failed = [](const Status& status) { return ReplayError{status.error().message, false}; };
  if (const Status read = pass.read_all([](const ReplayProgress&) {}, Stopwatch::now()); !read) return failed(read);
  if (const Status written = snapshot.write(pass.instance(), t); !written) return failed(written);
  return std::nullopt;
}

}  // namespace

std::variant<Summary, ReplayError> replay(const ReplayOptions& options, const OnProgress& on_progress) {
  TROTH_ASSERT(std::is_sorted(options.as_of.begin(), options.as_of.end()));
  const auto start = Stopwatch::now();
  const auto failed = [](const Status& status) { return ReplayError{status.error().message, false}; };
  SnapshotFile snapshot;
  if (options.snapshot) {
    if (const Status opened = snapshot.open(*options.snapshot); !opened)
      return ReplayError{opened.error().message, true};
  }
  Spool spool;
  const bool reads_stdin =
      options.files.empty() || std::find(options.files.begin(), options.files.end(), "-") != options.files.end();
  if (reads_stdin && options.snapshot && !options.as_of.empty()) {
    if (const Status filled = spool.fill(); !filled) return failed(filled);
  }

  Pass pass(options, event::kNever);
  if (auto error = pass.open(options.state, options.out, spool.rewound())) return *error;
  task::Instance& instance = pass.instance();
  if (const Status read = pass.read_all(on_progress, start); !read) return failed(read);
  pass.report(on_progress, start, instance.tally().read - pass.events(), true);

  // A resumed state may stand beyond the last event: an earlier run advanced it. Its τ is what must not be undercut.
  const event::TimeUs reached = instance.greatest_tau();
  std::vector<event::TimeUs> times = options.as_of;
  if (times.empty()) times.push_back(reached);
  for (const event::TimeUs t : times) {
    if (t < reached && options.snapshot) {
      if (auto error = snapshot_earlier(options, instance.horizon(), t, spool, snapshot)) return *error;
    }
  }
  if (times.back() < reached) {
    // No partition goes back, and none beyond its own time.
    if (const Status advanced = instance.advance_to(times.back()); !advanced) return failed(advanced);
  }
  for (const event::TimeUs t : times) {
    if (t < reached) continue;
    if (const Status advanced = instance.advance_to(t); !advanced) return failed(advanced);
    if (const Status written = snapshot.write(instance, t); !written) return failed(written);
  }

  Summary summary;
  summary.tally = instance.tally();
  summary.policy_hash = options.policy.policy->hash();
  summary.as_of = times.back();
  summary.seconds = seconds_since(start);
  summary.events_now = pass.events();
  measure_process(summary);
  return summary;
}

}  // namespace troth::app
