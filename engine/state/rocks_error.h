// What RocksDB refused, in words for a person, with what to do about it. Used by rocks_store and state_copy. Pure
// function; any thread.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace rocksdb {
class Status;
}

namespace troth::state {

[[nodiscard]] base::Error rocks_error(const std::string& path, std::string_view what, const rocksdb::Status& status);

}  // namespace troth::state
