#include "engine/event/time.h"

#include <chrono>

#include "engine/base/assert.h"

namespace troth::event {
namespace {

constexpr std::size_t kDateTextBytes = 10;

/// Reads a text from the front. After the first mismatch it answers zeros and ok() is false: one check at the end.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// Exactly `width` decimal digits.
  int digits(std::size_t width) {
    if (rest_.size() < width) return fail();
    int value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9') return fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  void expect(char wanted) { require(take(wanted)); }

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// One to nine digits of a second's fraction, as microseconds: what stands after the sixth is cut off.
  int fraction_us() {
    int value = 0;
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') {
      if (count < 6) value = value * 10 + (rest_[count] - '0');
      ++count;
    }
    if (count == 0 || count > 9) return fail();
    rest_.remove_prefix(count);
    for (; count < 6; ++count) value *= 10;
    return value;
  }

  void require(bool condition) {
    if (!condition) fail();
  }

  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  int fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<std::int32_t> scan_date(Scanner& in) {
  const int year = in.digits(4);
  in.expect('-');
  const int month = in.digits(2);
  in.expect('-');
  const int day = in.digits(2);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!in.ok() || !date.ok()) return std::nullopt;
  return static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

/// What is added to local time to reach UTC; a text form without zone is a failure of the scanner.
TimeUs scan_zone(Scanner& in) {
  if (in.take('Z')) return 0;
  const bool is_east = in.take('+');
  if (!is_east) in.expect('-');
  const int hours = in.digits(2);
  in.expect(':');
  const int minutes = in.digits(2);
  in.require(hours <= 23 && minutes <= 59);
  const TimeUs offset = hours * kHour + minutes * kMinute;
  return is_east ? -offset : offset;
}

/// Writes two digits.
char* put2(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

/// Writes two digits and what follows them.
char* put2(char* out, unsigned value, char then) {
  out = put2(out, value);
  *out = then;
  return out + 1;
}

void put_date(char* out, std::int64_t days) {
  using Days = std::chrono::duration<std::int64_t, std::chrono::days::period>;
  TROTH_ASSERT(days >= -719'528 && days < 2'932'897);  // years 0000 to 9999: the text form has four digits
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::duration_cast<std::chrono::days>(Days(days)))};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  out = put2(out, year / 100);
  out = put2(out, year % 100, '-');
  out = put2(out, static_cast<unsigned>(date.month()), '-');
  put2(out, static_cast<unsigned>(date.day()));
}

}  // namespace

std::optional<TimeUs> parse_time(std::string_view text) {
  Scanner in(text);
  const std::optional<std::int32_t> days = scan_date(in);
  if (!days) return std::nullopt;
  in.expect('T');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  in.require(hour <= 23 && minute <= 59 && second <= 59);
  const int fraction = in.take('.') ? in.fraction_us() : 0;
  const TimeUs to_utc = scan_zone(in);
  if (!in.done()) return std::nullopt;
  const TimeUs time = *days * kDay + hour * kHour + minute * kMinute + second * kSecond + fraction + to_utc;
  if (time < 0 || time >= kEndOfTime) return std::nullopt;
  return time;
}

std::array<char, kTimeTextBytes> time_text(TimeUs time) {
  const std::int64_t days = floor_div(time, kDay);
  const std::int64_t rest = time - days * kDay;
  const auto second = static_cast<unsigned>(rest / kSecond);
  const auto fraction = static_cast<unsigned>(rest % kSecond);
  std::array<char, kTimeTextBytes> text;
  char* out = text.data();
  put_date(out, days);
  out[kDateTextBytes] = 'T';
  out = put2(out + kDateTextBytes + 1, second / 3600, ':');
  out = put2(out, second / 60 % 60, ':');
  out = put2(out, second % 60, '.');
  out = put2(out, fraction / 10'000);
  out = put2(out, fraction / 100 % 100);
  put2(out, fraction % 100, 'Z');
  return text;
}

std::string format_time(TimeUs time) {
  const auto text = time_text(time);
  return {text.data(), text.size()};
}

std::optional<std::int32_t> parse_date(std::string_view text) {
  Scanner in(text);
  const std::optional<std::int32_t> days = scan_date(in);
  return in.done() ? days : std::nullopt;
}

std::string format_date(std::int32_t days) {
  std::string text(kDateTextBytes, '\0');
  put_date(text.data(), days);
  return text;
}

std::optional<TimeUs> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  TimeUs unit = 0;
  switch (text.back()) {
    case 's': unit = kSecond; break;
    case 'm': unit = kMinute; break;
    case 'h': unit = kHour; break;
    case 'd': unit = kDay; break;
    default: return std::nullopt;
  }
  text.remove_suffix(1);
  TimeUs value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const TimeUs digit = c - '0';
    if (value > (std::numeric_limits<TimeUs>::max() / unit - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value * unit;
}

}  // namespace troth::event
