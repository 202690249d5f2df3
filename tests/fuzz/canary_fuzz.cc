// The canary: a crash planted behind a magic word that no blind mutation would meet. A run in which it is not found
// within its seconds shows that coverage does not guide the fuzzer, and that its silence elsewhere means nothing.
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kMagic = "troth";
  const std::string_view text = troth::fuzz::view(data, size);
  if (text.size() < kMagic.size()) return 0;
  for (std::size_t i = 0; i < kMagic.size(); ++i) {
    if (text[i] != kMagic[i]) return 0;
  }
  troth::fuzz::require(false, "the canary");
  return 0;
}
