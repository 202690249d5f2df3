#include "tests/bench/pipeline.h"

#include <simdjson.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "engine/app/decode_record.h"
#include "engine/decode/decoder.h"
#include "engine/sink/file_sink.h"
#include "engine/source/file_source.h"
#include "engine/source/line_reader.h"
#include "engine/state/memory_store.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"
#include "operators/trust_model.h"

namespace troth::bench {
namespace {

using base::Error;
using base::Result;
using base::Status;
using Item = source::FileSource::Item;

constexpr std::size_t kPollItems = 2'048;
constexpr std::uint64_t kEventsPerCommit = 100'000;  // counted, not timed, so that a slow machine does the same work

class CpuWatch {
 public:
  [[nodiscard]] double us() const { return now_us() - start_us_; }

 private:
  static double now_us() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  }
  double start_us_ = now_us();
};

std::uint64_t bytes_below(const std::string& directory) {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

/// By this process so far; 0 where the kernel does not tell.
std::uint64_t bytes_written() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; io >> name >> value;) {
    if (name == "wchar:") return value;
  }
  return 0;
}

template <typename Each>
Result<Measured> for_each_line(const std::string& file, const Each& each) {
  auto reader = source::LineReader::open(file);
  if (!reader) return reader.error();
  Measured measured;
  const CpuWatch watch;
  source::Line line;
  for (;;) {
    auto got = (*reader)->next(line);
    if (!got) return got.error();
    if (*got == source::LineReader::Outcome::kEnd) break;
    if (const Status taken = each(line.text); !taken) return taken.error();
    ++measured.events;
    measured.input_bytes += line.bytes;
  }
  measured.cpu_us = watch.us();
  return measured;
}

Result<std::unique_ptr<source::FileSource>> open_source(const std::string& file, decode::Decoder& decoder) {
  return source::FileSource::open(
      {file}, [&decoder](task::Record record) { return app::decode_record(decoder, std::move(record)); });
}

void take_statistics(const task::Statistics& statistics, Measured& measured) {
  measured.phases = statistics.total;
  measured.commits = statistics.commits;
  measured.keys_settled = statistics.keys_settled;
  measured.keys_decoded = statistics.cache_misses;
}

/// The loop of a replay, commits counted instead of timed.
Status drive(source::FileSource& source, task::Instance& instance) {
  std::vector<Item> items;
  std::uint64_t since_commit = 0;
  for (;;) {
    items.clear();
    auto got = source.poll(items, kPollItems);
    if (!got) return got.error();
    if (*got == 0) break;
    for (Item& item : items) {
      if (const Status offered = instance.offer(std::move(item.decoded), item.last_of_input); !offered) return offered;
    }
    since_commit += *got;
    if (!instance.wants_commit() && since_commit < kEventsPerCommit) continue;
    if (const Status committed = instance.commit(source.position()); !committed) return committed;
    since_commit = 0;
  }
  return instance.commit(source.position());
}

Result<Measured> replay(const std::string& file, const operators::TrustModel& model, task::Store& store,
                        task::Sink& sink) {
  decode::Decoder decoder(model.catalogue());
  const CpuWatch watch;
  auto source = open_source(file, decoder);
  if (!source) return source.error();
  task::InstanceOptions options;
  options.inputs = (*source)->inputs();
  auto instance = task::Instance::open(model, store, sink, options);
  if (!instance) return instance.error();
  if (const Status driven = drive(**source, **instance); !driven) return driven.error();
  Measured measured;
  measured.cpu_us = watch.us();
  const task::Tally tally = (*instance)->tally();
  measured.events = tally.read;
  measured.refused = tally.refused_in_all();
  measured.input_bytes = std::filesystem::file_size(file);
  take_statistics((*instance)->statistics(), measured);
  return measured;
}

std::vector<task::Decoded> decoded(const std::vector<std::string>& lines, decode::Decoder& decoder) {
  std::vector<task::Decoded> result;
  for (const std::string& line : lines) {
    task::Record record;
    record.value = line;
    result.push_back(app::decode_record(decoder, std::move(record)));
  }
  return result;
}

/// Offers everything, with a commit, and so an epoch, every `epoch` events.
Status offer_all(task::Instance& instance, std::vector<task::Decoded> events, std::uint64_t epoch) {
  std::uint64_t since_commit = 0;
  for (task::Decoded& each : events) {
    if (const Status offered = instance.offer(std::move(each)); !offered) return offered;
    if (++since_commit < epoch) continue;
    if (const Status committed = instance.commit({}); !committed) return committed;
    since_commit = 0;
  }
  return instance.commit({});
}

}  // namespace

Result<Measured> read_lines(const std::string& file) {
  return for_each_line(file, [](std::string_view) { return base::success(); });
}

Result<Measured> parse_lines(const std::string& file) {
  simdjson::dom::parser parser;
  return for_each_line(file, [&](std::string_view line) -> Status {
    const auto parsed = parser.parse(line.data(), line.size());
    if (parsed.error() != simdjson::SUCCESS) return Error{simdjson::error_message(parsed.error())};
    return base::success();
  });
}

Result<Measured> decode_lines(const std::string& file) {
  decode::Decoder decoder(operators::catalogue());
  const CpuWatch watch;
  auto source = open_source(file, decoder);
  if (!source) return source.error();
  Measured measured;
  std::vector<Item> items;
  for (;;) {
    items.clear();
    auto got = (*source)->poll(items, kPollItems);
    if (!got) return got.error();
    if (*got == 0) break;
    measured.events += *got;
    for (const Item& item : items) measured.refused += item.decoded.event ? 0U : 1U;
  }
  measured.cpu_us = watch.us();
  measured.input_bytes = std::filesystem::file_size(file);
  return measured;
}

Result<Measured> replay_in_memory(const std::string& file, const app::LoadedPolicy& policy) {
  const operators::TrustModel model(policy.policy, {});
  state::MemoryStore store;
  sink::NullSink sink(model.streams());
  return replay(file, model, store, sink);
}

Result<Measured> replay_to_disk(const std::string& file, const app::LoadedPolicy& policy,
                                const std::string& directory) {
  const operators::TrustModel model(policy.policy, {});
  const std::uint64_t written_before = bytes_written();
  auto state = state::StateDirectory::open(directory + "/state", state::StateDirectory::Mode::kCreate);
  if (!state) return state.error();
  auto store = state::RocksStore::open(**state);
  if (!store) return store.error();
  auto sink = sink::FileSink::open(directory + "/out", model.streams());
  if (!sink) return sink.error();
  auto measured = replay(file, model, **store, **sink);
  if (!measured) return measured;
  measured->written_bytes = bytes_written() - written_before;
  store->reset();
  measured->store_bytes = bytes_below(directory + "/state");
  measured->output_bytes = bytes_below(directory + "/out");
  return measured;
}

Result<Measured> run_shape(const Shape& shape, const app::LoadedPolicy& policy, std::uint64_t epoch) {
  const operators::TrustModel model(policy.policy, {});
  decode::Decoder decoder(model.catalogue());
  std::vector<task::Decoded> setup = decoded(shape.setup, decoder);
  std::vector<task::Decoded> events = decoded(shape.measured, decoder);
  state::MemoryStore store;
  sink::NullSink sink(model.streams());
  task::InstanceOptions options;
  options.partitions = 1;
  options.inputs = {"shape"};
  auto instance = task::Instance::open(model, store, sink, options);
  if (!instance) return instance.error();
  if (const Status prepared = offer_all(**instance, std::move(setup), kEventsPerCommit); !prepared)
    return prepared.error();
  Measured measured;
  measured.events = events.size();
  const CpuWatch watch;
  if (const Status done = offer_all(**instance, std::move(events), epoch); !done) return done.error();
  measured.cpu_us = watch.us();
  measured.refused = (*instance)->tally().refused_in_all();
  take_statistics((*instance)->statistics(), measured);
  return measured;
}

}  // namespace troth::bench
