// Objects: what events name by id (TRUST_MODEL: objects). `o:` order, `c:` complaint, `r:` review, `s:` survey,
// `p:` promise, in this order of rank; `e:` stands for an event that names none. Plain data; any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace troth::operators {

/// A view of an object: `kind` is its letter, `id` lives in the event (or case key) that it was taken from.
struct ObjectRef {
  char kind = 0;
  std::string_view id;

  [[nodiscard]] bool empty() const { return kind == 0; }
  /// "o:123": the form in outputs, by which objects also compare.
  [[nodiscard]] std::string str() const {
    std::string text{kind, ':'};
    text += id;
    return text;
  }
  /// The inverse of str().
  [[nodiscard]] static ObjectRef of(std::string_view text) { return {text[0], text.substr(2)}; }
  friend std::strong_ordering operator<=>(const ObjectRef&, const ObjectRef&) = default;
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

}  // namespace troth::operators
