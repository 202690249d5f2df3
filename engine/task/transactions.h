// Transactions: the other side of an exactly-once output: it takes what a commit sends all or not at all, together with the
// positions of the inputs, and remembers which commit of each partition it has. Kafka is one (sink/kafka_transactions),
// the simulator's world another. Driven by one thread.
//
// What it takes of a commit: the outputs; the rows of the partition's changelog, the last of which, under the key
// keys::kEndMark, is the task's own record; the next offsets of the inputs, and with them the commit's id. Whoever reads
// the changelog sees whole commits only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/meta.h"
#include "engine/task/sink.h"

namespace troth::task {

struct ChangelogRow {
  std::string key;                        // as in keys.h, without the partition
  std::optional<std::string_view> value;  // nothing: the key is gone
};

/// What a commit sends of one partition. Views are valid during the call.
struct PartitionDelivery {
  std::int32_t partition = 0;
  CommitId commit;
  std::vector<std::int64_t> next_offsets;  // by input; −1: nothing read yet
  const std::vector<Outgoing>* outputs = nullptr;
  std::vector<ChangelogRow> rows;          // in this order; empty without a changelog
};

/// The changelog of every partition, to be read.
class Changelog {
 public:
  virtual ~Changelog() = default;

  /// Answers whether to go on. `end` is the offset behind the last row known of, for a figure of progress.
  using EachRow = std::function<base::Result<bool>(std::int64_t offset, std::int64_t end, std::string_view key,
                                                   std::optional<std::string_view> value)>;
  /// Reads a partition's changelog from an offset on (−1: from its beginning) until `each` answers false: true. False: the
  /// end was reached; with `waits`, only after a while in which nothing more came. An offset that the log does not have any
  /// more counts as its beginning.
  [[nodiscard]] virtual base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                          const EachRow& each) = 0;
};

class Transactions : public Changelog {
 public:

  [[nodiscard]] virtual bool has_changelog() const = 0;

  /// All or nothing. Answers by partition, in the order given, the changelog offset of its end mark (−1: no changelog).
  /// An error says nothing about the outcome: close everything, open anew, and ask committed().
  [[nodiscard]] virtual base::Result<std::vector<std::int64_t>> deliver(
      const std::vector<PartitionDelivery>& parts) = 0;

  /// The last commit taken of a partition; nothing: none. Waits for a transaction that is still open.
  [[nodiscard]] virtual base::Result<std::optional<CommitId>> committed(std::int32_t partition) = 0;
};

}  // namespace troth::task
