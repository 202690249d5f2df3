// Result<T>: a value, or an Error that a person can act on. Expected failures are values; exceptions stay in adapters.
// Immutable after construction; any thread.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "engine/base/assert.h"

namespace troth::base {

/// What went wrong, in words for a person: what, where, why, what to do. Never holds a payload or a secret.
struct Error {
  std::string message;
  bool is_damage = false;  // of what is stored: trying again does not help, only a rebuild does
  bool is_final = false;   // trying again does not help: somebody has to do something
};
inline Error damage(std::string message) { return {std::move(message), true, false}; }
inline Error final_error(std::string message) { return {std::move(message), false, true}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}      // NOLINT(google-explicit-constructor): reads as a return
  Result(Error error) : held_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return std::holds_alternative<T>(held_); }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & {
    TROTH_ASSERT(ok());
    return *std::get_if<T>(&held_);
  }
  const T& value() const& {
    TROTH_ASSERT(ok());
    return *std::get_if<T>(&held_);
  }
  T&& value() && {
    TROTH_ASSERT(ok());
    return std::move(*std::get_if<T>(&held_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const {
    TROTH_ASSERT(!ok());
    return *std::get_if<Error>(&held_);
  }

 private:
  std::variant<T, Error> held_;
};

/// Success without a value.
struct Unit {};
using Status = Result<Unit>;
inline Status success() { return Unit{}; }

}  // namespace troth::base
