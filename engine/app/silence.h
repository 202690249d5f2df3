// Silence: notices that a source has fallen silent altogether. "No reply within a day" means nothing while the topic of the
// replies tells nothing at all: then no absence may be concluded from it, and somebody has to look at the source.
//
// Of a topic that is quiet here it asks how far the whole topic has come: another instance may have the partitions in which
// something happens. Pure bookkeeping over times and counts that it is told; driver's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/event/time.h"

namespace troth::app {

class Silence {
 public:
  /// `gaps`: input → how long it may say nothing; inputs that are not named are never silent.
  Silence(const std::vector<std::string>& inputs, const std::map<std::string, event::TimeUs>& gaps, event::TimeUs now);

  /// A record of the input was read here.
  void heard(std::uint16_t input, event::TimeUs now);

  struct Change {
    std::uint16_t input = 0;
    bool is_silent = false;
    event::TimeUs since = 0;  // when something was last heard
  };
  /// What has changed since the last call. `end_of` answers how many records the whole topic has by now (nothing: not known,
  /// which proves nothing); it is asked only of inputs that are quiet here, and not more often than ten times in a gap.
  [[nodiscard]] std::vector<Change> look(event::TimeUs now,
                                         const std::function<std::optional<std::int64_t>(std::uint16_t)>& end_of);

  [[nodiscard]] bool is_silent(std::uint16_t input) const { return inputs_[input].is_silent; }
  [[nodiscard]] bool is_any_silent() const;

 private:
  struct Input {
    std::optional<event::TimeUs> gap;
    event::TimeUs heard = 0;
    event::TimeUs asked = 0;
    std::optional<std::int64_t> end;  // of the whole topic, when last asked
    bool is_silent = false;
  };
  std::vector<Input> inputs_;
};

}  // namespace troth::app
