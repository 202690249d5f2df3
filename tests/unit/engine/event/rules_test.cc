// The rules that values of events keep, at their limits.
#include "engine/event/rules.h"

#include <gtest/gtest.h>

#include <string>

namespace troth::event {
namespace {

/// The test of control characters looks at eight bytes at once: every place and every length up to 40 is tried.
TEST(Rules, find_every_control_character_at_every_place) {
  for (std::size_t size = 1; size <= 40; ++size) {
    ASSERT_TRUE(has_no_control_characters(std::string(size, ' ')));
    ASSERT_TRUE(has_no_control_characters(std::string(size, '~')));
    ASSERT_TRUE(has_no_control_characters(std::string(size, '\x80')));
    ASSERT_TRUE(has_no_control_characters(std::string(size, '\xff')));
    for (std::size_t at = 0; at < size; ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(value);
        ASSERT_EQ(has_no_control_characters(text), value >= 0x20 && value != 0x7F) << size << ' ' << at << ' ' << value;
      }
    }
  }
  EXPECT_TRUE(has_no_control_characters(""));
}

TEST(Rules, a_name_has_one_byte_to_its_limit) {
  EXPECT_FALSE(is_name("", kIdBytesMax));
  EXPECT_TRUE(is_name("x", kIdBytesMax));
  EXPECT_TRUE(is_name(std::string(128, 'x'), kIdBytesMax));
  EXPECT_FALSE(is_name(std::string(129, 'x'), kIdBytesMax));
}

TEST(Rules, a_source_has_no_space) {
  EXPECT_TRUE(is_source("/web/shop"));
  EXPECT_FALSE(is_source("web shop"));
  EXPECT_FALSE(is_source(" "));
  EXPECT_TRUE(is_source(std::string(256, 'x')));
  EXPECT_FALSE(is_source(std::string(257, 'x')));
}

TEST(Rules, labels_have_short_keys_and_longer_values) {
  EXPECT_TRUE(is_label(std::string(32, 'k'), std::string(128, 'v')));
  EXPECT_FALSE(is_label(std::string(33, 'k'), "v"));
  EXPECT_FALSE(is_label("k", std::string(129, 'v')));
  EXPECT_FALSE(is_label("", "v"));
  EXPECT_FALSE(is_label("k", ""));
}

}  // namespace
}  // namespace troth::event
