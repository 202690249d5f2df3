// What all fuzz targets share: the one way in which a property that does not hold ends a run. Each target is one file
// `<name>_fuzz.cc` that gives LLVMFuzzerTestOneInput; tests/fuzz/run starts them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace troth::fuzz {

/// libFuzzer keeps the input that led here.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: property broken: %s\n", what);
  std::abort();
}

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// An error message is one that a person can read: there, of one line, without control characters, not endless.
inline void require_readable(std::string_view message) {
  require(!message.empty(), "an error says something");
  require(message.size() < 4096, "an error is not endless");
  for (const char each : message) {
    require(static_cast<unsigned char>(each) >= 0x20 && each != 0x7F, "an error has no control characters");
  }
}

}  // namespace troth::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
