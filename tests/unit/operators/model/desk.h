// Desk: the trust model with one customer, driven by hand: events in, the engine's clock moved by hand, and the topics
// as a compacted consumer would hold them. Also a store of parts in memory. For tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "operators/counters.h"
#include "operators/emission.h"
#include "operators/trust_model.h"
#include "tests/essence.h"
#include "tests/unit/operators/model/policies.h"
#include "tests/unit/operators/model/telling.h"

namespace troth::operators::test {

/// The parts of one key, as a store would keep them.
class PartMap final : public task::PartWriter, public task::Parts {
 public:
  void put(std::string_view name, std::string_view bytes) override {
    parts[std::string(name)] = bytes;
    written.emplace_back(name);
  }
  void remove(std::string_view name) override {
    EXPECT_EQ(parts.erase(std::string(name)), 1U) << "removed, but never stored: " << name;
    removed.emplace_back(name);
  }
  void for_each(const std::function<void(std::string_view, std::string_view)>& each) const override {
    for (const auto& [name, bytes] : parts) each(name, bytes);
  }

  std::map<std::string, std::string> parts;
  std::vector<std::string> written, removed;  // since the test last cleared them
};

/// The text of `"name":"…"` in a flat record; empty if it is null or absent.
[[nodiscard]] inline std::string word(const std::string& record, std::string_view name) {
  const std::string begin = '"' + std::string(name) + "\":\"";
  const std::size_t at = record.find(begin);
  if (at == std::string::npos) return {};
  return record.substr(at + begin.size(), record.find('"', at + begin.size()) - at - begin.size());
}

class Desk {
 public:
  explicit Desk(std::shared_ptr<const Policy> policy = policy_with())
      : model_(std::make_shared<TrustModel>(std::move(policy), "secret")), counts(counters::kCount, 0) {
    state_ = model_->create(TrustModel::key("default", "ann"));
  }

  [[nodiscard]] TrustState& state() { return static_cast<TrustState&>(*state_); }
  [[nodiscard]] const TrustModel& model() const { return *model_; }
  [[nodiscard]] TimeUs tau() const { return tau_; }

  /// Takes an event as the engine would: τ follows it, late ones do not get this far.
  task::Verdict tell(Event event) {
    tau_ = std::max(tau_, event.time);
    return tell_ahead(std::move(event));
  }
  task::Verdict tell(TimeUs at, const char* type, std::string id, std::initializer_list<NamedField> fields = {}) {
    return tell(event_of(at, type, std::move(id), fields));
  }
  /// The same, but τ stays where it is: another input is behind.
  task::Verdict tell_ahead(Event event) {
    const task::Verdict verdict = model_->apply(*state_, std::move(event), {}, tau_, effects_);
    if (verdict.kind == task::Verdict::Kind::kRefused && verdict.reason == event::Reason::kConflict) ++conflicts;
    take();
    return verdict;
  }

  /// Moves τ to t (never back) and settles.
  Desk& settle(TimeUs t = 0) {
    tau_ = std::max(tau_, t);
    model_->settle(*state_, tau_, effects_);
    next_timer = effects_.next_timer;
    EXPECT_GT(next_timer, tau_) << "what is due must be settled";
    take();
    return *this;
  }
  /// Follows the timers up to t, settling at each.
  Desk& follow_timers(TimeUs t) {
    settle();
    while (next_timer <= t) settle(next_timer);
    return settle(t);
  }

  void encode(PartMap& out) { model_->encode(*state_, out); }
  /// Goes on with what the store has, as after a restart.
  void restart_from(const PartMap& stored) {
    auto decoded = model_->decode(TrustModel::key("default", "ann"), stored);
    ASSERT_TRUE(static_cast<bool>(decoded));
    state_ = std::move(*decoded);
  }

  /// The record of 11.1 at t with everything in it; empty if there is none.
  [[nodiscard]] std::string snapshot(TimeUs t) {
    std::string record;
    TrustModel::read_at(*state_, t, [&](const View& view) { record = score_record(view, Detail::kFull); });
    return record;
  }

  /// What the topic of a stream last held under each key, nulls apart.
  [[nodiscard]] const std::map<std::string, std::string>& topic(Stream stream) const {
    return topics_[static_cast<std::size_t>(stream)];
  }
  [[nodiscard]] std::string alert(std::string_view rule, std::string_view object = {}) const {
    const auto& alerts = topic(Stream::kAlerts);
    const auto found = alerts.find(alert_id("default", rule, "ann", object));
    return found == alerts.end() ? std::string{} : found->second;
  }

  /// "PROMISE_BROKEN p:p1 firing", "PROMISE_BROKEN p:p1 null", …: alert records since the last call, in order.
  [[nodiscard]] std::vector<std::string> said_alerts() {
    std::vector<std::string> lines;
    for (const task::Output& each : said) {
      if (each.stream != static_cast<std::uint8_t>(Stream::kAlerts)) continue;
      if (!each.value) {
        lines.push_back(names_[each.key] + " null");
        continue;
      }
      std::string name = word(*each.value, "rule");
      if (const std::string object = word(*each.value, "object"); !object.empty()) name += ' ' + object;
      names_[each.key] = name;
      lines.push_back(name + ' ' + word(*each.value, "state"));
    }
    said.clear();
    return lines;
  }

  /// Alerts as they should be counted: those that the memory of emission holds, by rule and state, then by level.
  [[nodiscard]] std::vector<std::int64_t> recount_firing() {
    std::vector<std::int64_t> firing(counters::kRules * counters::kLevels, 0);
    const auto add = [&](std::size_t rule, std::uint8_t level) {
      if (level != kNoLevel) ++firing[rule * counters::kLevels + level];
    };
    for (const auto& [id, alert] : state().sent.alerts) {
      for (const SentInterval& each : alert.intervals) add(counters::rule_index(id.first), each.level);
    }
    for (std::size_t i = 0; i < kCustomerRules; ++i) {
      const SentCustomerAlert& alert = state().sent.customer_alerts[i];
      if (alert.is_active) add(counters::rule_index(static_cast<CustomerRule>(i)), alert.level);
    }
    return firing;
  }
  [[nodiscard]] std::vector<std::int64_t> counted_firing() const {
    const auto begin = counts.begin() + static_cast<std::ptrdiff_t>(counters::kFiring);
    return {begin, begin + static_cast<std::ptrdiff_t>(counters::kRules * counters::kLevels)};
  }
  [[nodiscard]] std::int64_t count_of(CaseRule rule, SentState in) const {
    return counts[counters::alerts(counters::rule_index(rule), in)];
  }
  [[nodiscard]] std::int64_t count_of(CustomerRule rule, SentState in) const {
    return counts[counters::alerts(counters::rule_index(rule), in)];
  }

 private:
  void take() {
    for (task::Output& each : effects_.outputs) {
      auto& topic = topics_[each.stream];
      if (each.value) {
        topic[each.key] = *each.value;
      } else {
        topic.erase(each.key);
      }
      said.push_back(std::move(each));
    }
    for (const auto& [counter, delta] : effects_.counts) counts[counter] += delta;
    conflicts += static_cast<std::int64_t>(effects_.displaced.size());
    conflicts -= effects_.reinstated;
    EXPECT_GE(conflicts, 0);
    is_erased = is_erased || effects_.erase;
    effects_.clear();
  }

  std::shared_ptr<TrustModel> model_;
  std::unique_ptr<task::KeyState> state_;
  task::Effects effects_;
  TimeUs tau_ = 0;
  std::array<std::map<std::string, std::string>, 3> topics_;
  std::map<std::string, std::string> names_;  // of alerts, by id

 public:
  std::vector<std::int64_t> counts;
  std::vector<task::Output> said;  // since the test last cleared it
  TimeUs next_timer = kNever;
  std::int64_t conflicts = 0;  // events refused as such, as the engine would count them
  bool is_erased = false;
};

/// Ids of the alerts that a Teller's events can open, so that it can act on them.
[[nodiscard]] inline std::vector<std::string> possible_alert_ids(int objects) {
  std::vector<std::string> ids;
  for (const std::string_view rule : {"PROMISE_BROKEN", "PROMISE_AT_RISK", "REPLY_OVERDUE", "COMPLAINT_IGNORED",
                                      "ORDER_FAULT", "PRICE_FAULT", "BAD_VOICE_AFTER_FAILURE"}) {
    for (const std::string_view kind : {"o:", "c:", "r:", "p:"}) {
      for (int i = 0; i < objects; ++i) ids.push_back(alert_id("default", rule, "ann", std::string(kind) + std::to_string(i)));
    }
  }
  for (std::size_t i = 0; i < kCustomerRules; ++i) {
    ids.push_back(alert_id("default", name_of(static_cast<CustomerRule>(i)), "ann", {}));
  }
  return ids;
}

}  // namespace troth::operators::test
