#include "engine/source/kafka_version.h"

#include <librdkafka/rdkafka.h>

#include <memory>

namespace troth::source {

std::string kafka_library_version() { return rd_kafka_version_str(); }

bool kafka_library_does_scram_with_4() { return rd_kafka_version() >= 0x020601ff; }

bool kafka_library_does_oidc() {
  const std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                                rd_kafka_conf_destroy);
  char why[256];
  return rd_kafka_conf_set(conf.get(), "sasl.oauthbearer.method", "oidc", why, sizeof why) == RD_KAFKA_CONF_OK;
}

}  // namespace troth::source
