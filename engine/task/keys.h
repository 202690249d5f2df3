// The layout of the store's keys. Pure functions; any thread.
//
//   'M'                                  the instance: format, foundation, inputs, horizon, source position, sink mark
//   'P' partition                        the task: τ, tally, counters, open epoch
//   'S' partition key 0x00 part          a part of a key's state; the head's part name is empty
//   'T' partition time key               a timer, without value
//   'X' partition tombstone              an erased key, without value
//   'O' partition sequence               a chunk of the outbox: what the partition's last commit sends
//   'C' partition                        the outbox's list of keys that this commit changed
//
// Partition is be16, time and sequence are be64, so that ranges sort as numbers do. Everything of a partition is six
// ranges. Keys hold no byte 0x00.
//
// A partition's changelog has the rows of 'P', 'S' and 'X', under the same keys without the partition. Timers follow from the
// parts of 'S' that hold them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/event/time.h"

namespace troth::task::keys {

/// The engine's own part of a key's state: when its stored timer fires. Names that begin so are not the model's to use.
inline constexpr std::string_view kTimerPart = "\x01t";

namespace internal {
inline base::ByteWriter begin(char kind, std::int32_t partition) {
  TROTH_ASSERT(partition >= 0 && partition <= 0xFFFF);
  base::ByteWriter key;
  key.u8(static_cast<std::uint8_t>(kind));
  key.be16(static_cast<std::uint16_t>(partition));
  return key;
}
}  // namespace internal

[[nodiscard]] inline std::string instance() { return "M"; }

[[nodiscard]] inline std::string task(std::int32_t partition) { return internal::begin('P', partition).take(); }

/// The range of all states of a partition begins here.
[[nodiscard]] inline std::string states(std::int32_t partition) { return internal::begin('S', partition).take(); }

/// The range of all parts of one key's state begins here; it is also the key of its head.
[[nodiscard]] inline std::string state(std::int32_t partition, std::string_view key) {
  base::ByteWriter out = internal::begin('S', partition);
  out.raw(key);
  out.u8(0);
  return std::move(out).take();
}

/// The least store key behind all parts of `key` and before those of every greater key.
[[nodiscard]] inline std::string behind_state(std::int32_t partition, std::string_view key) {
  std::string out = state(partition, key);
  out.back() = '\x01';
  return out;
}

[[nodiscard]] inline std::string timers(std::int32_t partition) { return internal::begin('T', partition).take(); }

/// The part of a timer's key behind timers(partition): sorts by time, then key.
[[nodiscard]] inline std::string timer_suffix(event::TimeUs time, std::string_view key) {
  TROTH_ASSERT(time >= 0 && time < event::kNever);
  base::ByteWriter out;
  out.be64(static_cast<std::uint64_t>(time));
  out.raw(key);
  return std::move(out).take();
}
inline constexpr std::size_t kTimerTimeBytes = 8;

/// Of the store key of a key's timer part: the key. Nothing for the store key of anything else.
[[nodiscard]] inline std::optional<std::string_view> key_of_timer_part(std::string_view store_key) {
  constexpr std::size_t kBegin = 3;  // kind and partition
  const std::size_t end = store_key.size() - std::min(store_key.size(), kTimerPart.size() + 1);
  const bool is_one = end > kBegin && store_key.front() == 'S' && store_key[end] == '\0' && store_key.ends_with(kTimerPart);
  return is_one ? std::optional(store_key.substr(kBegin, end - kBegin)) : std::nullopt;
}

[[nodiscard]] inline std::string erased(std::int32_t partition, std::string_view tombstone) {
  base::ByteWriter out = internal::begin('X', partition);
  out.raw(tombstone);
  return std::move(out).take();
}

[[nodiscard]] inline std::string outbox(std::int32_t partition) { return internal::begin('O', partition).take(); }
[[nodiscard]] inline std::string outbox_chunk(std::int32_t partition, std::uint64_t sequence) {
  base::ByteWriter out = internal::begin('O', partition);
  out.be64(sequence);
  return std::move(out).take();
}
[[nodiscard]] inline std::string outbox_changes(std::int32_t partition) {
  return internal::begin('C', partition).take();
}

/// The kinds of keys that a partition has, each a range of its own.
inline constexpr std::string_view kOfPartition = "PSTXOC";
/// Those of them that its changelog has.
inline constexpr std::string_view kInChangelog = "PSX";

/// The range of all keys of a kind that a partition has begins here.
[[nodiscard]] inline std::string range(char kind, std::int32_t partition) {
  return internal::begin(kind, partition).take();
}

/// The key of a changelog row; nothing for a key that has none there.
[[nodiscard]] inline std::optional<std::string> changelog_key(std::string_view key) {
  if (key.size() < 3 || kInChangelog.find(key.front()) == std::string_view::npos) return std::nullopt;
  return std::string(1, key.front()) + std::string(key.substr(3));
}
/// And back. Nothing: it is none.
[[nodiscard]] inline std::optional<std::string> from_changelog_key(std::string_view key, std::int32_t partition) {
  if (key.empty() || kInChangelog.find(key.front()) == std::string_view::npos) return std::nullopt;
  return range(key.front(), partition) + std::string(key.substr(1));
}
/// Of the task's own record, the last of every commit: its end mark.
inline constexpr std::string_view kEndMark = "P";

/// The least key that is greater than all keys that begin with `prefix`.
[[nodiscard]] inline std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  TROTH_ASSERT(!prefix.empty());  // every prefix begins with a letter
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1U);
  return prefix;
}

}  // namespace troth::task::keys
