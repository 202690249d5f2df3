// Traffic: what a shop sends on ordinary days, in order of time, event by event: customers uniform, a fifth of the
// orders with a complaint and a review, about one order per customer in forty days. Seeded. One thread.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <vector>

#include "tests/bench/story.h"

namespace troth::bench {

class Traffic {
 public:
  Traffic(std::uint64_t customers, std::uint64_t seed);
  [[nodiscard]] std::string next();

 private:
  struct Running {
    TimeUs at;
    OrderStory story;
    std::uint64_t length;
    friend bool operator<(const Running& a, const Running& b) { return a.at > b.at; }  // the earliest on top
  };
  void begin(TimeUs at);

  Dice dice_;
  Pen pen_;
  std::uint64_t customers_;
  std::uint64_t orders_ = 0;
  std::priority_queue<Running> running_;
};

}  // namespace troth::bench
