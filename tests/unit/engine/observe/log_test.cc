// Lines of the log: one line each whatever is in them, for people or for machines, and not thousands of the same.
#include "engine/observe/log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>

#include "engine/observe/printable.h"

namespace troth::observe {
namespace {

std::string logged(LogFormat format, const std::string& message,
                   spdlog::level::level_enum level = spdlog::level::info) {
  std::ostringstream out;
  auto logger = make_logger({format, "trace"}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  (*logger)->log(level, "{}", message);
  return out.str();
}

/// The same with every digit as 0: what time it was is not the point.
std::string without_time(std::string line) {
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return std::isdigit(c) != 0; }, '0');
  return line;
}

TEST(Log, a_line_of_text_has_time_level_and_message) {
  EXPECT_EQ(without_time(logged(LogFormat::kText, "the broker is away", spdlog::level::warn)),
            "0000-00-00T00:00:00.000000Z warn  the broker is away\n");
}

TEST(Log, a_line_of_json_is_one_canonical_object) {
  EXPECT_EQ(without_time(logged(LogFormat::kJson, "disk \"x\" is full", spdlog::level::err)),
            "{\"level\":\"error\",\"message\":\"disk \\\"x\\\" is full\",\"time\":\"0000-00-00T00:00:00.000000Z\"}\n");
}

TEST(Log, every_level_has_its_name) {
  EXPECT_NE(logged(LogFormat::kText, "m", spdlog::level::trace).find(" trace m"), std::string::npos);
  EXPECT_NE(logged(LogFormat::kText, "m", spdlog::level::debug).find(" debug m"), std::string::npos);
  EXPECT_NE(logged(LogFormat::kText, "m", spdlog::level::info).find(" info  m"), std::string::npos);
  EXPECT_NE(logged(LogFormat::kText, "m", spdlog::level::err).find(" error m"), std::string::npos);
  EXPECT_NE(logged(LogFormat::kText, "m", spdlog::level::critical).find(" critical"), std::string::npos);
}

TEST(Log, no_message_can_forge_a_line_or_steer_a_terminal) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = logged(format, "a\n2026-01-01 forged\r\x1b[31m\x9b\xff\xe2\x80\xae");
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    for (const char byte : {'\r', '\x1b', '\xff', '\x9b'}) EXPECT_EQ(line.find(byte), std::string::npos) << line;
  }
}

TEST(Log, a_message_is_cut_at_its_bound) {
  EXPECT_LT(logged(LogFormat::kText, std::string(1'000'000, 'a')).size(), kLogMessageBytes + 64);
}

TEST(Log, levels_below_the_chosen_one_are_silent) {
  std::ostringstream out;
  auto logger = make_logger({LogFormat::kText, "warn"}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  ASSERT_TRUE(logger.ok());
  (*logger)->info("quiet");
  EXPECT_EQ(out.str(), "");
  (*logger)->warn("loud");
  EXPECT_NE(out.str(), "");
}

TEST(Log, unknown_levels_and_formats_are_refused_with_the_words_there_are) {
  const auto logger = make_logger({LogFormat::kText, "loud"}, nullptr);
  ASSERT_FALSE(logger.ok());
  EXPECT_EQ(logger.error().message,
            "log level \"loud\" is not known; it is one of trace, debug, info, warn, error, off");
  EXPECT_FALSE(set_up_log({LogFormat::kText, "loud"}).ok());
  ASSERT_FALSE(parse_log_format("xml").ok());
  EXPECT_EQ(parse_log_format("xml").error().message, "log format \"xml\" is not known; it is text or json");
  EXPECT_EQ(*parse_log_format("json"), LogFormat::kJson);
  EXPECT_EQ(*parse_log_format("text"), LogFormat::kText);
}

TEST(Log, is_set_up_for_stderr) {
  const auto before = spdlog::default_logger();
  ASSERT_TRUE(set_up_log({LogFormat::kJson, "info"}).ok());
  testing::internal::CaptureStderr();
  spdlog::info("started");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(line.starts_with(R"({"level":"info","message":"started","time":")")) << line;
  spdlog::set_default_logger(before);
}

TEST(Log, a_repeating_line_is_written_once_a_second_with_the_count_of_the_others) {
  RepeatLimit limit;
  const RepeatLimit::TimePoint start{};
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_FALSE(limit.admit(start + std::chrono::milliseconds(1)).has_value());
  EXPECT_FALSE(limit.admit(start + std::chrono::milliseconds(999)).has_value());
  EXPECT_EQ(limit.admit(start + std::chrono::milliseconds(1'000)), 2U);
  EXPECT_FALSE(limit.admit(start + std::chrono::milliseconds(1'500)).has_value());
  EXPECT_EQ(limit.admit(start + std::chrono::milliseconds(9'000)), 1U);
  EXPECT_EQ(limit.admit(start + std::chrono::milliseconds(19'000)), 0U);
}

TEST(Log, a_thousand_equal_lines_make_one_or_a_few) {
  const auto before = spdlog::default_logger();
  std::ostringstream out;
  spdlog::set_default_logger(*make_logger({}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
  RepeatLimit limit;
  for (int i = 0; i < 1'000; ++i) log_repeating(limit, spdlog::level::warn, "partition {} is {{behind}}", i);
  spdlog::set_default_logger(before);
  const std::string lines = out.str();
  EXPECT_NE(lines.find("warn  partition 0 is {behind}\n"), std::string::npos) << lines;
  EXPECT_LT(std::count(lines.begin(), lines.end(), '\n'), 5);
}

TEST(Log, a_line_that_is_not_wanted_is_not_counted_as_left_out) {
  const auto before = spdlog::default_logger();
  std::ostringstream out;
  spdlog::set_default_logger(*make_logger({}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
  RepeatLimit limit;
  log_repeating(limit, spdlog::level::debug, "fine");
  log_repeating(limit, spdlog::level::warn, "bad");
  spdlog::set_default_logger(before);
  EXPECT_NE(out.str().find("warn  bad\n"), std::string::npos) << out.str();
}

TEST(Printable, text_of_people_stays_as_it_is) {
  const std::string text = "Zürich – 日本 🚚 \"quoted\" \\ done";
  EXPECT_EQ(printable(text, 1'000), text);
  EXPECT_EQ(printable("", 10), "");
}

TEST(Printable, control_characters_are_spelled_out) {
  EXPECT_EQ(printable(std::string_view("a\0b\n\t\x7f", 6), 100), "a\\x00b\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("\xc2\x9b", 100), "\\xc2\\x9b");
  EXPECT_EQ(printable("\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6", 100), "\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6");
}

TEST(Printable, broken_utf8_is_replaced_byte_by_byte) {
  const std::string broken = "\xEF\xBF\xBD";
  for (const char* text : {"\x80", "\xff", "\xc3", "\xe2\x82"}) {
    const std::string out = printable(text, 100);
    EXPECT_EQ(out.size(), broken.size() * std::string_view(text).size()) << testing::PrintToString(text);
    EXPECT_TRUE(out.starts_with(broken));
  }
  EXPECT_EQ(printable("\xc0\xaf", 100), broken + broken);                            // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf", 100), broken + broken + broken);               // overlong
  EXPECT_EQ(printable("\xed\xa0\x80", 100), broken + broken + broken);               // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), broken + broken + broken + broken);  // beyond the last
  EXPECT_EQ(printable("\xc3(", 100), broken + "(");
}

TEST(Printable, what_is_too_long_is_cut_between_characters) {
  EXPECT_EQ(printable("aaaa", 4), "aaaa");
  EXPECT_EQ(printable("aaaaa", 4), "aaaa…");
  EXPECT_EQ(printable("äää", 3), "ää…");
}

}  // namespace
}  // namespace troth::observe
