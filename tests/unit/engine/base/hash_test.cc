// Digests and murmur2 against published answers: partitions, ids of alerts and policy hashes depend on them.
#include "engine/base/hash.h"

#include <gtest/gtest.h>

namespace troth::base {
namespace {

std::string hex(const Sha256& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

/// Answers of the Kafka client's own tests.
TEST(Hash, murmur2_is_that_of_kafka) {
  const auto hash = [](std::string_view key) { return static_cast<std::int32_t>(murmur2(key)); };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
}

TEST(Hash, a_partition_is_never_negative) {
  EXPECT_EQ(partition_of("21", 1000),
            static_cast<std::int32_t>((static_cast<std::uint32_t>(-973932308) & 0x7FFFFFFFU) % 1000));
  for (const char* key : {"", "21", "foobar", "abc"}) {
    EXPECT_GE(partition_of(key, 16), 0);
    EXPECT_LT(partition_of(key, 16), 16);
    EXPECT_EQ(partition_of(key, 1), 0);
  }
}

/// FIPS 180-2, appendix B.
TEST(Hash, sha256_is_that_of_the_standard) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), sha256_hex("abc"));
}

/// RFC 4231, test cases 1, 2 and 6.
TEST(Hash, hmac_is_that_of_the_standard) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, an_empty_hmac_key_is_a_key_and_not_the_one_before) {
  const std::string expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(hex(hmac_sha256("", "")), expected);
  EXPECT_NE(hex(hmac_sha256("Jefe", "")), expected);
  EXPECT_EQ(hex(hmac_sha256(std::string_view(), "")), expected);
}

/// RFC 9562, appendix A.4, and Python's uuid.uuid5(NAMESPACE_DNS, "python.org").
TEST(Hash, uuid_v5_is_that_of_the_standard) {
  constexpr std::array<std::uint8_t, 16> kDns = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                                 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  EXPECT_EQ(uuid_v5(kDns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  EXPECT_EQ(uuid_v5(kDns, "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

}  // namespace
}  // namespace troth::base
