#include "tests/bench/small/wire.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/app/decode_record.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/decode/decoder.h"
#include "engine/source/kafka_client.h"
#include "tests/bench/small/small_model.h"
#include "tests/bench/traffic.h"

namespace troth::bench {
namespace {

using base::Error;
using base::Result;
using base::Status;
using source::KafkaHandle;
using source::KafkaPartitionList;
using source::KafkaQueue;
using source::KafkaSetting;
using source::KafkaTopic;
using Instant = std::chrono::steady_clock::time_point;

constexpr std::uint64_t kSeed = 20'260'101;
constexpr auto kDeadline = std::chrono::minutes(20);
constexpr auto kAnswerWithin = std::chrono::seconds(5);  // after the last probe
constexpr int kCallMs = 10'000;
constexpr std::size_t kBatch = 10'000;

TimeUs wall_now() { return base::SystemClock().now(); }
Instant now() { return std::chrono::steady_clock::now(); }
double seconds_since(Instant begin) { return std::chrono::duration<double>(now() - begin).count(); }

double cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

Result<KafkaHandle> open_client(rd_kafka_type_t type, const std::string& bootstrap,
                                std::vector<KafkaSetting> settings) {
  source::KafkaConf conf(rd_kafka_conf_new());
  settings.push_back({"bootstrap.servers", bootstrap});
  settings.push_back({"socket.nagle.disable", "true"});
  for (const KafkaSetting& each : settings) {
    if (Status set = source::set_kafka(conf.get(), each); !set) return set.error();
  }
  return source::make_kafka_client(type, std::move(conf));
}

Result<std::int32_t> partitions_of(rd_kafka_t* client, const std::string& topic) {
  const KafkaTopic handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  if (rd_kafka_metadata(client, 0, handle.get(), &raw, kCallMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Error{topic + ": the broker does not answer"};
  }
  const std::int32_t count = raw->topic_cnt == 1 ? raw->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(raw);
  if (count == 0) return Error{topic + ": no such topic"};
  return count;
}

// ------------------------------------------------------------------------------------------------------------- writing

/// A producer of keyed events.
class Writer {
 public:
  static Result<Writer> open(const std::string& bootstrap, const std::string& topic, const std::string& linger_ms) {
    auto client = open_client(RD_KAFKA_PRODUCER, bootstrap,
                              {{"linger.ms", linger_ms},
                               {"partitioner", "murmur2_random"},
                               {"compression.codec", "lz4"},
                               {"queue.buffering.max.messages", "500000"}});
    if (!client) return client.error();
    Writer writer;
    writer.client_ = std::move(*client);
    writer.topic_.reset(rd_kafka_topic_new(writer.client_.get(), topic.c_str(), nullptr));
    return writer;
  }

  void write(std::string_view line) {
    constexpr std::string_view kBefore = R"("subject":")";
    const std::size_t begin = line.find(kBefore) + kBefore.size();
    const std::string_view key = line.substr(begin, line.find('"', begin) - begin);
    while (rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(line.data()),
                            line.size(), key.data(), key.size(), nullptr) != 0) {
      rd_kafka_poll(client_.get(), 50);  // its queue is full
    }
    if (++written_ % 1'000 == 0) rd_kafka_poll(client_.get(), 0);
  }

  [[nodiscard]] Status flush() {
    const auto error = rd_kafka_flush(client_.get(), 120'000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Error{rd_kafka_err2str(error)};
    return base::success();
  }
  [[nodiscard]] rd_kafka_t* client() { return client_.get(); }

 private:
  KafkaHandle client_;
  KafkaTopic topic_;
  std::uint64_t written_ = 0;
};

std::string event_line(std::string_view type, std::string_view id, std::string_view subject, TimeUs time,
                       std::string_view data) {
  return fmt::format(
      R"({{"specversion":"1.0","id":"{}","source":"bench","type":"{}","time":"{}","subject":"{}","data":{{{}}}}})", id,
      type, event::format_time(time), subject, data);
}

/// A promise that is broken when it is made.
std::string probe_line(const std::string& subject, TimeUs time) {
  return event_line("delivery.promised", subject, subject, time,
                    fmt::format(R"("promise_id":"{}","due_at":"{}")", subject, event::format_time(time)));
}

// ------------------------------------------------------------------------------------------------------------- reading

/// All partitions of a topic, without a group.
class Reader {
 public:
  static Result<Reader> open(const std::string& bootstrap, const std::string& topic, bool from_end,
                             std::vector<KafkaSetting> settings = {}) {
    settings.insert(settings.end(), {{"group.id", "bench-reader"}, {"enable.auto.commit", "false"},
                                     {"isolation.level", "read_committed"}, {"enable.partition.eof", "true"}});
    auto client = open_client(RD_KAFKA_CONSUMER, bootstrap, std::move(settings));
    if (!client) return client.error();
    Reader reader;
    reader.client_ = std::move(*client);
    auto partitions = partitions_of(reader.client_.get(), topic);
    if (!partitions) return partitions.error();
    reader.partitions_ = *partitions;
    rd_kafka_poll_set_consumer(reader.client_.get());
    reader.queue_.reset(rd_kafka_queue_get_consumer(reader.client_.get()));
    const KafkaPartitionList list(rd_kafka_topic_partition_list_new(*partitions));
    for (std::int32_t partition = 0; partition < *partitions; ++partition) {
      auto* each = rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
      std::int64_t low = 0;
      std::int64_t high = 0;
      if (rd_kafka_query_watermark_offsets(reader.client_.get(), topic.c_str(), partition, &low, &high, kCallMs) !=
          RD_KAFKA_RESP_ERR_NO_ERROR) {
        return Error{topic + ": the broker does not tell its end"};
      }
      each->offset = from_end ? high : low;
    }
    rd_kafka_assign(reader.client_.get(), list.get());
    return reader;
  }
  Reader() = default;
  Reader(Reader&&) = default;
  Reader& operator=(Reader&&) = default;
  ~Reader() {
    if (client_ != nullptr) rd_kafka_consumer_close(client_.get());
  }

  /// Takes what is there, waiting at most so long for the first; false once every partition was at its end.
  bool read(int wait_ms, const std::function<void(const rd_kafka_message_t&)>& each) {
    std::vector<rd_kafka_message_t*> batch(kBatch);
    const auto take = [&](int timeout_ms, std::size_t most) {
      const ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, batch.data(), most);
      for (ssize_t i = 0; i < count; ++i) {
        const rd_kafka_message_t& message = *batch[static_cast<std::size_t>(i)];
        if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ended_;
        if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) each(message);
        rd_kafka_message_destroy(batch[static_cast<std::size_t>(i)]);
      }
      return count;
    };
    if (take(0, kBatch) == 0) take(wait_ms, 1);
    return ended_ < partitions_;
  }

 private:
  KafkaHandle client_;
  KafkaQueue queue_;
  std::int32_t partitions_ = 0;
  std::int32_t ended_ = 0;
};

std::string_view text_of(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}
std::string key_of(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.key), message.key_len};
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------- fill

Result<Filled> fill(const std::string& bootstrap, const std::string& topic, std::uint64_t events,
                    std::uint64_t customers) {
  auto writer = Writer::open(bootstrap, topic, "20");
  if (!writer) return writer.error();
  auto partitions = partitions_of(writer->client(), topic);
  if (!partitions) return partitions.error();
  Traffic traffic(customers, kSeed);
  Filled filled;
  std::string line;
  const auto write = [&](const std::string& text) {
    writer->write(text);
    ++filled.events;
    filled.bytes += text.size();
  };
  while (filled.events < events) {
    line = traffic.next();
    write(line);
  }
  constexpr std::string_view kBefore = R"("time":")";
  const std::size_t begin = line.find(kBefore) + kBefore.size();
  const auto last = event::parse_time(std::string_view(line).substr(begin, line.find('"', begin) - begin));
  if (!last) return Error{"an event without a time"};
  const TimeUs behind = *last + 7 * event::kDay;
  if (behind > wall_now()) return Error{"so many events reach into the future: take more customers, or fewer events"};
  std::vector<bool> is_done(static_cast<std::size_t>(*partitions), false);
  for (std::int32_t left = *partitions, number = 0; left > 0; ++number) {
    const std::string subject = fmt::format("tick-{}", number);
    const auto partition = static_cast<std::size_t>(base::partition_of(subject, *partitions));
    if (is_done[partition]) continue;
    is_done[partition] = true;
    --left;
    write(event_line("order.placed", subject, subject, behind, R"("order_id":"tick")"));
  }
  if (Status flushed = writer->flush(); !flushed) return flushed.error();
  return filled;
}

// ---------------------------------------------------------------------------------------------------------------- bare

Result<Read> read_bare(const std::string& bootstrap, const std::string& topic, Depth depth) {
  auto reader =
      Reader::open(bootstrap, topic, false, {{"queued.max.messages.kbytes", "65536"}, {"check.crcs", "true"}});
  if (!reader) return reader.error();
  const SmallModel model;
  decode::Decoder decoder(model.catalogue());
  simdjson::dom::parser parser;
  Read result;
  std::uint64_t wrong = 0;
  double cpu_before = 0;
  Instant begin{};
  const auto each = [&](const rd_kafka_message_t& message) {
    if (result.events++ == 0) {
      cpu_before = cpu_us();
      begin = now();
    }
    if (depth == Depth::kParse) {
      wrong += parser.parse(text_of(message).data(), message.len).error() == simdjson::SUCCESS ? 0U : 1U;
    } else if (depth == Depth::kDecode) {
      wrong += decoder.structured(text_of(message)).event ? 0U : 1U;
    }
  };
  const Instant end = now() + kDeadline;
  while (reader->read(1'000, each)) {
    if (now() > end) return Error{topic + ": not read in time"};
  }
  result.cpu_us = cpu_us() - cpu_before;
  result.seconds = seconds_since(begin);
  if (wrong > 0) return Error{fmt::format("{} events could not be parsed", wrong)};
  return result;
}

// --------------------------------------------------------------------------------------------------------------- watch

namespace {

/// The number behind a name in a file of /proc; 0 where there is none.
std::uint64_t number_in(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    std::uint64_t value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

double cpu_s_of(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(in, text);
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return -1;  // it is gone
  std::istringstream fields(text.substr(after_name + 2));
  std::string word;
  for (int i = 0; i < 11; ++i) fields >> word;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Status watch(const std::string& bootstrap, const std::string& group, const std::string& topic, std::uint64_t events,
             int pid) {
  auto client =
      open_client(RD_KAFKA_CONSUMER, bootstrap, {{"group.id", group}, {"isolation.level", "read_uncommitted"}});
  if (!client) return client.error();
  auto partitions = partitions_of(client->get(), topic);
  if (!partitions) return partitions.error();
  const Instant begin = now();
  for (;;) {
    const KafkaPartitionList list(rd_kafka_topic_partition_list_new(*partitions));
    for (std::int32_t i = 0; i < *partitions; ++i) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i);
    std::uint64_t committed = 0;
    if (rd_kafka_committed(client->get(), list.get(), kCallMs) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      for (int i = 0; i < list->cnt; ++i) {
        committed += static_cast<std::uint64_t>(std::max<std::int64_t>(list->elems[i].offset, 0));
      }
    }
    const double cpu_s = cpu_s_of(pid);
    if (cpu_s < 0) return Error{fmt::format("process {} has ended at {} of {} events", pid, committed, events)};
    const std::string proc = fmt::format("/proc/{}/", pid);
    fmt::print(R"({{"seconds":{:.3f},"events":{},"cpu_s":{:.2f},"peak_kib":{},"written_bytes":{}}})" "\n",
               seconds_since(begin), committed, cpu_s, number_in(proc + "status", "VmHWM:"),
               number_in(proc + "io", "write_bytes:"));
    std::fflush(stdout);
    if (committed >= events) return base::success();
    if (now() - begin > kDeadline) return Error{fmt::format("{} of {} events in time", committed, events)};
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// ------------------------------------------------------------------------------------------------------ load and probes

Result<Answered> drive(const std::string& bootstrap, const std::string& topic, const std::string& alerts,
                       const Load& load) {
  auto reader = Reader::open(bootstrap, alerts, true, {{"fetch.wait.max.ms", "10"}});
  if (!reader) return reader.error();
  auto loader = Writer::open(bootstrap, topic, "5");
  if (!loader) return loader.error();
  auto prober = Writer::open(bootstrap, topic, "0");
  if (!prober) return prober.error();

  const std::string run = fmt::format("probe-{:x}", wall_now());
  std::unordered_map<std::string, TimeUs> seen;  // the reading thread's own until it has ended
  std::atomic<std::uint64_t> answers{0};
  std::atomic<bool> is_over{false};
  std::thread reading([&] {
    while (!is_over) {
      reader->read(100, [&, at = TimeUs{0}](const rd_kafka_message_t& message) mutable {
        if (at == 0) at = wall_now();
        std::string key = key_of(message);
        if (!key.starts_with(run)) return;
        seen.emplace(std::move(key), at);
        ++answers;
      });
    }
  });

  struct Probe {
    std::string subject;
    TimeUs sent;
  };
  std::vector<Probe> probes;
  std::vector<OrderStory> stories;
  const std::uint64_t first_order = static_cast<std::uint64_t>(wall_now());
  Dice dice(first_order);
  Pen pen;
  std::uint64_t loaded = 0;
  std::uint64_t probed = 0;
  const Instant begin = now();
  for (double past = 0; past < load.warm_up_s + load.seconds; past = seconds_since(begin)) {
    const auto probes_due = static_cast<std::uint64_t>(past * load.probes_per_second);
    for (; probed < probes_due; ++probed) {
      const std::string subject = fmt::format("{}-{}", run, probed);
      const TimeUs at = wall_now();
      prober->write(probe_line(subject, at));
      rd_kafka_poll(prober->client(), 0);
      if (past >= load.warm_up_s) probes.push_back({subject, at});
    }
    const auto load_due = static_cast<std::uint64_t>(past * load.events_per_second);
    // In short runs, so that probes go out in time.
    for (int most = 100; loaded < load_due && most > 0; --most, ++loaded) {
      if (stories.size() < 1'000) {
        stories.emplace_back(dice.roll(load.customers), first_order + loaded);
      }
      OrderStory& story = stories[loaded % stories.size()];
      loader->write(story.tell(pen, wall_now()));
      if (story.told() == OrderStory::kDelivered) story = OrderStory(dice.roll(load.customers), first_order + loaded);
    }
    if (loaded >= load_due) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Answered answered;
  answered.events_per_second = static_cast<double>(loaded) / seconds_since(begin);
  Status flushed = loader->flush();
  if (flushed) flushed = prober->flush();
  const Instant last = now();
  while (answers < probed && now() - last < kAnswerWithin) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  is_over = true;
  reading.join();
  if (!flushed) return flushed.error();
  for (const Probe& probe : probes) {
    const auto found = seen.find(probe.subject);
    if (found == seen.end()) {
      ++answered.lost;
    } else {
      answered.latencies_ms.push_back(static_cast<double>(found->second - probe.sent) / 1'000.0);
    }
  }
  std::sort(answered.latencies_ms.begin(), answered.latencies_ms.end());
  return answered;
}

Status first_alert(const std::string& bootstrap, const std::string& topic, const std::string& alerts) {
  auto reader = Reader::open(bootstrap, alerts, true, {{"fetch.wait.max.ms", "10"}});
  if (!reader) return reader.error();
  auto writer = Writer::open(bootstrap, topic, "0");
  if (!writer) return writer.error();
  const std::string run = fmt::format("first-{:x}-", wall_now());
  for (int i = 0; i < 20; ++i) writer->write(probe_line(fmt::format("{}{}", run, i), wall_now()));
  if (Status flushed = writer->flush(); !flushed) return flushed;
  fmt::print("sent\n");
  std::fflush(stdout);
  TimeUs seen = 0;
  const Instant begin = now();
  while (seen == 0 && now() - begin < kDeadline) {
    reader->read(100, [&](const rd_kafka_message_t& message) {
      if (seen == 0 && key_of(message).starts_with(run)) seen = wall_now();
    });
  }
  if (seen == 0) return Error{"no alert in time"};
  fmt::print("{}\n", seen);
  return base::success();
}

}  // namespace troth::bench
