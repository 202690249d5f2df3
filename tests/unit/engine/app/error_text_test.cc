// Errors about a file quote what stands in it; whoever wrote the file must not write to a terminal or a log through
// them.
#include <gtest/gtest.h>

#include <string>

#include "engine/app/config.h"
#include "engine/app/yaml.h"

namespace troth::app {
namespace {

void expect_printable(const std::string& message) {
  EXPECT_LE(message.size(), 1100U) << message.size();
  for (const char each : message) {
    EXPECT_TRUE(static_cast<unsigned char>(each) >= 0x20 && each != 0x7F) << static_cast<int>(each);
  }
}

TEST(ErrorText, a_key_with_control_characters_is_shown_without_them) {
  const auto read = read_yaml("\"a\\e[31m\\nb\x7F\": ~\n", "file");
  ASSERT_FALSE(read.ok());
  EXPECT_TRUE(read.error().message.starts_with("file:1: found a null")) << read.error().message;
  expect_printable(read.error().message);
}

TEST(ErrorText, an_unknown_setting_with_control_characters_is_shown_without_them) {
  const auto config = parse_config("state: st\n\"fi\\e[2J\\nles\x7F\": 4\nfiles: {inputs: [a]}\n", "file", "/");
  ASSERT_FALSE(config.ok());
  EXPECT_TRUE(config.error().message.find("is not known here") != std::string::npos) << config.error().message;
  expect_printable(config.error().message);
}

TEST(ErrorText, a_key_that_is_endless_makes_no_endless_error) {
  const auto config = parse_config("? " + std::string(5'000, 'k') + "\n: 4\n", "file", "/");
  ASSERT_FALSE(config.ok());
  expect_printable(config.error().message);
}

}  // namespace
}  // namespace troth::app
