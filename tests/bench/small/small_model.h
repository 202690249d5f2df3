// SmallModel: the model of tests/bench/streams/README.md, for the engine. Two decayed sums per customer, open promises
// and open replies whose deadlines fire by event time, a score record when the score moved, alerts. tests/bench/streams
// has the same for Kafka Streams; both must give the same records, to the last digit, so the arithmetic is + − × ÷ and √
// only. Immutable; shared by all tasks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/task/model.h"

namespace troth::bench {

using event::TimeUs;

/// A promise or a reply that is due.
struct Open {
  TimeUs due = 0;
  bool is_reply = false;
  std::string object;  // promise_id, complaint_id
};

class SmallState final : public task::KeyState {
 public:
  explicit SmallState(std::string_view name) : customer(name) {}
  [[nodiscard]] std::size_t bytes() const override { return sizeof(SmallState) + open.size() * (sizeof(Open) + 24); }
  void prefetch(unsigned step) const override {
    if (step == 0) __builtin_prefetch(open.data());
  }

  std::string customer;
  double good = 0;  // sums as they stood `at`
  double bad = 0;
  TimeUs at = 0;
  std::uint64_t events = 0;
  std::int64_t sent = 5'000;  // the score last sent, in hundredths
  std::vector<Open> open;     // by due time, then as they came
  bool is_changed = false;    // since it was last written
};

class SmallModel final : public task::KeyedModel {
 public:
  SmallModel();

  [[nodiscard]] const event::Catalogue& catalogue() const override { return catalogue_; }
  [[nodiscard]] std::span<const std::string_view> streams() const override;
  [[nodiscard]] std::span<const task::CounterSpec> counters() const override { return {}; }
  [[nodiscard]] std::string version() const override { return "1"; }
  [[nodiscard]] std::string foundation() const override { return "small"; }
  [[nodiscard]] TimeUs lateness_us() const override { return 30 * event::kDay; }
  [[nodiscard]] TimeUs skew_us() const override { return event::kHour; }
  [[nodiscard]] std::string key_of(const event::Event& event) const override { return event.subject; }
  [[nodiscard]] std::string tombstone_of(std::string_view key) const override { return std::string(key); }

  [[nodiscard]] std::unique_ptr<task::KeyState> create(std::string_view key) const override;
  [[nodiscard]] base::Result<std::unique_ptr<task::KeyState>> decode(std::string_view key,
                                                                     const task::Parts& parts) const override;
  void encode(task::KeyState& state, task::PartWriter& out) const override;
  task::Verdict apply(task::KeyState& state, event::Event event, std::string_view raw, TimeUs tau,
                      task::Effects& effects) const override;
  void settle(task::KeyState& state, TimeUs tau, task::Effects& effects) const override;

 private:
  static constexpr std::size_t kSteps = 4'096;  // of one half-life

  [[nodiscard]] double decay(TimeUs time) const;
  void add(SmallState& state, TimeUs at, double good, double bad, task::Effects& effects) const;
  void fire(SmallState& state, TimeUs until, task::Effects& effects) const;

  event::Catalogue catalogue_;
  std::array<double, kSteps + 1> powers_{};  // of two, from 2^0 down to 2^-1
};

}  // namespace troth::bench
