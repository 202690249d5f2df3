// The version of the Kafka client library at run time. Any thread.
#pragma once

#include <string>

namespace troth::source {

[[nodiscard]] std::string kafka_library_version();

}  // namespace troth::source
