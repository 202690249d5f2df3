// The text form of times, dates and durations.
#include "engine/event/time.h"

#include <gtest/gtest.h>

namespace troth::event {
namespace {

TEST(Time, reads_utc_with_and_without_a_fraction) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2026-01-05T09:00:00Z"), 1'767'603'600 * kSecond);
  EXPECT_EQ(parse_time("2026-01-05T09:00:00.5Z"), 1'767'603'600 * kSecond + 500'000);
  EXPECT_EQ(parse_time("2026-01-05T09:00:00.000001Z"), 1'767'603'600 * kSecond + 1);
}

TEST(Time, cuts_off_digits_after_the_sixth) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.123456789Z"), 123'456);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.999999999Z"), 999'999);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.000000999Z"), 0);
}

TEST(Time, takes_offsets_off) {
  EXPECT_EQ(parse_time("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(parse_time("1969-12-31T23:00:00-01:00"), 0);
  EXPECT_EQ(parse_time("1970-01-01T23:59:00+23:59"), 0);
  EXPECT_EQ(parse_time("1969-12-31T00:01:00-23:59"), 0);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00-00:00"), 0);
}

TEST(Time, begins_in_1970_and_ends_before_2100) {
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.999999Z"), std::nullopt);
  EXPECT_EQ(parse_time("1970-01-01T00:59:59+01:00"), std::nullopt);
  EXPECT_EQ(parse_time("2099-12-31T23:59:59.999999Z"), kEndOfTime - 1);
  EXPECT_EQ(parse_time("2100-01-01T00:00:00Z"), std::nullopt);
  EXPECT_EQ(parse_time("2100-01-01T00:59:59.999999+01:00"), kEndOfTime - 1);
  EXPECT_EQ(parse_time("2099-12-31T23:00:00-01:00"), std::nullopt);
}

TEST(Time, knows_the_days_of_the_months) {
  EXPECT_TRUE(parse_time("2024-02-29T00:00:00Z").has_value());
  EXPECT_TRUE(parse_time("2000-02-29T00:00:00Z").has_value());
  EXPECT_FALSE(parse_time("2023-02-29T00:00:00Z").has_value());
  EXPECT_FALSE(parse_time("2026-04-31T00:00:00Z").has_value());
  EXPECT_FALSE(parse_time("2026-00-10T00:00:00Z").has_value());
  EXPECT_FALSE(parse_time("2026-13-10T00:00:00Z").has_value());
  EXPECT_FALSE(parse_time("2026-01-00T00:00:00Z").has_value());
}

TEST(Time, refuses_every_other_form) {
  for (const std::string_view text : {"",
                                      "Z",
                                      "2026-01-05",
                                      "2026-01-05T09:00Z",
                                      "2026-01-05T09:00:00",
                                      "2026-01-05 09:00:00Z",
                                      "2026-01-05t09:00:00Z",
                                      "2026-01-05T09:00:00z",
                                      "2026-01-05T09:00:00.Z",
                                      "2026-01-05T09:00:00.1234567890Z",
                                      "2026-01-05T09:00:00,5Z",
                                      "2026-01-05T24:00:00Z",
                                      "2026-01-05T09:60:00Z",
                                      "2026-01-05T09:00:60Z",
                                      "2026-01-05T09:00:00+24:00",
                                      "2026-01-05T09:00:00+01:60",
                                      "2026-01-05T09:00:00+0100",
                                      "2026-01-05T09:00:00+01",
                                      "2026-01-05T09:00:00+1:00",
                                      "2026-01-05T09:00:00ZZ",
                                      "2026-01-05T09:00:00Z ",
                                      " 2026-01-05T09:00:00Z",
                                      "2026-01-05T09:00:00Z\n",
                                      "+026-01-05T09:00:00Z",
                                      "-026-01-05T09:00:00Z",
                                      "02026-01-05T09:00:00Z",
                                      "2026-1-05T09:00:00Z",
                                      "2026-01-5T09:00:00Z",
                                      "2026-01-05T9:00:00Z",
                                      "2026-01-05T09:00:00+-1:00",
                                      "20260105T090000Z",
                                      "2026-01-05T09:00:0xZ"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_time(std::string_view("2026-01-05T09:00:00+24:00\0", 26)), std::nullopt);
  EXPECT_EQ(parse_time(std::string_view("2026-01-05T09:00:00Z\0", 21)), std::nullopt);
}

TEST(Time, every_cut_of_a_time_is_refused) {
  const std::string_view text = "2026-01-05T09:00:00.123456+01:00";
  ASSERT_TRUE(parse_time(text).has_value());
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_EQ(parse_time(text.substr(0, size)), std::nullopt);
}

TEST(Time, is_written_with_six_digits_and_z) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(kEndOfTime - 1), "2099-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Time, what_is_written_is_read) {
  for (TimeUs time = 0; time < kEndOfTime; time += 98'765'432'101'234) EXPECT_EQ(parse_time(format_time(time)), time);
}

TEST(Date, counts_days_from_1970) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("1970-01-02"), 1);
  EXPECT_EQ(parse_date("1969-12-31"), -1);
  EXPECT_EQ(parse_date("2099-12-30"), 47'480);
  EXPECT_EQ(parse_date("2024-02-29"), 19'782);
}

TEST(Date, refuses_every_other_form) {
  for (const std::string_view text : {"", "2026-02-30", "2026-13-01", "2026-01-05T00:00:00Z", "2026-1-05", "2026-01-5",
                                      "2026/01/05", "2026-01-05 ", " 2026-01-05", "20260105", "2026-01"}) {
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
  }
}

TEST(Date, what_is_written_is_read) {
  for (std::int32_t days = -1000; days < 50'000; days += 17) EXPECT_EQ(parse_date(format_date(days)), days);
}

TEST(Duration, knows_four_units) {
  EXPECT_EQ(parse_duration("0s"), 0);
  EXPECT_EQ(parse_duration("90s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("5m"), 5 * kMinute);
  EXPECT_EQ(parse_duration("36h"), 36 * kHour);
  EXPECT_EQ(parse_duration("14d"), 14 * kDay);
}

TEST(Duration, refuses_every_other_form) {
  for (const std::string_view text : {"", "s", "5", "-5s", "+5s", "5 s", "5S", "5w", "1.5h", "1h30m", "s5", "5s "}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, ends_where_int64_ends) {
  EXPECT_EQ(parse_duration("9223372036854s"), 9'223'372'036'854 * kSecond);
  EXPECT_EQ(parse_duration("9223372036855s"), std::nullopt);
  EXPECT_EQ(parse_duration("106751991d"), 106'751'991 * kDay);
  EXPECT_EQ(parse_duration("106751992d"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999999999999999d"), std::nullopt);
}

TEST(FloorDivision, rounds_toward_minus_infinity) {
  EXPECT_EQ(floor_div(7, 2), 3);
  EXPECT_EQ(floor_div(-7, 2), -4);
  EXPECT_EQ(floor_div(7, -2), -4);
  EXPECT_EQ(floor_div(-7, -2), 3);
  EXPECT_EQ(floor_div(-8, 2), -4);
  EXPECT_EQ(floor_div(0, 5), 0);
}

}  // namespace
}  // namespace troth::event
