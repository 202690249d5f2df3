// TrustState: what a task keeps of one customer: the customer itself and the memory of what was said about it last, by
// which only changes are sent and what never held is retracted (TRUST_MODEL: emission, streamed records). Belongs to
// one task at a time; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
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

struct Sent {
  std::uint64_t score_digest = 0;  // 0: never sent
  std::int8_t tier = -1;           // −1: never sent
  std::int64_t kept = 0, broken = 0;
  std::map<Kind, std::int64_t> losses;                           // µe in cases that are not sealed, as last counted
  std::map<std::pair<CaseRule, std::string>, SentAlert> alerts;  // by (rule, object)
  std::array<SentCustomerAlert, kCustomerRules> customer_alerts;
  std::map<std::string, std::map<std::string, std::uint64_t>> promises;  // case key → promise id → digest
};

class TrustState final : public task::KeyState {
 public:
  TrustState(std::string tenant, std::string id, const Policy& policy)
      : customer(std::move(tenant), std::move(id), policy) {}

  [[nodiscard]] std::size_t bytes() const override {
    return customer.bytes() + 512 + 200 * (sent.alerts.size() + sent.promises.size());
  }

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
  std::set<std::string> stored_parts;
  std::set<std::string> changed_parts;  // case keys
};

/// Writes the parts that changed.
void encode_state(TrustState& state, task::PartWriter& out);
/// Nothing if the bytes are damaged.
[[nodiscard]] bool decode_state(TrustState& state, const task::Parts& parts);

}  // namespace troth::operators
