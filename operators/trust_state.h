// TrustState: what a task keeps of one customer: the customer itself and the memory of what was said about it last, by
// which only changes are sent and what never held is retracted (TRUST_MODEL: emission, streamed records). Belongs to
// one task at a time; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/task/model.h"
#include "operators/alert/case_alerts.h"
#include "operators/customer/customer.h"

namespace troth::operators {

enum class SentState : std::uint8_t { kActive, kResolved, kExpired, kRetracted };
inline constexpr std::size_t kSentStates = 4;

/// No level: the alert is not active.
inline constexpr std::uint8_t kNoLevel = 4;

/// The last record sent of one interval of an alert.
struct SentInterval {
  std::string home;  // case key it stands under
  TimeUs start = 0;
  SentState state{};
  std::uint64_t digest = 0;  // of its fields
  std::uint8_t level = kNoLevel;
  std::vector<std::string> events;  // for a retraction: the fold knows them no more
};

/// What stands for an alert of a case rule: its rule and object, "p:1".
using AlertKey = std::pair<CaseRule, std::string>;

/// The same without owning its text.
struct AlertRef {
  CaseRule rule{};
  ObjectRef object;
  friend auto operator<=>(const AlertRef&, const AlertRef&) = default;
  friend bool operator==(const AlertRef&, const AlertRef&) = default;
};

/// One order for both.
struct AlertOrder {
  using is_transparent = void;
  static AlertRef ref(const AlertKey& key) { return {key.first, ObjectRef::of(key.second)}; }
  static const AlertRef& ref(const AlertRef& alert) { return alert; }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return ref(a) < ref(b);
  }
};

/// All that was sent under one alert id of a case rule.
struct SentAlert {
  std::int64_t revision = 0;
  std::string home;                     // case key under which it is stored: that of its latest interval
  std::vector<SentInterval> intervals;  // by start
};

struct SentCustomerAlert {
  std::int64_t revision = 0;  // 0: never sent
  bool is_active = false;
  TimeUs since = 0;
  std::uint64_t digest = 0;
  std::uint8_t level = kNoLevel;
  std::vector<std::string> events;
};

/// By rule. Most customers have never had any: then nothing is held.
class SentCustomerAlerts {
 public:
  using All = std::array<SentCustomerAlert, kCustomerRules>;
  [[nodiscard]] const All& all() const {
    static const All kNone;
    return all_ == nullptr ? kNone : *all_;
  }
  [[nodiscard]] const SentCustomerAlert& operator[](std::size_t rule) const { return all()[rule]; }
  /// To write to.
  [[nodiscard]] SentCustomerAlert& at(std::size_t rule) {
    if (all_ == nullptr) all_ = std::make_unique<All>();
    return (*all_)[rule];
  }

 private:
  std::unique_ptr<All> all_;
};

struct Sent {
  std::uint64_t score_digest = 0;  // 0: never sent
  std::int8_t tier = -1;           // −1: never sent
  std::int64_t kept = 0, broken = 0;
  std::vector<std::pair<Kind, std::int64_t>> losses;  // µe in cases that are not sealed, as last counted; by kind
  std::map<AlertKey, SentAlert, AlertOrder> alerts;
  SentCustomerAlerts customer_alerts;
  using PromiseDigests = std::map<std::string, std::uint64_t, std::less<>>;  // by promise id
  std::map<std::string, PromiseDigests> promises;                            // by case key
};

class TrustState final : public task::KeyState {
 public:
  TrustState(std::string tenant, std::string id, const Policy& policy)
      : customer(std::move(tenant), std::move(id), policy) {}

  [[nodiscard]] std::size_t bytes() const override {
    return customer.bytes() + 768 + 300 * (sent.alerts.size() + sent.promises.size());
  }
  void prefetch(unsigned step) const override { customer.prefetch(step); }

  Customer customer;
  Sent sent;
  bool is_counted = false;  // in the number of customers
  // Since the last settle:
  TimeUs earliest_arrival = kNever;
  std::string last_arrival;  // name of the event; empty: none
  // The last settle:
  TimeUs settled_at = -1;  // −1: not since it was loaded
  SeverityContext severity;
  // Parts in the store, and those that differ from it:
  std::set<std::string, std::less<>> stored_parts;
  std::set<std::string, std::less<>> changed_parts;  // case keys
};

/// Writes the parts that changed.
void encode_state(TrustState& state, task::PartWriter& out);
/// Nothing if the bytes are damaged.
[[nodiscard]] bool decode_state(TrustState& state, const task::Parts& parts);

}  // namespace troth::operators
