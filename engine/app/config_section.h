// Section: one map of a configuration, read key by key into plain data; what is not asked for is refused. Used by
// config*.cc only; one thread.
//
// Promise: an error names the place (file and line, or the variable of the environment), the key and what to write
// instead, and never a value, which may be a secret. Only the first error is kept: later ones may follow from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/app/config.h"
#include "engine/base/result.h"
#include "engine/base/value.h"

namespace troth::app {

/// What all sections of one configuration share.
struct ConfigReading {
  std::string name;                    // of the file
  std::vector<std::string> variables;  // of the environment; a value with the line -1 - n comes from the n-th
  std::optional<base::Error> error;    // the first

  [[nodiscard]] std::string place(int line) const;
};

class Section {
 public:
  Section(const base::Value& value, std::string path, ConfigReading& reading);

  /// The value of a key that is known from now on; null if it is not given.
  [[nodiscard]] const base::Value* find(std::string_view key);
  /// The section of a key whose value was found.
  [[nodiscard]] Section section(std::string_view key, const base::Value& value) const;

  // Each leaves `into` alone if the key is not given or wrong.
  void text(std::string_view key, std::string& into);
  void text(std::string_view key, std::optional<std::string>& into);
  void flag(std::string_view key, bool& into);
  template <typename Integer>
  void integer(std::string_view key, Integer& into, std::int64_t least, std::int64_t most) {
    if (const auto read = integer_between(key, least, most)) into = static_cast<Integer>(*read);
  }
  void bytes(std::string_view key, std::size_t& into);              // "256MiB"
  void duration(std::string_view key, event::TimeUs& into);         // "15m", "-10d"
  void span(std::string_view key, event::TimeUs& into);             // a duration above 0
  void texts(std::string_view key, std::vector<std::string>& into);  // at least one, none twice
  /// One of `choices`: its place among them.
  void choice(std::string_view key, std::size_t& into, const std::vector<std::string_view>& choices);

  /// Notes an error at a value; an empty key means the section itself.
  void fail(const base::Value& at, std::string_view key, std::string_view what);
  /// To be called when everything known was asked for.
  void refuse_unknown();
  [[nodiscard]] bool failed() const { return reading_.error.has_value(); }

 private:
  [[nodiscard]] std::string full(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer_between(std::string_view key, std::int64_t least,
                                                            std::int64_t most);

  const base::Value& value_;
  std::string path_;
  ConfigReading& reading_;
  std::set<std::string, std::less<>> known_;
};

/// The one of `names` that is most like `name`; empty if none is near.
[[nodiscard]] std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

/// The folder that relative paths in a configuration are taken from.
[[nodiscard]] std::string folder_of(const std::string& config_path);
/// A path of the configuration as seen from its folder; `-` stays.
[[nodiscard]] std::string in_folder(const std::string& path, const std::string& folder);

}  // namespace troth::app
