// The binary encoding: what was written is read, and damage is noticed without reading beyond the bytes.
#include "engine/base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace troth::base {
namespace {

const std::vector<std::int64_t> kNumbers = {0,
                                            1,
                                            -1,
                                            63,
                                            64,
                                            -64,
                                            -65,
                                            127,
                                            128,
                                            1'000'000,
                                            std::numeric_limits<std::int32_t>::max(),
                                            std::numeric_limits<std::int64_t>::max(),
                                            std::numeric_limits<std::int64_t>::min()};

TEST(Bytes, what_is_written_is_read) {
  ByteWriter out;
  for (const std::int64_t number : kNumbers) {
    out.zigzag(number);
    out.varint(static_cast<std::uint64_t>(number));
    out.be64(static_cast<std::uint64_t>(number));
  }
  out.u8(255);
  out.be16(0xABCD);
  out.boolean(true);
  out.boolean(false);
  out.string("");
  out.string(std::string(300, 'x'));
  out.raw("rest");

  ByteReader in(out.bytes());
  for (const std::int64_t number : kNumbers) {
    EXPECT_EQ(in.zigzag(), number);
    EXPECT_EQ(in.varint(), static_cast<std::uint64_t>(number));
    EXPECT_EQ(in.be64(), static_cast<std::uint64_t>(number));
  }
  EXPECT_EQ(in.u8(), 255);
  EXPECT_EQ(in.be16(), 0xABCD);
  EXPECT_TRUE(in.boolean());
  EXPECT_FALSE(in.boolean());
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(in.string(), std::string(300, 'x'));
  EXPECT_EQ(in.rest(), "rest");
  EXPECT_TRUE(in.ok());
}

TEST(Bytes, small_numbers_take_one_byte) {
  ByteWriter out;
  out.varint(127);
  out.zigzag(-64);
  EXPECT_EQ(out.bytes().size(), 2U);
}

TEST(Bytes, fixed_width_sorts_as_the_number_does) {
  const auto encoded = [](std::uint64_t number) {
    ByteWriter out;
    out.be64(number);
    return std::move(out).take();
  };
  EXPECT_LT(encoded(255), encoded(256));
  EXPECT_LT(encoded(256), encoded(1ULL << 63U));
}

TEST(Bytes, every_cut_is_noticed) {
  ByteWriter out;
  out.varint(1'000'000);
  out.string("hello");
  out.be64(1);
  const std::string bytes = out.bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(std::string_view(bytes).substr(0, size));
    in.varint();
    in.string();
    in.be64();
    EXPECT_FALSE(in.ok()) << size;
  }
}

TEST(Bytes, a_reader_that_failed_answers_zeros) {
  ByteReader in(
      "\x05"
      "ab");
  EXPECT_EQ(in.string(), "");
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_EQ(in.string(), "");
}

TEST(Bytes, a_varint_beyond_64_bits_is_damage) {
  EXPECT_EQ(ByteReader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").varint(), std::numeric_limits<std::uint64_t>::max());
  ByteReader too_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
  too_long.varint();
  EXPECT_FALSE(too_long.ok());
  ByteReader endless("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");
  endless.varint();
  EXPECT_FALSE(endless.ok());
}

TEST(Bytes, a_bool_is_zero_or_one) {
  ByteReader in("\x02");
  in.boolean();
  EXPECT_FALSE(in.ok());
}

TEST(Bytes, a_count_never_exceeds_the_bytes_left) {
  ByteReader good(
      "\x02"
      "ab");
  EXPECT_EQ(good.count(), 2U);
  EXPECT_TRUE(good.ok());
  ByteReader bad(
      "\x03"
      "ab");
  bad.count();
  EXPECT_FALSE(bad.ok());
}

TEST(Bytes, a_string_longer_than_the_address_space_is_damage) {
  ByteWriter out;
  out.varint(std::numeric_limits<std::uint64_t>::max());
  ByteReader in(out.bytes());
  EXPECT_EQ(in.string(), "");
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace troth::base
