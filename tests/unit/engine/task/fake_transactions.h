// FakeTransactions: the other side in memory. It takes commits whole, or fails before or after. It outlives the instances.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/task/keys.h"
#include "engine/task/transactions.h"

namespace troth::task::testing {

class FakeTransactions final : public Transactions {
 public:
  struct Row {
    std::string key;
    std::optional<std::string> value;
  };

  [[nodiscard]] bool has_changelog() const override { return keeps_changelog; }

  base::Result<std::vector<std::int64_t>> deliver(const std::vector<PartitionDelivery>& parts) override {
    if (fails_in > 0 && --fails_in == 0 && !fails_after) return base::Error{"nothing was taken"};
    std::vector<std::int64_t> marks;
    for (const PartitionDelivery& part : parts) {
      records.insert(records.end(), part.outputs->begin(), part.outputs->end());
      std::vector<Row>& log = changelog[part.partition];
      for (const ChangelogRow& row : part.rows) {
        log.push_back({row.key, row.value ? std::optional(std::string(*row.value)) : std::nullopt});
      }
      marks.push_back(keeps_changelog ? static_cast<std::int64_t>(log.size()) - 1 : -1);
      taken[part.partition] = part.commit;
      offsets[part.partition] = part.next_offsets;
    }
    ++deliveries;
    if (fails_after && fails_in == 0) {
      fails_after = false;
      return base::Error{"taken, but nobody heard of it"};
    }
    return marks;
  }

  base::Result<std::optional<CommitId>> committed(std::int32_t partition) override {
    const auto found = taken.find(partition);
    return found == taken.end() ? std::optional<CommitId>() : std::optional(found->second);
  }

  base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool, const EachRow& each) override {
    if (fails_read) return base::Error{"the changelog cannot be read"};
    const std::vector<Row>& log = changelog[partition];
    for (auto at = static_cast<std::size_t>(std::max<std::int64_t>(from, 0)); at < log.size(); ++at) {
      if (!log[at].key.empty()) {  // empty: compacted away
        std::optional<std::string_view> value;
        if (log[at].value) value = *log[at].value;
        ++rows_read;
        auto goes_on = each(static_cast<std::int64_t>(at), static_cast<std::int64_t>(log.size()), log[at].key, value);
        if (!goes_on) return goes_on.error();
        if (!*goes_on) return true;
      }
    }
    return false;
  }

  /// What a broker does in its time: of each key only the last row stays.
  void compact(std::int32_t partition) {
    std::map<std::string, std::size_t> last;
    std::vector<Row>& log = changelog[partition];
    for (std::size_t i = 0; i < log.size(); ++i) last[log[i].key] = i;
    for (std::size_t i = 0; i < log.size(); ++i) {
      if (last[log[i].key] != i) log[i] = {};
    }
  }

  bool keeps_changelog = true;
  int fails_in = 0;  // 1: the next delivery fails
  bool fails_after = false;
  bool fails_read = false;

  std::vector<Outgoing> records;
  std::map<std::int32_t, std::vector<Row>> changelog;
  std::map<std::int32_t, CommitId> taken;
  std::map<std::int32_t, std::vector<std::int64_t>> offsets;
  int deliveries = 0;
  std::size_t rows_read = 0;
};

}  // namespace troth::task::testing
