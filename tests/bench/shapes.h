// Shapes: event sequences that would show if something grew faster than its input: many events, a full customer, long
// cases, shuffled histories, many objects of one kind. Each is a setup that is not measured and the events that are.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troth::bench {

struct ShapeOptions {
  std::uint64_t events = 10'000;    // measured ones, roughly
  std::uint64_t customers = 1'000;  // where a shape does not decide that itself
  std::uint64_t size = 64;          // of a case or of what the shape varies
  std::uint64_t seed = 1;
};

struct Shape {
  std::vector<std::string> setup;
  std::vector<std::string> measured;
};

/// Nothing if there is no shape of that name.
[[nodiscard]] std::optional<Shape> make_shape(std::string_view name, const ShapeOptions& options);

}  // namespace troth::bench
