// How RocksDB is set up, with the reason of each setting. Included by rocks_store.cc and state_copy.cc
// only. Pure functions; any thread.
#pragma once

#include <rocksdb/options.h>

#include "engine/state/rocks_store.h"

namespace troth::state {

[[nodiscard]] rocksdb::Options rocks_options(const RocksOptions& options);
[[nodiscard]] bool rocksdb_can_compress_with(rocksdb::CompressionType type);

}  // namespace troth::state
