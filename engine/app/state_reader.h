// StateReader: a state directory opened to be looked at: query, explain, top, inspect. Nothing in it is changed, and
// another process may go on with it meanwhile: then what is read is how it stood at that one's last commit. The
// policy is the one that the state was computed under, which is kept beside it. Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/app/policy_source.h"
#include "engine/base/result.h"
#include "engine/state/rocks_store.h"
#include "engine/state/state_directory.h"
#include "engine/task/instance.h"
#include "operators/trust_model.h"

namespace troth::app {

/// The file beside the store that holds the policy.
inline constexpr std::string_view kPolicyFile = "policy.json";

/// Writes the policy beside the store, so that a reader of the state needs no second copy of it.
[[nodiscard]] base::Status keep_policy(const state::StateDirectory& directory, const LoadedPolicy& policy);

class StateReader {
 public:
  /// `policy_file`: another policy than the kept one; nothing of the state is recomputed but what is not sealed.
  [[nodiscard]] static base::Result<std::unique_ptr<StateReader>> open(const std::string& path,
                                                                       const std::optional<std::string>& policy_file);
  ~StateReader();

  /// The process that goes on with this state, if there is one.
  [[nodiscard]] std::optional<std::int64_t> user() const { return user_; }
  [[nodiscard]] task::Instance& instance() { return *instance_; }
  /// Engine time of the state: the greatest of its partitions.
  [[nodiscard]] event::TimeUs tau() const { return instance_->greatest_tau(); }
  [[nodiscard]] const task::InstanceMeta& meta() const { return meta_; }
  [[nodiscard]] const operators::Policy& policy() const { return *policy_.policy; }

  /// Calls `read` with the customer at t; false if it was never heard of (or has no record by t).
  [[nodiscard]] base::Result<bool> read_customer(std::string_view tenant, std::string_view customer, event::TimeUs t,
                                                 const std::function<void(const operators::View&)>& read);

 private:
  StateReader() = default;
  std::optional<std::int64_t> user_;
  LoadedPolicy policy_;
  task::InstanceMeta meta_;
  std::unique_ptr<operators::TrustModel> model_;
  std::unique_ptr<state::StateDirectory> directory_;
  std::unique_ptr<state::RocksStore> store_;
  std::unique_ptr<task::Sink> sink_;
  std::unique_ptr<task::Instance> instance_;
};

/// Says on standard error that the answer is that of the last commit, if another process goes on with the state.
void tell_if_in_use(const StateReader& reader, std::string_view path);

}  // namespace troth::app
