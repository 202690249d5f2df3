// Reader: walks a policy's tree strictly. It stands on one value, knows the path that led there, and answers with typed
// values; what is wrong is noted once, the first time, with path, line, what was found and what is allowed. After that
// it answers zeros and stays quiet, so that whoever reads a section need not look after each line. One parse, one
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/value.h"
#include "engine/event/time.h"

namespace troth::operators {

using event::TimeUs;

/// The first thing found wrong; empty as long as nothing is.
class Problem {
 public:
  [[nodiscard]] bool found() const { return !message_.empty(); }
  [[nodiscard]] const std::string& message() const { return message_; }
  void note(std::string message) {
    if (message_.empty()) message_ = std::move(message);
  }

 private:
  std::string message_;
};

/// A closed range of integers and what they count: "ppm", "µe" ….
struct Range {
  std::int64_t least;
  std::int64_t most;
  std::string_view unit;
};

class Reader {
 public:
  Reader(const base::Value& value, std::string path, Problem& problem)
      : value_(&value), path_(std::move(path)), problem_(&problem) {}

  [[nodiscard]] const base::Value& value() const { return *value_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool has_problem() const { return problem_->found(); }

  /// Refuses every key but these, and a value that is no map.
  const Reader& only(std::initializer_list<std::string_view> allowed) const;
  const Reader& only(std::span<const std::string_view> allowed) const;

  /// The member of a map. Absent: a problem, and a reader on nothing.
  [[nodiscard]] Reader at(std::string_view key) const;
  /// The member of a map, if there is one.
  [[nodiscard]] std::optional<Reader> maybe(std::string_view key) const;
  /// All members, by name, or all elements, as `path[i]`.
  [[nodiscard]] std::vector<std::pair<std::string, Reader>> members() const;
  [[nodiscard]] std::vector<Reader> elements(std::size_t least, std::size_t most) const;

  [[nodiscard]] std::int64_t integer(const Range& range) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] TimeUs duration(TimeUs least = 0) const;
  [[nodiscard]] std::int32_t date() const;
  /// Index of the string among `words`; `what` names their common idea: "a status".
  [[nodiscard]] std::size_t one_of(std::span<const std::string_view> words, std::string_view what) const;
  [[nodiscard]] std::vector<std::int64_t> integers(const Range& range, std::size_t least, std::size_t most) const;

  /// Notes a problem with this value: "<path> (line n): <message>".
  void refuse(std::string_view message) const;
  /// Notes that the value is not what is `expected`, naming what it is.
  void expected(std::string_view what) const;
  /// Refuses a list that does not ascend strictly.
  void require_ascending(std::span<const std::int64_t> values) const;

 private:
  [[nodiscard]] Reader child(const base::Value& value, std::string_view key) const;

  const base::Value* value_;
  std::string path_;
  Problem* problem_;
};

/// A name or text from the document as it may stand in a message: quoted, without control characters, not endless.
[[nodiscard]] std::string quoted(std::string_view text);
/// "a, b or c".
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

/// A hundred years. Longer durations are mistakes, and with them times would leave the years that have a text form.
inline constexpr TimeUs kDurationMax = 36'525 * event::kDay;

}  // namespace troth::operators
