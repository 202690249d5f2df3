#include "operators/trust_model.h"

#include <algorithm>
#include <map>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "operators/counters.h"
#include "operators/emission.h"

namespace troth::operators {
namespace {

constexpr char kUnitSeparator = '\x1f';
constexpr std::string_view kStateFormat = "1";

TrustState& of(task::KeyState& state) { return static_cast<TrustState&>(state); }

task::Refusal refusal_of(const Customer& customer, const KeptEvent& kept) {
  const Event event = kept.unpacked(customer.tenant(), customer.id());
  task::Refusal refusal;
  refusal.reason = event::Reason::kConflict;
  refusal.source = event.source;
  refusal.id = event.id;
  refusal.type = event.spec->name;
  refusal.raw = event::structured_json(event);
  refusal.origin = event.origin;
  return refusal;
}

/// The customer as it stands for a reader at t: itself, or a copy without the events after t.
Customer& at_time(Customer& customer, TimeUs t, std::unique_ptr<Customer>& copy) {
  if (!customer.has_events_after(t)) return customer;
  copy = customer.upto(t);
  return *copy;
}

struct Check {
  TimeUs t;
  std::optional<Judgement> judgement;  // if it was made on the way
};

/// The customer's last check ≤ τ. Between other checks only midnights are left to walk, and only while a rule is
/// active.
Check last_check(Customer& customer, TimeUs tau) {
  customer.fold_all();
  Check check{last_check_but_midnights(customer, tau), {}};
  for (TimeUs midnight = next_midnight(check.t); midnight <= tau; midnight = next_midnight(check.t)) {
    check.judgement = judge_at(customer, check.t);
    if (check.judgement->alerts.empty()) break;
    check = {midnight, {}};
  }
  return check;
}

bool has_sealed(const Customer& customer, TimeUs t) {
  for (const auto& [key, bucket] : customer.buckets()) {
    if (std::any_of(bucket->cases.begin(), bucket->cases.end(), [&](const auto& one) { return one->is_sealed(t); }))
      return true;
  }
  return false;
}

/// Which alerts may show an action that is older than every window: those of cases that are not sealed, and
/// SATISFIED_BUT_LEAVING, the one customer rule that may have begun before. It rests on Φ alone, never on what was sent,
/// so that it does not matter when one asks. Ids are worked out only if there is an old action.
class OldActions {
 public:
  OldActions(const Customer& customer, TimeUs t) : customer_(customer), t_(t) {}

  [[nodiscard]] bool may_show(const KeptEvent& action) {
    if (since_.empty()) list();
    const auto found = since_.find(text(action, FieldId::kAlertId));
    return found != since_.end() && found->second <= action.time;
  }

 private:
  void list() {
    const SegmentPolicy& policy = customer_.policy().segment(customer_.segment_at(t_));
    const Orders orders = customer_.orders_at(t_);
    note(name_of(CustomerRule::kSatisfiedButLeaving), {},
         leaving_since(orders, rhythm_at(orders, t_, policy.score), policy));
    customer_.for_each_case(t_, [&](const Case& one) {
      for (const Interval& interval : one.fold.intervals) {
        note(name_of(interval.rule), interval.object.str(), interval.start);
      }
    });
  }
  void note(std::string_view rule, std::string_view object, TimeUs since) {
    TimeUs& first = since_.try_emplace(alert_id(customer_.tenant(), rule, customer_.id(), object), kNever).first->second;
    first = std::min(first, since);
  }

  const Customer& customer_;
  TimeUs t_;
  std::map<std::string, TimeUs, std::less<>> since_;  // by alert id
};

/// Answers whether any case was.
bool seal(TrustState& state, Customer& shown, TimeUs t, task::Effects& effects) {
  const bool any = has_sealed(shown, t);
  if (any) {
    state.customer.evaluate(t);
    state.customer.seal(t, [&](const Case& one) { emit_seal(state, one, effects); });
    if (&shown != &state.customer) {
      shown.evaluate(t);
      shown.seal(t, [](const Case&) {});
    }
  }
  OldActions old_actions(shown, t);
  state.customer.prune(t, [&](const KeptEvent& action) { return old_actions.may_show(action); });
  return any;
}

}  // namespace

TrustModel::TrustModel(std::shared_ptr<const Policy> policy, std::string erasure_key, TimeUs fold_until)
    : policy_(std::move(policy)), erasure_key_(std::move(erasure_key)), fold_until_(fold_until) {
  TROTH_ASSERT(policy_ != nullptr);
}

const event::Catalogue& TrustModel::catalogue() const { return operators::catalogue(); }

std::span<const std::string_view> TrustModel::streams() const {
  static constexpr std::array<std::string_view, 3> kStreams{"scores", "alerts", "promises"};
  return kStreams;
}

std::span<const task::CounterSpec> TrustModel::counters() const { return counters::specs(); }

std::string TrustModel::version() const { return std::string(kStateFormat) + ' ' + policy_->hash(); }

std::string TrustModel::foundation() const {
  // Half-lives and horizons are folded into what is stored: another `global` needs a rebuild from the log.
  const GlobalPolicy& global = policy_->global();
  std::string text = "trust/" + std::string(kStateFormat);
  for (const TimeUs value : {global.lateness_us, global.quiet_us, global.link_life_us, global.skew_us,
                             global.case_events, global.open_cases, global.customer_events}) {
    text += ' ' + std::to_string(value);
  }
  for (const TimeUs value : global.half_life_us) text += ' ' + std::to_string(value);
  return text;
}

std::string TrustModel::key(std::string_view tenant, std::string_view customer) {
  std::string key(tenant);
  key += kUnitSeparator;
  key += customer;
  return key;
}

std::string TrustModel::key_of(const Event& event) const { return key(event.tenant, event.subject); }

void TrustModel::read_key(const Event& event, std::string& key) const {
  key.assign(event.tenant).append(1, kUnitSeparator).append(event.subject);
}

std::string TrustModel::tombstone_of(std::string_view key) const {
  const base::Sha256 digest = base::hmac_sha256(erasure_key_, key);
  return {digest.begin(), digest.end()};
}

std::unique_ptr<task::KeyState> TrustModel::create(std::string_view key) const {
  const std::size_t split = key.find(kUnitSeparator);
  TROTH_ASSERT(split != std::string_view::npos);
  return std::make_unique<TrustState>(std::string(key.substr(0, split)), std::string(key.substr(split + 1)), *policy_);
}

base::Result<std::unique_ptr<task::KeyState>> TrustModel::decode(std::string_view key, const task::Parts& parts) const {
  if (key.find(kUnitSeparator) == std::string_view::npos)
    return base::Error{"the stored state has a key that is no customer's"};
  auto state = create(key);
  if (!decode_state(of(*state), parts)) {
    return base::Error{
        "the stored state of a customer is damaged or of another format; rebuild the state from the log"};
  }
  return state;
}

void TrustModel::encode(task::KeyState& state, task::PartWriter& out) const { encode_state(of(state), out); }

task::Verdict TrustModel::apply(task::KeyState& key_state, Event event, std::string_view, TimeUs tau,
                                task::Effects& effects) const {
  TrustState& state = of(key_state);
  if (type_of(event) == Type::kCustomerErased) {
    emit_erasure(state, effects);
    effects.erase = true;
    return {};
  }
  const Customer::Admission admission = state.customer.admit(event, tau);
  switch (admission.what) {
    case Customer::Admitted::kDuplicate: return {task::Verdict::Kind::kDuplicate, {}};
    case Customer::Admitted::kCap: return {task::Verdict::Kind::kRefused, event::Reason::kCap};
    case Customer::Admitted::kYes:
    case Customer::Admitted::kConflict: break;
  }
  if (!std::exchange(state.is_counted, true)) effects.count(counters::kCustomers, 1);
  for (const Held* held : admission.displaced) effects.displaced.push_back(refusal_of(state.customer, held->event));
  effects.reinstated += static_cast<std::uint32_t>(admission.reinstated.size());
  state.earliest_arrival = std::min(state.earliest_arrival, event.time);
  state.last_arrival.assign(event.source).append(1, ' ').append(event.id);
  if (admission.what == Customer::Admitted::kConflict) return {task::Verdict::Kind::kRefused, event::Reason::kConflict};
  return {};
}

void TrustModel::settle(task::KeyState& key_state, TimeUs tau, task::Effects& effects) const {
  if (tau > fold_until_) return;
  TrustState& state = of(key_state);
  std::unique_ptr<Customer> copy;
  Customer& shown = at_time(state.customer, tau, copy);
  const TimeUs next_event = state.customer.next_event_after(tau);
  effects.next_timer = next_event;
  if (!shown.is_known()) return;
  Check check = last_check(shown, tau);
  const TimeUs t = check.t;
  rehome_alerts(state, shown);
  const bool is_judged = !seal(state, shown, t, effects) && check.judgement;
  const View view = is_judged ? view_at(shown, t, std::move(*check.judgement)) : view_at(shown, t);
  const TimeUs waiting = emit_changes(state, view, tau, effects);
  effects.next_timer = std::min({view.next_change, waiting, next_event});
  state.earliest_arrival = kNever;
  state.last_arrival.clear();
}

void TrustModel::read_at(task::KeyState& key_state, TimeUs t, const std::function<void(const View&)>& read) {
  TrustState& state = of(key_state);
  std::unique_ptr<Customer> copy;
  Customer& shown = at_time(state.customer, t, copy);
  if (shown.is_known()) read(view_at(shown, t));
}

}  // namespace troth::operators
