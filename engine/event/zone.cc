#include "engine/event/zone.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "engine/base/assert.h"
#include "engine/event/zone_file.h"

namespace troth::event {
namespace {

constexpr TimeUs kOffsetMaxUs = 26 * kHour;
constexpr std::uintmax_t kZoneFileBytesMax = 256 * 1024;

/// Files beside the zones that are none, though some have a zone's form: the host's own setting, the default rules of
/// old TZ strings, and the copies with and without leap seconds.
bool is_no_zone(std::string_view name) {
  return name == "localtime" || name == "posixrules" || name.starts_with("posix/") || name.starts_with("right/");
}

class Database {
 public:
  Database() {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path root(kZoneDirectory);
    for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
      std::error_code unreadable;  // one broken link does not end the reading
      if (!at->is_regular_file(unreadable) || at->file_size(unreadable) > kZoneFileBytesMax || unreadable) continue;
      add(at->path().lexically_relative(root).generic_string(), at->path());
    }
    by_content_.clear();
  }

  [[nodiscard]] const Zone* find(std::string_view name) const {
    const auto at = zones_.find(name);
    return at == zones_.end() ? nullptr : at->second.get();
  }

 private:
  void add(std::string name, const std::filesystem::path& path) {
    if (is_no_zone(name)) return;
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!bytes.starts_with("TZif")) return;  // zone.tab, tzdata.zi and their like
    const auto [at, is_new] = by_content_.try_emplace(std::move(bytes));
    if (is_new) {
      auto spans = read_zone_file(at->first);
      if (spans) at->second = std::make_shared<const Zone>(std::move(*spans));
    }
    if (at->second != nullptr) zones_.emplace(std::move(name), at->second);
  }

  std::map<std::string, std::shared_ptr<const Zone>> by_content_;  // links share their zone's table
  std::map<std::string, std::shared_ptr<const Zone>, std::less<>> zones_;
};

}  // namespace

Zone::Zone(std::vector<Span> spans) : spans_(std::move(spans)) {
  TROTH_ASSERT(!spans_.empty());
  const auto is_out_of_order = [](const Span& a, const Span& b) { return a.begin >= b.begin; };
  TROTH_ASSERT(std::adjacent_find(spans_.begin(), spans_.end(), is_out_of_order) == spans_.end());
}

std::vector<Zone::Span>::const_iterator Zone::span_after(TimeUs instant) const {
  return std::upper_bound(spans_.begin() + 1, spans_.end(), instant,
                          [](TimeUs time, const Span& each) { return time < each.begin; });
}

TimeUs Zone::instant(std::int32_t days, std::int64_t minutes) const {
  const TimeUs wall = days * kDay + minutes * kMinute;
  const TimeUs earliest = wall - kOffsetMaxUs;
  auto next = span_after(earliest);
  // The first span that ends, by its own wall clock, after `wall`: `wall` lies in it, or was skipped when it began.
  while (next != spans_.end() && next->begin + std::prev(next)->offset_s * kSecond <= wall) ++next;
  const Span& span = *std::prev(next);
  return std::max(wall - span.offset_s * kSecond, span.begin);
}

std::int32_t Zone::local_date(TimeUs instant) const {
  const Span& span = *std::prev(span_after(instant));
  return static_cast<std::int32_t>(floor_div(instant + span.offset_s * kSecond, kDay));
}

const Zone* find_zone(std::string_view name) {
  static const Database& database = *new Database;  // never destroyed: its zones outlive every thread
  return database.find(name);
}

}  // namespace troth::event
