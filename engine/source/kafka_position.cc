#include "engine/source/kafka_position.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"

namespace troth::source {

void KafkaPosition::start(std::int64_t next) {
  TROTH_ASSERT(next >= -1);
  next_ = next;
  seen_ = -1;
  at_end_ = false;
  doubted_ = -1;
  paused = false;
  resumed();
}

void KafkaPosition::resumed() {
  told_ = true;
  told_twice_ = false;
}

KafkaPosition::Step KafkaPosition::take(std::int64_t offset, KafkaOffsetCounts& counts) {
  TROTH_ASSERT(offset >= 0);
  if (offset < next_) {
    ++counts.below;
    return Step::kDrop;
  }
  // What lies before an end that was reached is known to hold no record.
  const std::int64_t expected = std::max(next_, seen_);
  if (next_ >= 0 && offset > expected) {
    if (told_ && !told_twice_) {
      told_twice_ = true;
      ++counts.reread;
      return Step::kReadAgain;
    }
    ++counts.gaps;
    counts.missing += static_cast<std::uint64_t>(offset - expected);
  }
  told_ = false;
  next_ = offset + 1;
  return Step::kDeliver;
}

KafkaPosition::End KafkaPosition::reach_end(std::int64_t offset) {
  if (offset < next_) return End::kKnown;  // of an earlier reading
  const std::int64_t expected = std::max<std::int64_t>({next_, seen_, 0});
  if (!at_end_ && offset > expected && std::exchange(doubted_, offset) != offset) return End::kReadAgain;
  seen_ = offset;
  if (at_end_) return End::kKnown;
  at_end_ = true;
  return End::kNews;
}

bool KafkaPosition::fall_behind(std::int64_t offset, std::int64_t end, std::int64_t behind_records) {
  if (!at_end_ || end - offset <= behind_records) return false;
  at_end_ = false;
  return true;
}

std::optional<std::int64_t> KafkaPosition::lag(std::int64_t end) const {
  const std::int64_t here = std::max(next_, seen_);
  if (here < 0 || end < 0) return std::nullopt;
  return std::max<std::int64_t>(0, end - here);
}

}  // namespace troth::source
