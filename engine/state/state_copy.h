// StateCopy: a state directory, as it stands after some commit, copied into a new one: what backup and restore do. The
// source may be in use meanwhile; it is neither locked nor written to (store_view.h says how).
//
// Every block that is read has its checksum verified. The copy is durable before its file TROTH is written, so a copy
// that broke off is refused by whoever opens it; after an error here, what was copied is removed.
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/state/state_directory.h"

namespace troth::state {

struct StateCopyOptions {
  /// Small files beside the store that belong to the state; one that is not there is left out.
  std::vector<std::string> beside;
  std::size_t file_bytes = std::size_t{64} << 20U;  // of each file of the new store
  std::function<void(std::uint64_t keys, std::uint64_t bytes)> on_progress = {};  // now and then; may be empty
  /// For tests: between an opening and the look at whether the source was reorganised meanwhile.
  std::function<void()> on_opened = {};
};

/// Where a partition stood when it was copied.
struct PartitionStand {
  std::int32_t partition = 0;
  std::uint64_t commit = 0;  // its number
  event::TimeUs tau = 0;
};

struct StateCopied {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;  // of keys and values
  int openings = 0;
  std::vector<PartitionStand> partitions;  // that have a state, ascending
};

/// `from` has a store (opened kToRead), `to` is empty (opened kToFill).
[[nodiscard]] base::Result<StateCopied> copy_state(const StateDirectory& from, StateDirectory& to,
                                                   const StateCopyOptions& options = {});

}  // namespace troth::state
