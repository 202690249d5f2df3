// Zones against facts of history, against the C library as a second reader of the same database, and against names and
// files that mean harm.
#include "engine/event/zone.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/event/zone_file.h"

namespace troth::event {
namespace {

const Zone& zone(std::string_view name) {
  const Zone* found = find_zone(name);
  EXPECT_NE(found, nullptr) << name << " is not in " << kZoneDirectory;
  static const Zone nowhere({{std::numeric_limits<TimeUs>::min() / 4, 0}});
  return found == nullptr ? nowhere : *found;
}

/// The instant of local midnight plus minutes, in text.
std::string instant(std::string_view name, std::string_view date, std::int64_t minutes = 0) {
  return format_time(zone(name).instant(*parse_date(date), minutes));
}

std::string local_date(std::string_view name, std::string_view time) {
  return format_date(zone(name).local_date(*parse_time(time)));
}

TEST(Zone, midnight_is_where_the_customer_is) {
  EXPECT_EQ(instant("UTC", "2026-03-01"), "2026-03-01T00:00:00.000000Z");
  EXPECT_EQ(instant("Europe/Berlin", "2026-03-01"), "2026-02-28T23:00:00.000000Z");
  EXPECT_EQ(instant("America/New_York", "2026-03-01"), "2026-03-01T05:00:00.000000Z");
  EXPECT_EQ(instant("Asia/Kathmandu", "2026-03-01"), "2026-02-28T18:15:00.000000Z");
}

TEST(Zone, minutes_are_added_on_the_wall_clock_across_midnight_and_over_summer_time) {
  EXPECT_EQ(instant("Europe/Berlin", "2026-03-28", 26 * 60), "2026-03-29T01:00:00.000000Z");  // 02:00 does not occur
  EXPECT_EQ(instant("Europe/Berlin", "2026-03-28", 27 * 60), "2026-03-29T01:00:00.000000Z");  // 03:00
  EXPECT_EQ(instant("Europe/Berlin", "2026-03-28", 28 * 60), "2026-03-29T02:00:00.000000Z");
}

TEST(Zone, a_wall_time_that_is_skipped_is_the_instant_of_the_transition) {
  EXPECT_EQ(instant("Europe/Berlin", "2026-03-29", 2 * 60 + 30), "2026-03-29T01:00:00.000000Z");
  EXPECT_EQ(instant("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00.000000Z");  // midnight itself is skipped
}

TEST(Zone, a_whole_day_that_is_skipped_has_its_midnights_at_the_transition) {
  EXPECT_EQ(instant("Pacific/Apia", "2011-12-30"), "2011-12-30T10:00:00.000000Z");
  EXPECT_EQ(instant("Pacific/Apia", "2011-12-31"), "2011-12-30T10:00:00.000000Z");
  EXPECT_EQ(local_date("Pacific/Apia", "2011-12-30T09:59:59Z"), "2011-12-29");
  EXPECT_EQ(local_date("Pacific/Apia", "2011-12-30T10:00:00Z"), "2011-12-31");
}

TEST(Zone, a_wall_time_that_occurs_twice_is_its_first_occurrence) {
  EXPECT_EQ(instant("Europe/Berlin", "2026-10-25", 2 * 60 + 30), "2026-10-25T00:30:00.000000Z");
  EXPECT_EQ(instant("Europe/Berlin", "2026-10-25", 3 * 60), "2026-10-25T02:00:00.000000Z");
  EXPECT_EQ(instant("Australia/Lord_Howe", "2026-04-05", 1 * 60 + 45), "2026-04-04T14:45:00.000000Z");  // half an hour
}

TEST(Zone, offsets_of_seconds_are_kept) {
  EXPECT_EQ(instant("Africa/Monrovia", "1970-06-01"), "1970-06-01T00:44:30.000000Z");
}

TEST(Zone, summer_time_does_not_end_where_the_list_of_transitions_does) {
  EXPECT_EQ(instant("Europe/Berlin", "2038-07-01"), "2038-06-30T22:00:00.000000Z");
  EXPECT_EQ(instant("America/New_York", "2099-07-01"), "2099-07-01T04:00:00.000000Z");
  EXPECT_EQ(instant("America/New_York", "2099-12-30"), "2099-12-30T05:00:00.000000Z");
  EXPECT_EQ(instant("Europe/Dublin", "2099-07-01"), "2099-06-30T23:00:00.000000Z");  // winter is its "summer time"
  EXPECT_EQ(instant("Australia/Sydney", "2150-01-01"), "2149-12-31T13:00:00.000000Z");
}

TEST(Zone, links_and_odd_but_real_names_are_found) {
  for (const char* name :
       {"GB", "Etc/GMT+5", "Etc/GMT-14", "America/Argentina/Buenos_Aires", "America/Port-au-Prince"}) {
    EXPECT_NE(find_zone(name), nullptr) << name;
  }
  EXPECT_EQ(find_zone("Europe/Berlin"), find_zone(std::string("Europe/") + "Berlin"));
}

TEST(Zone, names_that_are_no_zone_are_none) {
  for (const char* name : {"",
                           "localtime",
                           "posixrules",
                           "posix/UTC",
                           "right/UTC",
                           "tzdata.zi",
                           "zone.tab",
                           "europe/berlin",
                           "EUROPE/BERLIN",
                           "Europe",
                           "Europe/",
                           "/Europe/Berlin",
                           "Europe//Berlin",
                           "./UTC",
                           "UTC ",
                           " UTC",
                           "../zoneinfo/UTC",
                           "Europe/../UTC",
                           "/usr/share/zoneinfo/UTC",
                           "/etc/passwd",
                           "UTC0",
                           "CET-1CEST"}) {
    EXPECT_EQ(find_zone(name), nullptr) << name;
  }
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(find_zone("UTC\0"sv), nullptr);
  EXPECT_EQ(find_zone("UTC\0/x"sv), nullptr);
  EXPECT_EQ(find_zone(std::string(10'000'000, 'A')), nullptr);
}

/// The C library reads the same database by its own code.
class LibraryZone {
 public:
  explicit LibraryZone(const std::string& name) {
    ::setenv("TZ", (":" + name).c_str(), 1);
    ::tzset();
  }
  ~LibraryZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
  LibraryZone(const LibraryZone&) = delete;
  LibraryZone& operator=(const LibraryZone&) = delete;

  /// Local time, as seconds since 1970-01-01 by the wall clock.
  [[nodiscard]] static std::int64_t wall_s(std::int64_t instant_s) {
    const std::time_t time = instant_s;
    std::tm local{};
    ::localtime_r(&time, &local);
    return instant_s + local.tm_gmtoff;
  }
  /// The first instant at which the wall clock shows this or more, searched downwards from where it surely does.
  [[nodiscard]] static std::int64_t first_at_or_after(std::int64_t wall) {
    std::int64_t instant = wall - 30 * 3'600;
    while (wall_s(instant + 900) < wall) instant += 900;
    std::int64_t reached = instant + 900;
    while (reached - instant > 1) {
      const std::int64_t middle = instant + (reached - instant) / 2;
      (wall_s(middle) < wall ? instant : reached) = middle;
    }
    return reached;
  }
};

TEST(Zone, agrees_with_the_c_library_from_1970_to_2100) {
  for (const char* name : {"America/Sao_Paulo", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia", "Asia/Gaza",
                           "Europe/Dublin", "Antarctica/Troll", "Australia/Lord_Howe", "America/Nuuk", "Asia/Tehran",
                           "Pacific/Kwajalein", "America/Scoresbysund", "Europe/Berlin", "America/New_York"}) {
    const Zone& ours = zone(name);
    const LibraryZone library(name);
    const bool is_long = std::getenv("TROTH_LONG") != nullptr;
    int wrong = 0;
    for (std::int64_t s = 0; s < kEndOfTime / kSecond; s += (is_long ? 3 : 41) * 3'600) {
      const std::int64_t date = floor_div(library.wall_s(s), 86'400);
      if (ours.local_date(s * kSecond) != date && ++wrong < 3)
        ADD_FAILURE() << name << " date at " << format_time(s * kSecond);
    }
    for (std::int32_t day = 1; day < 47'481; day += is_long ? 1 : 9) {  // no multiple of a week
      const std::int64_t expected = library.first_at_or_after(day * std::int64_t{86'400});
      if (ours.instant(day, 0) != expected * kSecond && ++wrong < 6)
        ADD_FAILURE() << name << " midnight of " << format_date(day);
    }
    EXPECT_EQ(wrong, 0) << name;
  }
}

// ------------------------------------------------------------------------------------------------------ damaged files

std::string file_bytes(std::string_view name) {
  std::ifstream file(std::string(kZoneDirectory) + "/" + std::string(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(ZoneFile, a_file_cut_anywhere_is_refused) {
  const std::string bytes = file_bytes("Europe/Berlin");
  ASSERT_TRUE(read_zone_file(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_zone_file(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
}

TEST(ZoneFile, changed_bytes_never_lead_beyond_the_file) {
  const std::string bytes = file_bytes("Asia/Gaza");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char c : {'\0', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[i] = c;
      const auto spans = read_zone_file(changed);  // sanitizers watch; what is read must still be a table
      if (spans) {
        EXPECT_FALSE(spans->empty());
        (void)Zone(*spans).instant(20'000, 60);
      }
    }
  }
}

/// A file of version 2 without transitions: one type with offset 0, and a rule.
std::vector<Zone::Span> by_rule(const std::string& rule) {
  const std::string counts("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4", 24);
  const std::string header = "TZif2" + std::string(15, '\0') + counts;
  const std::string block = std::string(6, '\0') + std::string("UTC\0", 4);
  return read_zone_file(header + block + header + block + "\n" + rule + "\n").value_or(std::vector<Zone::Span>{});
}

TEST(ZoneFile, rules_may_count_days_of_the_year) {
  const Zone counted(by_rule("AAA0BBB,J60/0,J300/0"));  // J60 is 1 March, leap year or not
  EXPECT_EQ(format_time(counted.instant(*parse_date("2024-03-01"), 30)), "2024-03-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(counted.instant(*parse_date("2023-03-01"), 30)), "2023-03-01T00:00:00.000000Z");
  const Zone from_zero(by_rule("AAA0BBB,59/0,300/0"));  // 59 is 29 February in a leap year
  EXPECT_EQ(format_time(from_zero.instant(*parse_date("2024-02-29"), 30)), "2024-02-29T00:00:00.000000Z");
}

TEST(ZoneFile, summer_time_all_year_round_has_no_seams) {
  const auto spans = by_rule("AAA5BBB,0/0,J365/25");
  ASSERT_LE(spans.size(), 3U);  // before the rule, in it, and after the last year
  EXPECT_EQ(format_time(Zone(spans).instant(*parse_date("2026-01-01"), 0)), "2026-01-01T04:00:00.000000Z");
}

TEST(ZoneFile, a_rule_that_is_none_is_refused) {
  for (const char* rule :
       {"A0", "AAA", "AAA25", "AAA0BBB", "AAA0BBB,M3.5.0", "AAA0BBB,M13.1.0,M10.1.0", "AAA0BBB,M3.6.0,M10.1.0",
        "AAA0BBB,M3.5.7,M10.1.0", "AAA0BBB,J0,J5", "AAA0BBB,1,366", "AAA0BBB,1/168,5", "<AAA0", "AAA0 "}) {
    EXPECT_TRUE(by_rule(rule).empty()) << rule;
  }
}

}  // namespace
}  // namespace troth::event
