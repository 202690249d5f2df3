// DemoPlay: the simulated shop, played day by day through the real pipeline: decoder, task instance, RocksDB. Each day
// is committed and then looked at: where customers stand, which alerts came and went. A play with a kept state goes on
// where it was stopped. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/app/policy_source.h"
#include "engine/app/shop.h"
#include "engine/app/summary.h"
#include "engine/base/result.h"
#include "engine/decode/decoder.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"
#include "operators/trust_model.h"

namespace troth::app {

/// An alert that came or went in the course of a day.
struct AlertChange {
  enum class What : std::uint8_t { kFired, kResolved, kRetracted } what{};
  std::int64_t severity = 0;
  std::string_view level, rule;
  std::string customer, case_key;  // empty case: the customer as a whole
  std::int64_t score = 0;          // the customer's, at the end of the day
  std::int64_t moved = 0;          // … against the end of the day before
};

/// A day, as seen at its end.
struct DemoDay {
  int number = 0;  // from 1
  event::TimeUs begin = 0, end = 0;
  std::size_t events = 0;      // of the day
  std::size_t events_all = 0;  // so far
  std::array<std::int64_t, operators::kTierCount> tiers{};
  std::int64_t firing = 0;
  std::vector<AlertChange> changes;  // those fired first, the most severe of each first
};

class DemoPlay {
 public:
  /// `state`: nothing for a temporary one. `watches`: days are looked at.
  [[nodiscard]] static base::Result<std::unique_ptr<DemoPlay>> open(const ShopOptions& options, LoadedPolicy policy,
                                                                    const std::optional<std::string>& state,
                                                                    bool watches);
  ~DemoPlay();

  [[nodiscard]] bool at_end() const { return day_ >= options_.days; }
  [[nodiscard]] base::Result<DemoDay> play_day();

  [[nodiscard]] task::Instance& instance() { return *instance_; }
  /// The end of the last day played.
  [[nodiscard]] event::TimeUs now() const { return options_.start + day_ * event::kDay; }
  /// Of all that was played, measures of the process apart.
  [[nodiscard]] Summary summary() const;

 private:
  /// Rule, object, start: what tells the alerts of a customer apart.
  using AlertKey = std::tuple<std::string_view, std::string, event::TimeUs>;
  struct SeenAlert {
    std::int64_t severity = 0;
    std::string_view level;
    std::string case_key;
  };
  struct Seen {
    std::int64_t score = 0;
    std::map<AlertKey, SeenAlert> alerts;
  };

  DemoPlay(const ShopOptions& options, LoadedPolicy policy, bool watches);
  [[nodiscard]] base::Status open_state(const std::optional<std::string>& state);
  [[nodiscard]] base::Status resume();
  [[nodiscard]] std::string position() const;
  [[nodiscard]] base::Status look(DemoDay& day);
  void look_at(const operators::View& view, DemoDay& day);

  const ShopOptions options_;
  const LoadedPolicy policy_;
  const bool watches_;
  operators::TrustModel model_;
  decode::Decoder decoder_;
  const std::vector<ShopEvent> events_;
  std::size_t next_ = 0;              // of the events
  std::size_t first_ = 0;             // of this run
  int day_ = 0;                       // played so far
  std::map<std::string, Seen> seen_;  // by customer, at the end of the day before
  std::unique_ptr<state::StateDirectory> directory_;
  std::unique_ptr<state::RocksStore> store_;
  std::unique_ptr<task::Sink> sink_;
  std::unique_ptr<task::Instance> instance_;
};

}  // namespace troth::app
