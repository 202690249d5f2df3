// How RocksDB is set up, with the reason of each setting. Included by state/ only. Pure functions; any thread.
#pragma once

#include <rocksdb/options.h>

#include "engine/state/rocks_store.h"

namespace troth::state {

/// The longest first key that a removed range may have: kind and partition (task/keys.h).
inline constexpr std::size_t kRangeBytes = 3;

/// For a store that is read once, or filled once and closed.
inline constexpr RocksOptions kSmallStore{.cache_bytes = std::size_t{32} << 20U, .write_buffer_bytes = std::size_t{8} << 20U};

[[nodiscard]] rocksdb::Options rocks_options(const RocksOptions& options);
[[nodiscard]] bool rocksdb_can_compress_with(rocksdb::CompressionType type);

}  // namespace troth::state
