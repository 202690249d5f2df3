#include "engine/app/config_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "engine/app/yaml.h"

namespace troth::app {

using base::Value;

std::string ConfigReading::place(int line) const {
  const auto variable = static_cast<std::size_t>(-1 - line);
  return line < 0 && variable < variables.size() ? variables[variable] : fmt::format("{}:{}", name, line);
}

Section::Section(const Value& value, std::string path, ConfigReading& reading)
    : value_(value), path_(std::move(path)), reading_(reading) {
  if (value_.map() == nullptr) fail(value_, "", fmt::format("is {}; it must be a map", value_.kind_name()));
}

const Value* Section::find(std::string_view key) {
  known_.emplace(key);
  return value_.find(key);
}

Section Section::section(std::string_view key, const Value& value) const { return {value, full(key), reading_}; }

void Section::text(std::string_view key, std::string& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  if (const auto* string = value->string(); string != nullptr && !string->empty()) {
    into = *string;
  } else if (string != nullptr) {
    fail(*value, key, "is empty; leave it out, or give it a value");
  } else {
    fail(*value, key, fmt::format("is {}; it must be a string that is not empty", value->kind_name()));
  }
}

void Section::text(std::string_view key, std::optional<std::string>& into) {
  std::string read;
  text(key, read);
  if (!read.empty()) into = std::move(read);
}

void Section::flag(std::string_view key, bool& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  if (const auto* boolean = value->boolean()) {
    into = *boolean;
  } else {
    fail(*value, key, fmt::format("is {}; it must be true or false", value->kind_name()));
  }
}

std::optional<std::int64_t> Section::integer_between(std::string_view key, std::int64_t least, std::int64_t most) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* number = value->integer();
  if (number != nullptr && *number >= least && *number <= most) return *number;
  const std::string_view unit = key.ends_with("_ms") ? ", in milliseconds and without a unit" : "";
  fail(*value, key, fmt::format("must be an integer from {} to {}{}", least, most, unit));
  return std::nullopt;
}

void Section::bytes(std::string_view key, std::size_t& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  static constexpr std::array<std::pair<std::string_view, unsigned>, 3> kUnits{
      {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  const auto* text = value->string();
  for (const auto& [unit, shift] : kUnits) {
    if (text == nullptr || !text->ends_with(unit)) continue;
    std::size_t count = 0;
    const char* end = text->data() + text->size() - unit.size();
    const auto read = std::from_chars(text->data(), end, count);
    if (read.ec == std::errc{} && read.ptr == end && count > 0 && count <= (std::size_t{1} << 20U)) {
      into = count << shift;
      if (into >= (std::size_t{1} << 20U)) return;
    }
  }
  fail(*value, key, "must be a size of at least 1MiB, like 256MiB or 1GiB");
}

void Section::duration(std::string_view key, event::TimeUs& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  const auto* text = value->string();
  const bool is_negative = text != nullptr && text->starts_with('-');
  const auto read =
      text == nullptr ? std::nullopt : event::parse_duration(std::string_view(*text).substr(is_negative ? 1 : 0));
  if (read) {
    into = is_negative ? -*read : *read;
  } else {
    fail(*value, key, "must be a duration like 30s, 15m, 4h or -10d");
  }
}

void Section::span(std::string_view key, event::TimeUs& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  const auto* text = value->string();
  const auto read = text == nullptr ? std::nullopt : event::parse_duration(*text);
  if (read && *read > 0) {
    into = *read;
  } else {
    fail(*value, key, "must be a duration above 0 with its unit (s, m, h or d), like 30m or 6h");
  }
}

void Section::texts(std::string_view key, std::vector<std::string>& into) {
  const Value* value = find(key);
  if (value == nullptr) return;
  std::vector<std::string> read;
  if (value->list() != nullptr) {
    for (const Value& each : *value->list()) {
      if (const auto* string = each.string(); string != nullptr && !string->empty()) read.push_back(*string);
    }
  }
  if (value->list() == nullptr || read.empty() || read.size() != value->list()->size()) {
    fail(*value, key, "must be a list of strings with at least one in it, like [one, two]");
  } else if (std::set<std::string>(read.begin(), read.end()).size() != read.size()) {
    fail(*value, key, "names something twice");
  } else {
    into = std::move(read);
  }
}

void Section::choice(std::string_view key, std::size_t& into, const std::vector<std::string_view>& choices) {
  const Value* value = find(key);
  if (value == nullptr) return;
  const auto* text = value->string();
  const auto found =
      text == nullptr ? choices.end() : std::find(choices.begin(), choices.end(), std::string_view(*text));
  if (found != choices.end()) {
    into = static_cast<std::size_t>(found - choices.begin());
  } else {
    const std::vector<std::string_view> first(choices.begin(), choices.end() - 1);
    fail(*value, key, fmt::format("must be {} or {}", fmt::join(first, ", "), choices.back()));
  }
}

std::string Section::full(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : path_ + "." + std::string(key);
}

void Section::fail(const Value& at, std::string_view key, std::string_view what) {
  if (reading_.error) return;
  const std::string name = full(key);
  const std::string text =
      fmt::format("{}: {} {}", reading_.place(at.line()), name.empty() ? "the file" : name, what);
  reading_.error = document_error(text);
}

void Section::refuse_unknown() {
  if (value_.map() == nullptr) return;
  for (const auto& [key, value] : *value_.map()) {
    if (known_.contains(key)) continue;
    const std::string near = nearest_name(key, {known_.begin(), known_.end()});
    fail(value, key,
         fmt::format("is not known here{}; known are: {}", near.empty() ? "" : ", perhaps " + near + " is meant",
                     fmt::join(known_, ", ")));
  }
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 200;  // a key may be as long as the file
  if (name.size() > kLongest) return {};
  std::string best;
  std::size_t best_distance = name.size() / 3 + 1;  // farther away it is another word
  for (const std::string& each : names) {
    std::vector<std::size_t> row(each.size() + 1);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t k = 1; k < row.size(); ++k) {
        const std::size_t replaced = diagonal + (name[i] == each[k - 1] ? 0U : 1U);
        diagonal = row[k];
        row[k] = std::min({row[k] + 1, row[k - 1] + 1, replaced});
      }
    }
    if (row.back() <= best_distance && (best.empty() || row.back() < best_distance)) {
      best = each;
      best_distance = row.back();
    }
  }
  return best;
}

std::string folder_of(const std::string& config_path) {
  const std::string folder = std::filesystem::path(config_path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string in_folder(const std::string& path, const std::string& folder) {
  return path == "-" || std::filesystem::path(path).is_absolute() ? path
                                                                  : (std::filesystem::path(folder) / path).string();
}

}  // namespace troth::app
