// Digests by OpenSSL's libcrypto, and Kafka's murmur2, by which keys find their partitions. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troth::base {

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256 sha256(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

/// RFC 4122 UUID version 5 (SHA-1) of `name` in `namespace_uuid` (16 bytes), in lower-case text form.
[[nodiscard]] std::string uuid_v5(const std::array<std::uint8_t, 16>& namespace_uuid, std::string_view name);

/// The hash by which Kafka's default partitioner spreads keys (32 bits; mask the sign bit before taking the remainder).
[[nodiscard]] std::uint32_t murmur2(std::string_view bytes);

/// The partition that Kafka's default partitioner gives to a key.
[[nodiscard]] inline std::int32_t partition_of(std::string_view key, std::int32_t partitions) {
  return static_cast<std::int32_t>((murmur2(key) & 0x7FFFFFFFU) % static_cast<std::uint32_t>(partitions));
}

}  // namespace troth::base
