// CounterModel: the small model by which the engine is tested. It counts the events of a key, says when a key has been
// quiet for an hour, knows duplicates, conflicts and a cap, and can erase. Its outputs name the τ at which they were made,
// so that two streams that are equal were made at the same points.
#pragma once

#include <array>
#include <concepts>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/task/model.h"

namespace troth::task::testing {

/// `prefix` and a number. (g++ 12 warns wrongly of "literal" + std::to_string().)
template <std::integral T>
std::string numbered(std::string_view prefix, T number) {
  std::string out(prefix);
  return out += std::to_string(number);
}

struct CounterOptions {
  TimeUs lateness_us = 24 * event::kHour;
  TimeUs skew_us = 5 * event::kMinute;
  std::size_t cap = 1'000'000;  // events of a key
  std::string version = "1";
  std::string unit = {};  // said behind each count
  std::string foundation = "counter";
};

class CounterState final : public KeyState {
 public:
  explicit CounterState(std::string_view name) : key(name) {}
  [[nodiscard]] std::size_t bytes() const override { return 64 + 64 * events.size(); }

  std::string key;
  std::map<std::string, TimeUs> events;  // by name
  std::set<std::string> changed;         // names whose part is to be written
  std::string sent;                      // the count last sent
  std::string sent_quiet;                // what was last said of quiet; empty: that it is not
  std::uint64_t settled = 0;  // times; stored
  TimeUs applied_at = 0;      // τ of the last apply; not stored

  [[nodiscard]] TimeUs last() const {
    TimeUs last = 0;
    for (const auto& [name, time] : events) last = std::max(last, time);
    return last;
  }
};

class CounterModel final : public KeyedModel {
 public:
  static constexpr TimeUs kQuiet = event::kHour;
  static constexpr std::uint8_t kCounts = 0;
  static constexpr std::uint8_t kQuietKeys = 1;

  explicit CounterModel(CounterOptions options = {}) : options_(std::move(options)) {
    catalogue_.types.resize(3);
    catalogue_.types[0].name = "counter.added";
    catalogue_.types[0].rank = 0;
    catalogue_.types[1].name = "counter.erased";
    catalogue_.types[1].rank = 1;
    catalogue_.types[2].name = "counter.pardoned";
    catalogue_.types[2].rank = 2;
    counters_.push_back({"troth_counter_events_total", "Events.", {}, false});
    counters_.push_back({"troth_counter_keys", "Keys.", {{"state", "live"}}, true});
  }

  const event::Catalogue& catalogue() const override { return catalogue_; }
  std::span<const std::string_view> streams() const override { return kStreams; }
  std::span<const CounterSpec> counters() const override { return counters_; }
  std::string version() const override { return options_.version; }
  std::string foundation() const override { return options_.foundation; }
  TimeUs lateness_us() const override { return options_.lateness_us; }
  TimeUs skew_us() const override { return options_.skew_us; }
  std::string key_of(const Event& event) const override { return event.subject; }
  std::string tombstone_of(std::string_view key) const override { return base::sha256_hex(key); }

  std::unique_ptr<KeyState> create(std::string_view key) const override {
    return std::make_unique<CounterState>(key);
  }

  base::Result<std::unique_ptr<KeyState>> decode(std::string_view key, const Parts& parts) const override {
    auto state = std::make_unique<CounterState>(key);
    bool is_whole = true;
    parts.for_each([&](std::string_view name, std::string_view bytes) {
      base::ByteReader in(bytes);
      if (name.empty()) {
        state->sent = in.string();
        state->sent_quiet = in.string();
        state->settled = in.varint();
      } else {
        state->events[std::string(name)] = in.zigzag();
      }
      is_whole = is_whole && in.ok() && in.at_end();
    });
    if (!is_whole) return base::Error{"a part has an odd length"};
    return std::unique_ptr<KeyState>(std::move(state));
  }

  void encode(KeyState& state, PartWriter& out) const override {
    auto& counter = static_cast<CounterState&>(state);
    base::ByteWriter head;
    head.string(counter.sent);
    head.string(counter.sent_quiet);
    head.varint(counter.settled);
    out.put("", head.bytes());
    for (const std::string& name : std::exchange(counter.changed, {})) {
      base::ByteWriter part;
      part.zigzag(counter.events.at(name));
      out.put(name, part.bytes());
    }
  }

  Verdict apply(KeyState& state, Event event, std::string_view raw, TimeUs tau, Effects& effects) const override {
    auto& counter = static_cast<CounterState&>(state);
    if (event.rank() == 1) {
      effects.erase = true;
      effects.outputs.push_back({kCounts, counter.key, std::nullopt});
      if (!counter.sent_quiet.empty()) effects.outputs.push_back({kQuietKeys, counter.key, std::nullopt});
      if (!counter.events.empty()) effects.count(1, -1);
      return {Verdict::Kind::kApplied, {}};
    }
    if (event.rank() == 2) effects.reinstated = 1;  // an event that lost a conflict counts again
    const std::string name = event.name();
    const auto known = counter.events.find(name);
    if (known != counter.events.end()) {
      if (known->second == event.time) return {Verdict::Kind::kDuplicate, {}};
      if (known->second < event.time) return {Verdict::Kind::kRefused, Reason::kConflict};
      effects.displaced.push_back({Reason::kConflict, event.source, event.id, std::string(event.spec->name),
                                   std::string(raw), event.origin});
    } else if (counter.events.size() >= options_.cap) {
      return {Verdict::Kind::kRefused, Reason::kCap};
    } else {
      effects.count(0, 1);
      if (counter.events.empty()) effects.count(1, 1);
    }
    counter.applied_at = tau;
    counter.events[name] = event.time;
    counter.changed.insert(name);
    return {Verdict::Kind::kApplied, {}};
  }

  void settle(KeyState& state, TimeUs tau, Effects& effects) const override {
    auto& counter = static_cast<CounterState&>(state);
    ++counter.settled;
    std::string count = std::to_string(counter.events.size()) + options_.unit;
    if (count != counter.sent) {
      effects.outputs.push_back({kCounts, counter.key, count + " at " + std::to_string(tau)});
      counter.sent = std::move(count);
    }
    const TimeUs quiet_at = counter.last() + kQuiet;
    const bool is_quiet = tau >= quiet_at;
    std::string quiet = is_quiet ? numbered("since ", quiet_at) : "";
    if (quiet != counter.sent_quiet) {
      std::optional<std::string> value;
      if (is_quiet) value = quiet + " at " + std::to_string(tau);
      effects.outputs.push_back({kQuietKeys, counter.key, std::move(value)});
      counter.sent_quiet = std::move(quiet);
    }
    effects.next_timer = is_quiet ? event::kNever : quiet_at;
  }

  const event::TypeSpec* added() const { return &catalogue_.types[0]; }
  const event::TypeSpec* erased() const { return &catalogue_.types[1]; }
  const event::TypeSpec* pardoned() const { return &catalogue_.types[2]; }

 private:
  static constexpr std::array<std::string_view, 2> kStreams = {"counts", "quiet"};
  CounterOptions options_;
  event::Catalogue catalogue_;
  std::vector<CounterSpec> counters_;
};

}  // namespace troth::task::testing
