#include "tests/bench/small/offline.h"

#include <time.h>

#include <utility>
#include <vector>

#include "engine/app/decode_record.h"
#include "engine/base/hash.h"
#include "engine/decode/decoder.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"
#include "tests/bench/small/small_model.h"
#include "tests/bench/traffic.h"

namespace troth::bench {
namespace {

using base::Result;
using base::Status;

constexpr std::int32_t kPartitions = 4;
constexpr std::uint64_t kSeed = 20'260'101;

double cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// Takes everything, keeps nothing.
class Nowhere final : public task::Transactions {
 public:
  [[nodiscard]] bool has_changelog() const override { return true; }
  Result<std::vector<std::int64_t>> deliver(const std::vector<task::PartitionDelivery>& parts) override {
    return std::vector<std::int64_t>(parts.size(), 0);
  }
  Result<std::optional<task::CommitId>> committed(std::int32_t) override { return std::optional<task::CommitId>(); }
  Result<bool> read_changelog(std::int32_t, std::int64_t, bool, const EachRow&) override { return true; }
};

}  // namespace

Result<Offline> run_offline(const std::string& state, std::uint64_t events, std::uint64_t customers,
                            std::uint64_t per_commit) {
  Traffic traffic(customers, kSeed);
  std::vector<task::Record> records(events);
  std::int64_t offsets[kPartitions] = {};
  for (task::Record& each : records) {
    each.value = traffic.next();
    const std::size_t begin = each.value->find(R"("subject":")") + 11;
    each.key = each.value->substr(begin, each.value->find('"', begin) - begin);
    each.origin.partition = base::partition_of(*each.key, kPartitions);
    each.origin.offset = offsets[each.origin.partition]++;
  }

  const SmallModel model;
  decode::Decoder decoder(model.catalogue());
  auto directory = state::StateDirectory::open(state, state::StateDirectory::Mode::kCreate);
  if (!directory) return directory.error();
  state::RocksOptions store_options;
  store_options.cache_bytes = std::size_t{256} << 20U;
  store_options.write_buffer_bytes = store_options.cache_bytes / 4;
  auto store = state::RocksStore::open(**directory, store_options);
  if (!store) return store.error();
  Nowhere nowhere;
  task::InstanceOptions options;
  options.partitions = kPartitions;
  options.partitions_by_key = false;
  options.inputs = {"events"};
  options.writer = "offline";
  options.follow_wall_clock = true;
  options.refuses_wrong_partition = true;
  auto instance = task::Instance::open(model, **store, nowhere, options);
  if (!instance) return instance.error();
  if (Status told = (*instance)->advance_wall(kBegin + 3'000 * event::kDay); !told) return told.error();
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    if (auto assigned = (*instance)->assign(partition); !assigned) return assigned.error();
  }

  Offline result;
  task::PhaseTimes before;
  double began = 0;
  std::vector<task::Decoded> decoded;
  for (std::uint64_t next = 0; next < events;) {
    if (began == 0 && next >= events / 2) {
      began = cpu_us();
      before = (*instance)->statistics().total;
    }
    const std::uint64_t end = std::min(events, next + per_commit);
    if (began != 0) result.events += end - next;
    while (next < end) {
      decoded.clear();
      const double decoding = cpu_us();
      for (const std::uint64_t stop = std::min(end, next + 1'000); next < stop; ++next) {
        decoded.push_back(app::decode_record(decoder, std::move(records[next])));
      }
      if (began != 0) result.decode_us += cpu_us() - decoding;
      for (task::Decoded& each : decoded) {
        if (Status offered = (*instance)->offer(std::move(each)); !offered) return offered.error();
      }
    }
    if (Status committed = (*instance)->commit({}); !committed) return committed.error();
  }
  result.cpu_us = cpu_us() - began;
  result.phases = (*instance)->statistics().total;
  result.phases.apply_ns -= before.apply_ns;
  result.phases.settle_ns -= before.settle_ns;
  result.phases.encode_ns -= before.encode_ns;
  result.phases.store_ns -= before.store_ns;
  result.phases.sink_ns -= before.sink_ns;
  return result;
}

}  // namespace troth::bench
