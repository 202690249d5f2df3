#include "engine/source/kafka_version.h"

#include <librdkafka/rdkafka.h>

namespace troth::source {

std::string kafka_library_version() { return rd_kafka_version_str(); }

}  // namespace troth::source
