#include "engine/app/silence.h"

#include <algorithm>

namespace troth::app {

Silence::Silence(const std::vector<std::string>& inputs, const std::map<std::string, event::TimeUs>& gaps,
                 event::TimeUs now) {
  for (const std::string& name : inputs) {
    Input& input = inputs_.emplace_back();
    if (const auto found = gaps.find(name); found != gaps.end()) input.gap = found->second;
    input.heard = input.asked = now;
  }
}

void Silence::heard(std::uint16_t input, event::TimeUs now) { inputs_[input].heard = now; }

bool Silence::is_any_silent() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& each) { return each.is_silent; });
}

std::vector<Silence::Change> Silence::look(
    event::TimeUs now, const std::function<std::optional<std::int64_t>(std::uint16_t)>& end_of) {
  std::vector<Change> changes;
  for (std::uint16_t number = 0; number < inputs_.size(); ++number) {
    Input& input = inputs_[number];
    if (!input.gap) continue;
    const event::TimeUs interval = std::max<event::TimeUs>(*input.gap / 10, event::kSecond);
    const bool is_quiet = now - input.heard >= interval;
    if (is_quiet && now - input.asked >= interval) {
      input.asked = now;
      const std::optional<std::int64_t> end = end_of(number);
      // The first answer says nothing about when it came to that.
      if (end && input.end && *end != *input.end) input.heard = now;
      if (end) input.end = end;
      if (!end) input.heard = std::max(input.heard, now - *input.gap + 1);  // who cannot ask, cannot accuse
    }
    const bool is_silent = now - input.heard >= *input.gap;
    if (is_silent != input.is_silent) changes.push_back({number, is_silent, input.heard});
    input.is_silent = is_silent;
  }
  return changes;
}

}  // namespace troth::app
