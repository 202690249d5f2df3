// The Kafka client library that this process runs with: its version and what it was built to do. Any thread.
#pragma once

#include <string>

namespace troth::source {

[[nodiscard]] std::string kafka_library_version();

/// SCRAM against brokers of version 4 and later: until 2.6.1 the library repeats its nonce in the second message, which
/// older brokers let pass (confluentinc/librdkafka#4895).
[[nodiscard]] bool kafka_library_does_scram_with_4();

/// OAUTHBEARER with tokens from an OpenID provider: only if the library was built with an HTTP client.
[[nodiscard]] bool kafka_library_does_oidc();

}  // namespace troth::source
