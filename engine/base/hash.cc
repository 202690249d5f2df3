#include "engine/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <memory>

#include "engine/base/assert.h"

namespace troth::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

/// SHA-1 with its algorithm looked up once: looking it up costs more than a short digest. What a thread keeps is but
/// the memory that a digest needs.
class Sha1 {
 public:
  static Sha1& of_this_thread() {
    thread_local Sha1 kept;
    return kept;
  }
  void begin() { TROTH_ASSERT(EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1); }
  void add(const void* bytes, std::size_t size) { TROTH_ASSERT(EVP_DigestUpdate(context_.get(), bytes, size) == 1); }
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> end() {
    std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
    TROTH_ASSERT(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    return digest;
  }

 private:
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  struct FreeAlgorithm {
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
  };
  Sha1() : context_(EVP_MD_CTX_new()) { TROTH_ASSERT(context_ != nullptr); }
  static const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, FreeAlgorithm> kFetched(EVP_MD_fetch(nullptr, "SHA1", nullptr));
    TROTH_ASSERT(kFetched != nullptr);
    return kFetched.get();
  }
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

}  // namespace

Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  SHA256(as_bytes(bytes), bytes.size(), digest.data());
  return digest;
}

std::string sha256_hex(std::string_view bytes) {
  std::string text;
  for (const std::uint8_t byte : sha256(bytes)) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256 digest{};
  unsigned int size = 0;
  // A null key pointer would mean "the previous key" to older libcrypto versions: an empty key needs an address.
  const char* key_data = key.empty() ? "" : key.data();
  const auto* done =
      HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), as_bytes(bytes), bytes.size(), digest.data(), &size);
  TROTH_ASSERT(done != nullptr && size == digest.size());
  return digest;
}

std::string uuid_v5(const std::array<std::uint8_t, 16>& namespace_uuid, std::string_view name) {
  Sha1& sha1 = Sha1::of_this_thread();
  sha1.begin();
  sha1.add(namespace_uuid.data(), namespace_uuid.size());
  sha1.add(name.data(), name.size());
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest = sha1.end();
  digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0FU) | 0x50U);
  digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3FU) | 0x80U);
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    text[at++] = kHex[digest[i] >> 4U];
    text[at++] = kHex[digest[i] & 15U];
  }
  return text;
}

std::uint32_t murmur2(std::string_view bytes) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  const auto byte_at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  std::uint32_t hash = 0x9747b28cU ^ static_cast<std::uint32_t>(bytes.size());
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t word = byte_at(i) | byte_at(i + 1) << 8U | byte_at(i + 2) << 16U | byte_at(i + 3) << 24U;
    word *= kMultiplier;
    word ^= word >> 24U;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
  }
  const std::size_t rest = bytes.size() - i;
  if (rest >= 3) hash ^= byte_at(i + 2) << 16U;
  if (rest >= 2) hash ^= byte_at(i + 1) << 8U;
  if (rest >= 1) {
    hash ^= byte_at(i);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13U;
  hash *= kMultiplier;
  return hash ^ (hash >> 15U);
}

}  // namespace troth::base
