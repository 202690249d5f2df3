// TrustModel: the trust model as the engine's keyed model: events in, scores, alerts and promises out, one customer a
// key. Immutable; shared by all tasks. Pure: no clock, no I/O, no threads, no randomness.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/task/model.h"
#include "operators/policy/policy.h"
#include "operators/record/json.h"
#include "operators/trust_state.h"

namespace troth::operators {

class TrustModel final : public task::KeyedModel {
 public:
  /// `erasure_key`: the deployment's secret under which erased customers are remembered; may be empty.
  /// `fold_until`: events later than this are admitted but never folded or sealed, and nothing is emitted from then on:
  /// for reading Φ at a time before the last event. kNever: the normal case.
  TrustModel(std::shared_ptr<const Policy> policy, std::string erasure_key, TimeUs fold_until = kNever);

  [[nodiscard]] const event::Catalogue& catalogue() const override;
  [[nodiscard]] std::span<const std::string_view> streams() const override;
  [[nodiscard]] std::span<const task::CounterSpec> counters() const override;
  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::string foundation() const override;
  [[nodiscard]] TimeUs lateness_us() const override { return policy_->global().lateness_us; }
  [[nodiscard]] TimeUs skew_us() const override { return policy_->global().skew_us; }
  /// Tenant, U+001F, customer.
  [[nodiscard]] std::string key_of(const Event& event) const override;
  void read_key(const Event& event, std::string& key) const override;
  [[nodiscard]] std::string tombstone_of(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<task::KeyState> create(std::string_view key) const override;
  [[nodiscard]] base::Result<std::unique_ptr<task::KeyState>> decode(std::string_view key,
                                                                     const task::Parts& parts) const override;
  void encode(task::KeyState& state, task::PartWriter& out) const override;
  task::Verdict apply(task::KeyState& state, Event event, std::string_view raw, TimeUs tau,
                      task::Effects& effects) const override;
  void settle(task::KeyState& state, TimeUs tau, task::Effects& effects) const override;

  [[nodiscard]] const Policy& policy() const { return *policy_; }
  [[nodiscard]] static std::string key(std::string_view tenant, std::string_view customer);

  /// Calls `read` with Φ at t, t ≥ the state's τ; not at all if the customer has no record then. The view is good
  /// during the call.
  static void read_at(task::KeyState& state, TimeUs t, const std::function<void(const View&)>& read);

 private:
  std::shared_ptr<const Policy> policy_;
  std::string erasure_key_;
  TimeUs fold_until_;
};

}  // namespace troth::operators
