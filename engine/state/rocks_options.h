// How RocksDB is set up, with the reason of each setting. Included by rocks_store.cc and state_copy.cc
// only. Pure functions; any thread.
#pragma once

#include <rocksdb/options.h>

#include "engine/state/rocks_store.h"

namespace troth::state {

/// The longest first key that a removed range may have: kind and partition (task/keys.h).
inline constexpr std::size_t kRangeBytes = 3;

[[nodiscard]] rocksdb::Options rocks_options(const RocksOptions& options);
[[nodiscard]] bool rocksdb_can_compress_with(rocksdb::CompressionType type);

}  // namespace troth::state
