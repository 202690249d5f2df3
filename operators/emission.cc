#include "operators/emission.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

#include "engine/base/assert.h"
#include "engine/base/planted.h"
#include "operators/counters.h"
#include "operators/record/json.h"
#include "operators/record/sort_few.h"

namespace troth::operators {
namespace {

constexpr char kUnitSeparator = '\x1f';
constexpr std::array<std::string_view, kSentStates> kStateNames{"firing", "resolved", "expired", "retracted"};

std::uint8_t level_index(std::string_view level) {
  constexpr std::array<std::string_view, counters::kLevels> kNames{"info", "warning", "critical", "page"};
  const auto at = std::find(kNames.begin(), kNames.end(), level);
  return static_cast<std::uint8_t>(at - kNames.begin());  // the length of the list is kNoLevel
}

std::string promise_key(const Customer& customer, std::string_view case_key, std::string_view promise_id) {
  std::string key = customer_key(customer.tenant(), customer.id());
  key.reserve(key.size() + case_key.size() + promise_id.size() + 2);
  for (const std::string_view part : {case_key, promise_id}) {
    key += kUnitSeparator;
    key += part;
  }
  return key;
}

void put(task::Effects& effects, Stream stream, std::string key, std::optional<std::string> value) {
  effects.outputs.push_back({static_cast<std::uint8_t>(stream), std::move(key), std::move(value)});
}

/// Moves an alert from where it was counted to where it stands now.
void recount(task::Effects& effects, std::size_t rule, std::optional<SentState> was, std::uint8_t was_level,
             std::optional<SentState> is, std::uint8_t is_level) {
  if (was) effects.count(counters::alerts(rule, *was), -1);
  if (is) effects.count(counters::alerts(rule, *is), 1);
  if (was_level != kNoLevel) effects.count(counters::firing(rule, was_level), -1);
  if (is_level != kNoLevel) effects.count(counters::firing(rule, is_level), 1);
}

// ------------------------------------------------------------------------------------------------------- case alerts

/// An interval that may be shown.
struct Shown {
  AlertRef alert;
  CaseInterval interval;
};

/// Compares the intervals of one alert with what was sent of it.
class AlertComparison {
 public:
  AlertComparison(TrustState& state, const View& view, AlertRef alert, task::Effects& effects)
      : state_(state), view_(view), alert_(alert), effects_(effects), rule_(counters::rule_index(alert.rule)) {}

  /// `current`: intervals that may be shown, by start.
  void run(std::span<const Shown> current) {
    auto found = state_.sent.alerts.find(alert_);
    if (found == state_.sent.alerts.end()) {
      if (current.empty()) return;
      found = state_.sent.alerts.emplace(AlertKey{alert_.rule, alert_.object.str()}, SentAlert{}).first;
    }
    sent_ = &found->second;
    pair_up(current);
    bool any = retract_missing();
    bool is_latest_last = current.empty();
    for (std::size_t i = 0; i < current.size(); ++i) {
      if (!compare(current[i].interval, pairs_[i])) continue;
      any = true;
      is_latest_last = i + 1 == current.size();
    }
    if (any && !is_latest_last) send_again(current.back().interval);
    sort_few(sent_->intervals, [](const SentInterval& x, const SentInterval& y) { return x.start < y.start; });
    move_home(sent_->intervals.back().home);
    if (any && !TROTH_PLANTED(sent_alert_not_stored)) state_.changed_parts.insert(sent_->home);
  }

 private:
  static constexpr std::size_t kUnpaired = static_cast<std::size_t>(-1);

  /// Which sent interval each current one is: that of its start, under its own case key if several have that start.
  void pair_up(std::span<const Shown> current) {
    pairs_.assign(current.size(), kUnpaired);
    is_paired_.assign(sent_->intervals.size(), false);
    for (const bool needs_home : {true, false}) {
      for (std::size_t i = 0; i < current.size(); ++i) {
        for (std::size_t j = 0; j < sent_->intervals.size() && pairs_[i] == kUnpaired; ++j) {
          const SentInterval& sent = sent_->intervals[j];
          if (is_paired_[j] || sent.start != current[i].interval.interval->start) continue;
          if (needs_home && sent.home != current[i].interval.one->bucket->key) continue;
          pairs_[i] = j;
          is_paired_[j] = true;
        }
      }
    }
  }

  void move_home(const std::string& home) {
    if (sent_->home == home) return;
    if (!sent_->home.empty()) state_.changed_parts.insert(sent_->home);
    sent_->home = home;
    state_.changed_parts.insert(home);
  }

  /// Answers whether anything was taken back.
  bool retract_missing() {
    bool any = false;
    for (std::size_t j = 0; j < sent_->intervals.size(); ++j) {
      SentInterval& sent = sent_->intervals[j];
      if (is_paired_[j] || sent.state == SentState::kRetracted || TROTH_PLANTED(no_retraction)) continue;
      AlertFields fields;
      fields.rule = name_of(alert_.rule);
      fields.object = alert_.object.str();
      fields.alert_id = alert_id(view_.customer->tenant(), fields.rule, view_.customer->id(), fields.object);
      fields.case_key = sent.home;
      fields.opened_at = sent.start;
      fields.events = sent.events;
      fields.labels = labels_at(sent.home);
      recount(effects_, rule_, sent.state, sent.level, SentState::kRetracted, kNoLevel);
      effects_.count(counters::kRetractions + rule_, 1);
      sent.state = SentState::kRetracted;
      sent.level = kNoLevel;
      sent.digest = 0;
      send(fields, SentState::kRetracted, "retracted", view_.t);
      any = true;
    }
    return any;
  }

  Labels labels_at(const std::string& home) const {
    Labels labels;
    view_.customer->for_each_case(view_.t, [&](const Case& one) {
      if (one.bucket->key == home) labels = alert_labels(one, alert_.object);
    });
    return labels;
  }

  /// Sends the interval if something about it changed; answers whether it did.
  bool compare(const CaseInterval& each, std::size_t pair) {
    const SentState now = state_of(each);
    const std::uint64_t digest = alert_digest(view_, each);
    if (pair == kUnpaired) {
      pair = sent_->intervals.size();
      sent_->intervals.push_back({});
      sent_->intervals.back().start = each.interval->start;
      sent_->intervals.back().state = SentState::kRetracted;  // what a start that was never sent is compared as
    }
    SentInterval& sent = sent_->intervals[pair];
    const bool is_known = !sent.home.empty();
    if (sent.home != each.one->bucket->key) {
      sent.home = each.one->bucket->key;
      state_.changed_parts.insert(sent_->home.empty() ? sent.home : sent_->home);
    }
    if (is_known && sent.state == now && sent.digest == digest) return false;
    const bool is_update = now == SentState::kActive && sent.state == SentState::kActive;
    AlertFields fields = fields_of(view_, each);
    const std::uint8_t level = level_index(fields.level);
    recount(effects_, rule_, is_known ? std::optional(sent.state) : std::nullopt, sent.level, now, level);
    sent.state = now;
    sent.digest = digest;
    sent.level = level;
    send(fields, now, is_update ? "updated" : kStateNames[static_cast<std::size_t>(now)], each.end());
    sent.events = std::move(fields.events);
    return true;
  }

  /// The latest interval follows whenever another one was sent, so that it is the last of its key.
  void send_again(const CaseInterval& latest) {
    const SentState now = state_of(latest);
    send(fields_of(view_, latest), now,
         now == SentState::kActive ? "updated" : kStateNames[static_cast<std::size_t>(now)], latest.end());
  }

  void send(const AlertFields& fields, SentState now, std::string_view state, TimeUs end) {
    AlertEmission emission;
    emission.state = state;
    emission.revision = ++sent_->revision;
    if (now != SentState::kActive) emission.resolved_at = end;
    emission.cause = state_.last_arrival;
    put(effects_, Stream::kAlerts, fields.alert_id, alert_record(view_, fields, emission));
  }

  [[nodiscard]] SentState state_of(const CaseInterval& each) const {
    if (each.is_active(view_.t)) return SentState::kActive;
    return each.interval->end == kNever ? SentState::kExpired : SentState::kResolved;
  }

  TrustState& state_;
  const View& view_;
  AlertRef alert_;
  task::Effects& effects_;
  std::size_t rule_;
  SentAlert* sent_ = nullptr;
  std::vector<std::size_t> pairs_;  // by current interval: index of the sent one
  std::vector<bool> is_paired_;     // by sent interval
};

/// Marks the buckets that must be compared: those whose events changed, that passed a breakpoint, or whose waiting is
/// over; all of them if what every severity rests on changed.
void mark_compared(const TrustState& state, const View& view, TimeUs tau, bool all) {
  std::vector<Bucket*> open;
  for (const auto& [key, bucket] : view.customer->buckets()) {
    const auto passed = [&](const auto& one) {
      const auto next = std::upper_bound(one->breakpoints.begin(), one->breakpoints.end(), state.settled_at);
      return next != one->breakpoints.end() && *next <= view.t;
    };
    bucket->is_compared = all || bucket->is_touched || bucket->compare_again_at <= tau || view.t < state.settled_at ||
                          std::any_of(bucket->cases.begin(), bucket->cases.end(), passed);
    if (bucket->is_compared) open.push_back(bucket.get());
  }
  if (open.size() == view.customer->buckets().size()) return;
  // Alerts whose object stands under several keys are compared under all of them: one id, one history.
  const auto follow = [&](const ObjectRef& object) {
    view.customer->for_each_bucket_naming(object, [&](Bucket& bucket) {
      if (!std::exchange(bucket.is_compared, true)) open.push_back(&bucket);
    });
  };
  while (!open.empty()) {
    const Bucket& bucket = *open.back();
    open.pop_back();
    for (const auto& one : bucket.cases) {
      for (const Interval& interval : one->fold.intervals) follow(interval.object);
    }
    for (const auto& [id, alert] : state.sent.alerts) {
      const auto stands_here = [&](const SentInterval& sent) { return sent.home == bucket.key; };
      if (std::any_of(alert.intervals.begin(), alert.intervals.end(), stands_here)) follow(ObjectRef::of(id.second));
    }
  }
}

/// Also true where there is no bucket any more.
bool is_compared(const Customer& customer, const std::string& case_key) {
  const auto bucket = customer.buckets().find(case_key);
  return bucket == customer.buckets().end() || bucket->second->is_compared;
}

/// True if the interval stands on the topic: then no hold can make it wait any more.
bool was_sent(const TrustState& state, const Interval& interval) {
  const auto alert = state.sent.alerts.find(AlertRef{interval.rule, interval.object});
  if (alert == state.sent.alerts.end()) return false;
  const auto& sent = alert->second.intervals;
  return std::any_of(sent.begin(), sent.end(), [&](const SentInterval& each) {
    return each.start == interval.start && each.state != SentState::kRetracted;
  });
}

/// The intervals of compared buckets that may be shown, by alert and start. Notes in the buckets until when others are
/// held back; answers when the first of all that wait is due.
TimeUs find_shown(TrustState& state, const View& view, TimeUs tau, std::vector<Shown>& shown) {
  TimeUs waiting = kNever;
  for (const auto& [key, bucket] : view.customer->buckets()) {
    bool is_unsealed = false;
    TimeUs wait = kNever;
    for (const auto& one : bucket->cases) {
      if (one->is_sealed(view.t)) continue;
      is_unsealed = true;
      if (!bucket->is_compared) break;
      for (const Interval& interval : one->fold.intervals) {
        if (interval.start > view.t) continue;
        const TimeUs shown_from =
            interval.start + one->policy->case_rules[static_cast<std::size_t>(interval.rule)].hold_us;
        if (shown_from > tau && !was_sent(state, interval)) {
          wait = std::min(wait, shown_from);
        } else {
          shown.push_back({{interval.rule, interval.object}, {one.get(), &interval}});
        }
      }
    }
    if (!is_unsealed) continue;
    if (bucket->is_compared) {
      bucket->compare_again_at = wait;
      // A view that knows only part of the events is thrown away; what waits must not be forgotten with it.
      if (view.customer != &state.customer) {
        if (Bucket* own = state.customer.bucket(key)) own->compare_again_at = wait;
      }
    }
    waiting = std::min(waiting, bucket->compare_again_at);
  }
  sort_few(shown, [](const Shown& a, const Shown& b) {
    return std::tie(a.alert, a.interval.interval->start) < std::tie(b.alert, b.interval.interval->start);
  });
  return waiting;
}

TimeUs emit_case_alerts(TrustState& state, const View& view, TimeUs tau, task::Effects& effects) {
  std::vector<Shown> shown;
  const TimeUs waiting = find_shown(state, view, tau, shown);
  // Alerts that were sent and have nothing to show any more are compared as well, each in its place.
  std::vector<AlertRef> sent;
  for (const auto& [id, alert] : state.sent.alerts) {
    const auto is_at_compared = [&](const SentInterval& each) { return is_compared(*view.customer, each.home); };
    if (std::any_of(alert.intervals.begin(), alert.intervals.end(), is_at_compared)) {
      sent.push_back({id.first, ObjectRef::of(id.second)});
    }
  }
  auto next_sent = sent.begin();
  for (auto begin = shown.begin(); begin != shown.end() || next_sent != sent.end();) {
    if (begin == shown.end() || (next_sent != sent.end() && *next_sent < begin->alert)) {
      AlertComparison(state, view, *next_sent++, effects).run({});
      continue;
    }
    const AlertRef alert = begin->alert;
    const auto end = std::find_if(begin, shown.end(), [&](const Shown& each) { return each.alert != alert; });
    AlertComparison(state, view, alert, effects).run({begin, end});
    if (next_sent != sent.end() && *next_sent == alert) ++next_sent;
    begin = end;
  }
  return waiting;
}

// --------------------------------------------------------------------------------------------------- customer alerts

void emit_customer_alerts(TrustState& state, const View& view, task::Effects& effects) {
  for (std::size_t i = 0; i < kCustomerRules; ++i) {
    const auto active =
        std::find_if(view.customer_alerts.begin(), view.customer_alerts.end(),
                     [&](const CustomerAlert& each) { return static_cast<std::size_t>(each.rule) == i; });
    const std::size_t rule = counters::rule_index(static_cast<CustomerRule>(i));
    if (active == view.customer_alerts.end() && !state.sent.customer_alerts[i].is_active) continue;
    SentCustomerAlert& sent = state.sent.customer_alerts.at(i);
    AlertEmission emission;
    emission.cause = state.last_arrival;
    AlertFields fields;
    if (active != view.customer_alerts.end()) {
      const std::uint64_t digest = alert_digest(view, *active);
      if (sent.is_active && sent.digest == digest) continue;
      fields = fields_of(view, *active);
      emission.state = sent.is_active ? "updated" : "firing";
      const std::uint8_t level = level_index(fields.level);
      recount(effects, rule, sent.is_active ? std::optional(SentState::kActive) : std::nullopt, sent.level,
              SentState::kActive, level);
      sent = {sent.revision, true, active->since, digest, level, active->events};
    } else {
      // It ceased on the arrival of an event not later than its beginning: it never held.
      const bool is_retracted = state.earliest_arrival <= sent.since;
      const SentState now = is_retracted ? SentState::kRetracted : SentState::kResolved;
      recount(effects, rule, SentState::kActive, sent.level, now, kNoLevel);
      if (is_retracted) effects.count(counters::kRetractions + rule, 1);
      fields = fields_of(view, CustomerAlert{static_cast<CustomerRule>(i), sent.since, sent.events});
      fields.severity.reset();
      fields.level = {};
      emission.state = kStateNames[static_cast<std::size_t>(now)];
      emission.resolved_at = view.t;
      sent = {sent.revision, false, sent.since, 0, kNoLevel, {}};
    }
    emission.revision = ++sent.revision;
    put(effects, Stream::kAlerts, fields.alert_id, alert_record(view, fields, emission));
  }
}

// ---------------------------------------------------------------------------------------------- promises and scores

/// The promises of one bucket, by case, then making.
using Promises = std::span<const CasePromise>;

Promises promises_of(const View& view, const Bucket& bucket) {
  const auto is_before = [](const CasePromise& each, const std::string& key) { return each.one->bucket->key < key; };
  const auto begin = std::lower_bound(view.promises.begin(), view.promises.end(), bucket.key, is_before);
  auto end = begin;
  while (end != view.promises.end() && end->one->bucket == &bucket) ++end;
  return {begin, end};
}

/// The promises that stand under a bucket's key: of two cases with one id the later has the word. By id.
std::vector<const CasePromise*> standing_promises(Promises promises) {
  std::vector<const CasePromise*> standing;
  standing.reserve(promises.size());
  for (const CasePromise& each : promises) standing.push_back(&each);
  sort_few(standing, [](const CasePromise* a, const CasePromise* b) {
    return a->promise->promise_id < b->promise->promise_id;
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < standing.size(); ++i) {
    const bool is_last = i + 1 == standing.size() ||
                         standing[i + 1]->promise->promise_id != standing[i]->promise->promise_id;
    if (is_last) standing[kept++] = standing[i];
  }
  standing.resize(kept);
  return standing;
}

/// Null if none of them has the id.
const CasePromise* find_standing(const std::vector<const CasePromise*>& standing, std::string_view promise_id) {
  const auto at = std::lower_bound(
      standing.begin(), standing.end(), promise_id,
      [](const CasePromise* each, std::string_view other) { return each->promise->promise_id < other; });
  return at != standing.end() && (*at)->promise->promise_id == promise_id ? *at : nullptr;
}

/// Keys that re-homing has left behind.
void emit_promises_gone(TrustState& state, const View& view, task::Effects& effects) {
  const Customer& customer = *view.customer;
  for (auto at = state.sent.promises.begin(); at != state.sent.promises.end();) {
    const std::string& key = at->first;  // no structured bindings: clang 14 captures none
    auto& sent = at->second;
    const auto bucket = customer.buckets().find(key);
    const bool is_gone = bucket == customer.buckets().end();
    if (is_gone || bucket->second->is_compared) {
      const auto standing =
          standing_promises(is_gone ? Promises{} : promises_of(view, *bucket->second));
      std::erase_if(sent, [&](const auto& each) {
        if (find_standing(standing, each.first) != nullptr) return false;
        if (!TROTH_PLANTED(rehoming_sends_no_null)) {
          put(effects, Stream::kPromises, promise_key(customer, key, each.first), std::nullopt);
        }
        state.changed_parts.insert(key);
        return true;
      });
    }
    at = sent.empty() ? state.sent.promises.erase(at) : std::next(at);
  }
}

void emit_promises(TrustState& state, const View& view, task::Effects& effects) {
  emit_promises_gone(state, view, effects);
  for (auto begin = view.promises.begin(); begin != view.promises.end();) {
    const Bucket& bucket = *begin->one->bucket;
    const auto end = std::find_if(begin, view.promises.end(),
                                  [&](const CasePromise& each) { return each.one->bucket != &bucket; });
    const Promises promises(begin, end);
    begin = end;
    if (!bucket.is_compared) continue;
    const bool is_one_case = promises.front().one == promises.back().one;
    const auto standing = is_one_case ? std::vector<const CasePromise*>{} : standing_promises(promises);
    auto& sent_of_key = state.sent.promises[bucket.key];
    for (const CasePromise& each : promises) {
      const std::string_view promise_id = each.promise->promise_id;
      if (!is_one_case && find_standing(standing, promise_id) != &each) continue;
      const std::uint64_t digest = promise_digest(each, view.t);
      auto sent = sent_of_key.find(promise_id);
      if (sent == sent_of_key.end()) sent = sent_of_key.emplace(promise_id, 0).first;
      if (sent->second == digest) continue;
      sent->second = digest;
      state.changed_parts.insert(bucket.key);
      put(effects, Stream::kPromises, promise_key(*view.customer, bucket.key, promise_id),
          promise_record(each, view.t));
    }
  }
}

void emit_score(TrustState& state, const View& view, task::Effects& effects) {
  Sent& sent = state.sent;
  effects.count(counters::kPromisesKept, view.kept - std::exchange(sent.kept, view.kept));
  effects.count(counters::kPromisesBroken, view.broken - std::exchange(sent.broken, view.broken));
  const auto tier = static_cast<std::int8_t>(view.score.tier);
  if (tier != sent.tier) {
    if (sent.tier >= 0) effects.count(counters::kTiers + static_cast<std::size_t>(sent.tier), -1);
    effects.count(counters::kTiers + static_cast<std::size_t>(tier), 1);
    sent.tier = tier;
  }
  StreamedRecord record = streamed_score(view);
  if (record.digest == sent.score_digest) return;
  sent.score_digest = record.digest;
  put(effects, Stream::kScores, customer_key(view.customer->tenant(), view.customer->id()), std::move(record.text));
}

/// Counts what the losses of cases that are not sealed have become since the last time.
void count_losses(Sent& sent, const View& view, task::Effects& effects) {
  std::array<std::int64_t, kFindingKinds> now{};
  view.customer->for_each_case(view.t, [&](const Case& one) {
    for (const EvidenceItem& item : one.evidence.items) {
      if (item.amount < 0) now[static_cast<std::size_t>(one.fold.findings[item.finding].kind)] -= item.amount;
    }
  });
  std::array<std::int64_t, kFindingKinds> grown = now;
  for (const auto& [kind, amount] : sent.losses) grown[static_cast<std::size_t>(kind)] -= amount;
  sent.losses.clear();
  for (std::size_t kind = 0; kind < kFindingKinds; ++kind) {
    effects.count(counters::kLosses + kind, grown[kind]);
    if (now[kind] != 0) sent.losses.emplace_back(static_cast<Kind>(kind), now[kind]);
  }
}

/// The interval that the topic ends with; null if all were taken back.
SentInterval* latest_standing(SentAlert& alert) {
  const auto found = std::find_if(alert.intervals.rbegin(), alert.intervals.rend(),
                                  [](const SentInterval& sent) { return sent.state != SentState::kRetracted; });
  return found == alert.intervals.rend() ? nullptr : &*found;
}

}  // namespace

std::string customer_key(std::string_view tenant, std::string_view customer) {
  if (tenant == "default") return std::string(customer);
  std::string key(tenant);
  key += kUnitSeparator;
  key += customer;
  return key;
}

TimeUs emit_changes(TrustState& state, const View& view, TimeUs tau, task::Effects& effects) {
  // A view that knows only part of the events leaves the mark for one that knows all.
  const bool is_partial = view.customer != &state.customer;
  const bool context_changed = is_partial || state.customer.take_context_change();
  const bool compare_all = context_changed || state.settled_at < 0 || !(state.severity == view.severity);
  mark_compared(state, view, tau, compare_all);
  const TimeUs waiting = emit_case_alerts(state, view, tau, effects);
  emit_customer_alerts(state, view, effects);
  emit_promises(state, view, effects);
  emit_score(state, view, effects);
  count_losses(state.sent, view, effects);
  for (const auto& [key, bucket] : view.customer->buckets()) bucket->is_touched = false;
  state.settled_at = view.t;
  state.severity = view.severity;
  return waiting;
}

void rehome_alerts(TrustState& state, Customer& shown) {
  for (auto& [id, alert] : state.sent.alerts) {
    for (SentInterval& sent : alert.intervals) {
      if (shown.buckets().contains(sent.home)) continue;
      Bucket* bucket = shown.latest_bucket_naming(ObjectRef::of(id.second));
      if (bucket == nullptr) continue;
      sent.home = bucket->key;
      bucket->is_touched = true;  // what was said of it must be looked at there
      state.changed_parts.insert(alert.home);
    }
    if (alert.intervals.empty() || alert.home == alert.intervals.back().home) continue;
    state.changed_parts.insert(alert.home);
    alert.home = alert.intervals.back().home;
    state.changed_parts.insert(alert.home);
  }
}

void emit_seal(TrustState& state, const Case& one, task::Effects& effects) {
  const Customer& customer = state.customer;
  const std::string& key = one.bucket->key;
  state.changed_parts.insert(key);
  const auto remains_in_bucket = [&](std::string_view promise_id) {
    return std::any_of(one.bucket->cases.begin(), one.bucket->cases.end(), [&](const auto& other) {
      if (other == nullptr || other.get() == &one) return false;
      return std::any_of(other->fold.promises.begin(), other->fold.promises.end(),
                         [&](const Promise& p) { return p.promise_id == promise_id; });
    });
  };
  if (const auto promises = state.sent.promises.find(key); promises != state.sent.promises.end()) {
    for (const Promise& promise : one.fold.promises) {
      const std::string_view promise_id = promise.promise_id;
      if (remains_in_bucket(promise_id)) continue;
      const auto sent = promises->second.find(promise_id);
      if (sent == promises->second.end()) continue;
      promises->second.erase(sent);
      put(effects, Stream::kPromises, promise_key(customer, key, promise_id), std::nullopt);
    }
    if (promises->second.empty()) state.sent.promises.erase(promises);
  }

  // Intervals of the case by alert and start; those that are left over at the end were never sent.
  std::map<std::pair<AlertKey, TimeUs>, const Interval*> intervals;
  for (const Interval& interval : one.fold.intervals) {
    intervals.emplace(std::pair(AlertKey{interval.rule, interval.object.str()}, interval.start), &interval);
  }
  const auto ended = [](const Interval& interval) {
    return interval.end == kNever ? SentState::kExpired : SentState::kResolved;
  };
  const auto& cases = one.bucket->cases;
  const bool is_last_of_key =
      std::none_of(cases.begin(), cases.end(), [&](const auto& other) { return other && other.get() != &one; });
  for (auto at = state.sent.alerts.begin(); at != state.sent.alerts.end();) {
    const auto& id = at->first;
    SentAlert& alert = at->second;
    const std::size_t rule = counters::rule_index(id.first);
    const SentInterval* before = latest_standing(alert);
    const auto latest = before == nullptr ? std::nullopt : std::optional(std::pair(before->start, before->home));
    const std::size_t gone = std::erase_if(alert.intervals, [&](const SentInterval& sent) {
      const bool is_of_case = sent.home == key && (sent.start <= one.expiry || is_last_of_key);
      if (!is_of_case) return false;
      const auto found = intervals.find({id, sent.start});
      // What was active when last looked at has ended unseen; what is not there any more never held.
      const SentState now = found == intervals.end() ? SentState::kRetracted : ended(*found->second);
      if (sent.state != now) {
        recount(effects, rule, sent.state, sent.level, now, kNoLevel);
        if (now == SentState::kRetracted) effects.count(counters::kRetractions + rule, 1);
      }
      if (found != intervals.end()) intervals.erase(found);
      return true;
    });
    if (gone == 0) {
      ++at;
      continue;
    }
    state.changed_parts.insert(alert.home);
    SentInterval* stands = latest_standing(alert);
    const bool has_left = latest && (stands == nullptr || *latest != std::pair(stands->start, stands->home));
    // The topic must not end with what is gone: the latest that still stands is said again; what was taken back does
    // not stand.
    if (stands != nullptr && has_left) {
      stands->digest = 0;
      if (Bucket* bucket = state.customer.bucket(stands->home)) bucket->is_touched = true;
    }
    if (stands != nullptr || (!has_left && !alert.intervals.empty())) {
      alert.home = alert.intervals.back().home;
      state.changed_parts.insert(alert.home);
      ++at;
      continue;
    }
    put(effects, Stream::kAlerts, alert_id(customer.tenant(), name_of(id.first), customer.id(), id.second),
        std::nullopt);
    at = state.sent.alerts.erase(at);
  }
  for (const auto& [id, interval] : intervals) {
    recount(effects, counters::rule_index(id.first.first), std::nullopt, kNoLevel, ended(*interval), kNoLevel);
  }
  // The loss stays counted when its case goes: count_losses() will miss it from now on.
  for (const EvidenceItem& item : one.evidence.items) {
    if (item.amount >= 0) continue;
    const Kind kind = one.fold.findings[item.finding].kind;
    effects.count(counters::kLosses + static_cast<std::size_t>(kind), -static_cast<std::int64_t>(item.amount));
  }
}

void emit_erasure(TrustState& state, task::Effects& effects) {
  const Customer& customer = state.customer;
  Sent& sent = state.sent;
  for (const auto& [id, alert] : sent.alerts) {
    put(effects, Stream::kAlerts, alert_id(customer.tenant(), name_of(id.first), customer.id(), id.second),
        std::nullopt);
    for (const SentInterval& each : alert.intervals) {
      recount(effects, counters::rule_index(id.first), each.state, each.level, std::nullopt, kNoLevel);
    }
  }
  for (std::size_t i = 0; i < kCustomerRules; ++i) {
    const SentCustomerAlert& alert = sent.customer_alerts[i];
    if (alert.revision == 0) continue;
    const auto rule = static_cast<CustomerRule>(i);
    put(effects, Stream::kAlerts, alert_id(customer.tenant(), name_of(rule), customer.id(), {}), std::nullopt);
    if (alert.is_active)
      recount(effects, counters::rule_index(rule), SentState::kActive, alert.level, std::nullopt, kNoLevel);
  }
  for (const auto& [key, promises] : sent.promises) {
    for (const auto& [promise_id, digest] : promises)
      put(effects, Stream::kPromises, promise_key(customer, key, promise_id), std::nullopt);
  }
  if (sent.score_digest != 0)
    put(effects, Stream::kScores, customer_key(customer.tenant(), customer.id()), std::nullopt);
  effects.count(counters::kPromisesKept, -sent.kept);
  effects.count(counters::kPromisesBroken, -sent.broken);
  if (sent.tier >= 0) effects.count(counters::kTiers + static_cast<std::size_t>(sent.tier), -1);
  for (const auto& [kind, amount] : sent.losses)
    effects.count(counters::kLosses + static_cast<std::size_t>(kind), -amount);
  if (state.is_counted) effects.count(counters::kCustomers, -1);
}

}  // namespace troth::operators
