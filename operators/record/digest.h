// Digest: what is remembered of a record that was sent, to see whether the next one would say the same. A chain of
// XXH3 over its parts, in the order in which they are added. Stored with the state; not for untrusted input.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace troth::operators {

class Digest {
 public:
  void add(std::string_view text) { chain_ = XXH3_64bits_withSeed(text.data(), text.size(), chain_); }
  void add(std::int64_t number) { chain_ = XXH3_64bits_withSeed(&number, sizeof number, chain_); }
  /// Never 0, which stands for: nothing was sent.
  [[nodiscard]] std::uint64_t value() const { return chain_ == 0 ? 1 : chain_; }

 private:
  std::uint64_t chain_ = 0;
};

}  // namespace troth::operators
