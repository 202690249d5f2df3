#include "engine/event/zone_file.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>

#include "engine/base/bytes.h"

namespace troth::event {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int32_t kOffsetMax = 26 * 3'600;  // RFC 8536: offsets are less than 26 hours
/// 1969-01-01: transitions before it are folded into the first span. Event times begin in 1970, and an opening time
/// that reaches into 1970 begins at most two days before.
constexpr std::int64_t kFirstTransition = -365 * kSecondsPerDay;

struct Transition {
  std::int64_t at_s;
  std::int32_t offset_s;
};

// ------------------------------------------------------------------------------- the rule in the last line of a file

/// When in a year the offset changes: `Jn`, `n` or `Mm.w.d`, and a local time that may lie outside that day.
struct YearlyChange {
  enum class Form { kDayWithoutLeapDay, kDayWithLeapDay, kMonthWeekDay };
  Form form = Form::kMonthWeekDay;
  int month = 0, week = 0, day = 0;
  std::int32_t time_s = 2 * 3'600;

  /// Local seconds since 1970-01-01, by the wall clock before the change.
  [[nodiscard]] std::int64_t in(int year) const;
};

std::int64_t days_of(int year, int month, int day) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): three names of one header
  return sys_days(std::chrono::year(year) / month / day).time_since_epoch().count();
}

std::int64_t YearlyChange::in(int year) const {
  std::int64_t days = 0;
  switch (form) {
    case Form::kDayWithoutLeapDay:  // 1 … 365; 29 February is never counted
      days = days_of(year, 1, 1) + day - 1 + (day >= 60 && std::chrono::year(year).is_leap() ? 1 : 0);
      break;
    case Form::kDayWithLeapDay:  // 0 … 365
      days = days_of(year, 1, 1) + day;
      break;
    case Form::kMonthWeekDay: {  // weekday `day` (Sunday 0) of the month, the `week`-th, 5 being the last
      const std::int64_t first = days_of(year, month, 1);
      const std::int64_t next_month = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
      const std::int64_t weekday_of_first = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
      days = first + (day - weekday_of_first + 7) % 7 + 7 * (week - 1);
      if (days >= next_month) days -= 7;
      break;
    }
  }
  return days * kSecondsPerDay + time_s;
}

struct Rule {
  std::int32_t standard_s = 0;
  std::int32_t summer_s = 0;
  bool has_summer = false;
  YearlyChange to_summer, to_standard;
};

/// Reads a POSIX TZ string as RFC 8536 extends it. After the first mismatch ok() is false.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  std::optional<Rule> read() {
    Rule rule;
    name();
    rule.standard_s = -time(24);  // POSIX counts west of Greenwich
    if (ok_ && !rest_.empty()) {
      rule.has_summer = true;
      name();
      rule.summer_s = rest_.empty() || rest_.front() == ',' ? rule.standard_s + 3'600 : -time(24);
      expect(',');
      rule.to_summer = change();
      expect(',');
      rule.to_standard = change();
    }
    if (!ok_ || !rest_.empty()) return std::nullopt;
    return rule;
  }

 private:
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) fail();
  }

  void name() {
    const bool is_quoted = take('<');
    std::size_t length = 0;
    const auto is_in_name = [&](char c) {
      const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      return is_letter || (is_quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
    };
    while (length < rest_.size() && is_in_name(rest_[length])) ++length;
    if (length < 3) return fail();
    rest_.remove_prefix(length);
    if (is_quoted) expect('>');
  }

  int number(int least, int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && digits < 3 && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + (rest_[digits++] - '0');
    }
    if (digits == 0 || value < least || value > most) {
      fail();
      return least;
    }
    rest_.remove_prefix(digits);
    return value;
  }

  /// [+-]hh[:mm[:ss]] in seconds.
  std::int32_t time(int hours_max) {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    std::int32_t seconds = number(0, hours_max) * 3'600;
    if (take(':')) seconds += number(0, 59) * 60;
    if (take(':')) seconds += number(0, 59);
    return is_negative ? -seconds : seconds;
  }

  YearlyChange change() {
    YearlyChange change;
    if (take('M')) {
      change.month = number(1, 12);
      expect('.');
      change.week = number(1, 5);
      expect('.');
      change.day = number(0, 6);
    } else if (take('J')) {
      change.form = YearlyChange::Form::kDayWithoutLeapDay;
      change.day = number(1, 365);
    } else {
      change.form = YearlyChange::Form::kDayWithLeapDay;
      change.day = number(0, 365);
    }
    if (take('/')) change.time_s = time(167);
    return change;
  }

  std::string_view rest_;
  bool ok_ = true;
};

/// Continues `transitions`, of which there is at least one, by the rule. A rule without summer time adds nothing: it
/// says that the offset after the last one stays.
void continue_by(const Rule& rule, std::vector<Transition>& transitions) {
  if (!rule.has_summer) return;
  const std::int64_t last = std::max(transitions.back().at_s, kFirstTransition);
  const auto first_days = std::chrono::sys_days(std::chrono::days(floor_div(last, kSecondsPerDay)));
  const int first_year = static_cast<int>(std::chrono::year_month_day(first_days).year());
  std::vector<Transition> continued;
  for (int year = first_year - 1; year <= kLastZoneYear; ++year) {
    continued.push_back({rule.to_summer.in(year)-rule.standard_s, rule.summer_s});
    continued.push_back({rule.to_standard.in(year)-rule.summer_s, rule.standard_s});
  }
  // Of two changes at one instant (summer time all year round) the one of the later year counts: it was pushed later.
  std::stable_sort(continued.begin(), continued.end(),
                   [](const Transition& a, const Transition& b) { return a.at_s < b.at_s; });
  for (const Transition& each : continued) {
    if (each.at_s > last) transitions.push_back(each);
  }
}

// ----------------------------------------------------------------------------------------------- the file's own list

struct Header {
  std::uint8_t version = 0;
  std::uint32_t ut_marks = 0, standard_marks = 0, leap_seconds = 0, transitions = 0, types = 0, name_bytes = 0;

  /// Size of the data block that follows, with times of so many bytes.
  [[nodiscard]] std::uint64_t block_bytes(std::uint64_t time_bytes) const {
    return transitions * (time_bytes + 1) + types * std::uint64_t{6} + name_bytes + leap_seconds * (time_bytes + 4) +
           standard_marks + ut_marks;
  }
};

std::uint32_t be32(base::ByteReader& in) {
  const std::uint32_t high = in.be16();
  return (high << 16U) | in.be16();
}

bool skip(base::ByteReader& in, std::uint64_t bytes) {
  const std::string_view rest = in.rest();
  if (bytes > rest.size()) return false;
  in = base::ByteReader(rest.substr(static_cast<std::size_t>(bytes)));
  return true;
}

std::optional<Header> read_header(base::ByteReader& in) {
  if (!in.rest().starts_with("TZif") || !skip(in, 4)) return std::nullopt;
  Header header;
  header.version = in.u8();
  if (!skip(in, 15)) return std::nullopt;
  header.ut_marks = be32(in);
  header.standard_marks = be32(in);
  header.leap_seconds = be32(in);
  header.transitions = be32(in);
  header.types = be32(in);
  header.name_bytes = be32(in);
  if (!in.ok()) return std::nullopt;
  return header;
}

/// The transitions listed in a block of version 2. The first one stands for all time before the list.
std::optional<std::vector<Transition>> read_list(base::ByteReader& in, const Header& header) {
  if (header.block_bytes(8) > in.rest().size() || header.leap_seconds != 0 || header.types == 0) return std::nullopt;
  std::vector<std::int64_t> times(header.transitions);
  for (std::int64_t& time : times) time = static_cast<std::int64_t>(in.be64());
  std::vector<std::uint8_t> types(header.transitions);
  for (std::uint8_t& type : types) type = in.u8();
  std::vector<std::int32_t> offsets(header.types);
  for (std::int32_t& offset : offsets) {
    offset = static_cast<std::int32_t>(be32(in));
    if (offset <= -kOffsetMax || offset >= kOffsetMax) return std::nullopt;
    (void)in.be16();  // is it summer time, and where its abbreviation stands: of no interest
  }
  if (!skip(in, header.name_bytes + std::uint64_t{header.standard_marks} + header.ut_marks)) return std::nullopt;

  std::vector<Transition> list = {{std::numeric_limits<std::int64_t>::min(), offsets.front()}};
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (types[i] >= offsets.size() || (i > 0 && times[i] <= times[i - 1])) return std::nullopt;
    list.push_back({times[i], offsets[types[i]]});
  }
  return list;
}

std::vector<Zone::Span> to_spans(const std::vector<Transition>& transitions) {
  // Far enough back to be before every instant, far enough from the end of the range to be calculated with.
  constexpr TimeUs kBeforeAll = std::numeric_limits<TimeUs>::min() / 4;
  std::vector<Zone::Span> spans;
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    const Transition& each = transitions[i];
    if (i + 1 < transitions.size() && transitions[i + 1].at_s == each.at_s) continue;  // of no duration
    const bool is_first = spans.empty() || each.at_s < kFirstTransition;
    if (is_first) {
      spans = {{kBeforeAll, each.offset_s}};
      continue;
    }
    if (spans.back().offset_s != each.offset_s) spans.push_back({each.at_s * kSecond, each.offset_s});
  }
  return spans;
}

}  // namespace

std::optional<std::vector<Zone::Span>> read_zone_file(std::string_view bytes) {
  base::ByteReader in(bytes);
  const std::optional<Header> first = read_header(in);
  if (!first || first->version < '2' || !skip(in, first->block_bytes(4))) return std::nullopt;
  const std::optional<Header> second = read_header(in);
  if (!second) return std::nullopt;
  std::optional<std::vector<Transition>> transitions = read_list(in, *second);
  if (!transitions) return std::nullopt;

  std::string_view footer = in.rest();
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return std::nullopt;
  footer.remove_prefix(1);
  footer.remove_suffix(1);
  if (!footer.empty()) {
    const std::optional<Rule> rule = RuleReader(footer).read();
    if (!rule) return std::nullopt;
    continue_by(*rule, *transitions);
  }
  // Times beyond the years that a calendar can reach would not fit into microseconds.
  constexpr std::int64_t kFar = std::int64_t{400} * 366 * kSecondsPerDay;
  std::erase_if(*transitions, [](const Transition& each) { return each.at_s > kFar; });
  return to_spans(*transitions);
}

}  // namespace troth::event
