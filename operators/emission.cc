#include "operators/emission.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <set>

#include "engine/base/assert.h"
#include "engine/base/planted.h"
#include "operators/counters.h"
#include "operators/record/json.h"

namespace troth::operators {
namespace {

constexpr char kUnitSeparator = '\x1f';
constexpr std::array<std::string_view, kSentStates> kStateNames{"firing", "resolved", "expired", "retracted"};

std::uint64_t digest_of(std::string_view text) {
  const std::uint64_t digest = XXH3_64bits(text.data(), text.size());
  return digest == 0 ? 1 : digest;  // 0 means: never sent
}

std::uint8_t level_index(std::string_view level) {
  constexpr std::array<std::string_view, counters::kLevels> kNames{"info", "warning", "critical", "page"};
  const auto at = std::find(kNames.begin(), kNames.end(), level);
  return static_cast<std::uint8_t>(at - kNames.begin());  // the length of the list is kNoLevel
}

std::string promise_key(const Customer& customer, const std::string& case_key, const std::string& promise_id) {
  return customer_key(customer.tenant(), customer.id()) + kUnitSeparator + case_key + kUnitSeparator + promise_id;
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

using AlertKey = std::pair<CaseRule, std::string>;

/// Compares the intervals of one alert with what was sent of it.
class AlertComparison {
 public:
  AlertComparison(TrustState& state, const View& view, const AlertKey& key, task::Effects& effects)
      : state_(state), view_(view), key_(key), effects_(effects), rule_(counters::rule_index(key.first)) {}

  /// `current`: intervals that may be shown, by start.
  void run(const std::vector<CaseInterval>& current) {
    const auto found = state_.sent.alerts.find(key_);
    if (found == state_.sent.alerts.end() && current.empty()) return;
    sent_ = found == state_.sent.alerts.end() ? &state_.sent.alerts[key_] : &found->second;
    pair_up(current);
    bool any = retract_missing();
    bool is_latest_last = current.empty();
    for (std::size_t i = 0; i < current.size(); ++i) {
      if (!compare(current[i], pairs_[i])) continue;
      any = true;
      is_latest_last = i + 1 == current.size();
    }
    if (any && !is_latest_last) send_again(current.back());
    std::stable_sort(sent_->intervals.begin(), sent_->intervals.end(),
                     [](const SentInterval& x, const SentInterval& y) { return x.start < y.start; });
    move_home(sent_->intervals.back().home);
    if (any && !TROTH_PLANTED(sent_alert_not_stored)) state_.changed_parts.insert(sent_->home);
  }

 private:
  static constexpr std::size_t kUnpaired = static_cast<std::size_t>(-1);

  /// Which sent interval each current one is: that of its start, under its own case key if several have that start.
  void pair_up(const std::vector<CaseInterval>& current) {
    pairs_.assign(current.size(), kUnpaired);
    is_paired_.assign(sent_->intervals.size(), false);
    for (const bool needs_home : {true, false}) {
      for (std::size_t i = 0; i < current.size(); ++i) {
        for (std::size_t j = 0; j < sent_->intervals.size() && pairs_[i] == kUnpaired; ++j) {
          const SentInterval& sent = sent_->intervals[j];
          if (is_paired_[j] || sent.start != current[i].interval->start) continue;
          if (needs_home && sent.home != current[i].one->bucket->key) continue;
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
      fields.rule = name_of(key_.first);
      fields.object = key_.second;
      fields.alert_id = alert_id(view_.customer->tenant(), fields.rule, view_.customer->id(), key_.second);
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

  std::map<std::string, std::string> labels_at(const std::string& home) const {
    std::map<std::string, std::string> labels;
    const ObjectRef object{key_.second[0], std::string_view(key_.second).substr(2)};
    view_.customer->for_each_case(view_.t, [&](const Case& one) {
      if (one.bucket->key == home) labels = alert_labels(one, object);
    });
    return labels;
  }

  /// Sends the interval if something about it changed; answers whether it did.
  bool compare(const CaseInterval& each, std::size_t pair) {
    const SentState now = state_of(each);
    const AlertFields fields = fields_of(view_, each);
    const std::uint64_t digest = digest_of_fields(each, fields);
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
    const std::uint8_t level = level_index(fields.level);
    recount(effects_, rule_, is_known ? std::optional(sent.state) : std::nullopt, sent.level, now, level);
    sent.state = now;
    sent.digest = digest;
    sent.level = level;
    sent.events = fields.events;
    send(fields, now, is_update ? "updated" : kStateNames[static_cast<std::size_t>(now)], each.end());
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
    if (!state_.last_arrival.empty()) emission.cause = state_.last_arrival;
    put(effects_, Stream::kAlerts, fields.alert_id, alert_record(view_, fields, emission));
  }

  [[nodiscard]] SentState state_of(const CaseInterval& each) const {
    if (each.is_active(view_.t)) return SentState::kActive;
    return each.interval->end == kNever ? SentState::kExpired : SentState::kResolved;
  }

  [[nodiscard]] std::uint64_t digest_of_fields(const CaseInterval& each, const AlertFields& fields) const {
    std::string text = alert_json(fields);
    if (!each.is_active(view_.t)) text += std::to_string(each.end());
    return digest_of(text);
  }

  TrustState& state_;
  const View& view_;
  const AlertKey& key_;
  task::Effects& effects_;
  std::size_t rule_;
  SentAlert* sent_ = nullptr;
  std::vector<std::size_t> pairs_;  // by current interval: index of the sent one
  std::vector<bool> is_paired_;     // by sent interval
};

/// Which case keys must be compared: those whose events changed, that passed a breakpoint, or whose waiting is over;
/// all of them if what every severity rests on changed.
std::set<std::string, std::less<>> keys_to_compare(const TrustState& state, const View& view, TimeUs tau, bool all) {
  std::set<std::string, std::less<>> keys;
  for (const auto& [key, bucket] : view.customer->buckets()) {
    const auto passed = [&](const auto& one) {
      const auto next = std::upper_bound(one->breakpoints.begin(), one->breakpoints.end(), state.settled_at);
      return next != one->breakpoints.end() && *next <= view.t;
    };
    if (all || bucket->is_touched || bucket->compare_again_at <= tau || view.t < state.settled_at ||
        std::any_of(bucket->cases.begin(), bucket->cases.end(), passed)) {
      keys.insert(key);
    }
  }
  if (all) return keys;
  // Alerts whose object stands under several keys are compared under all of them: one id, one history.
  std::vector<std::string> open(keys.begin(), keys.end());
  const auto follow = [&](std::string_view object) {
    for (const std::string& key : view.customer->keys_naming(object)) {
      if (keys.insert(key).second) open.push_back(key);
    }
  };
  while (!open.empty()) {
    const std::string key = std::move(open.back());
    open.pop_back();
    const auto bucket = view.customer->buckets().find(key);
    if (bucket != view.customer->buckets().end()) {
      for (const auto& one : bucket->second->cases) {
        for (const Interval& interval : one->fold.intervals) follow(interval.object.str());
      }
    }
    for (const auto& [id, alert] : state.sent.alerts) {
      const auto stands_here = [&](const SentInterval& sent) { return sent.home == key; };
      if (std::any_of(alert.intervals.begin(), alert.intervals.end(), stands_here)) follow(id.second);
    }
  }
  return keys;
}

/// True if the interval stands on the topic: then no hold can make it wait any more.
bool was_sent(const TrustState& state, const Interval& interval) {
  const auto alert = state.sent.alerts.find({interval.rule, interval.object.str()});
  if (alert == state.sent.alerts.end()) return false;
  const auto& sent = alert->second.intervals;
  return std::any_of(sent.begin(), sent.end(), [&](const SentInterval& each) {
    return each.start == interval.start && each.state != SentState::kRetracted;
  });
}

TimeUs emit_case_alerts(TrustState& state, const View& view, TimeUs tau, const std::set<std::string, std::less<>>& keys,
                        task::Effects& effects) {
  std::map<AlertKey, std::vector<CaseInterval>> current;
  for (const auto& [id, alert] : state.sent.alerts) {
    const auto is_compared = [&](const SentInterval& sent) {
      return keys.contains(sent.home) || !view.customer->buckets().contains(sent.home);
    };
    if (std::any_of(alert.intervals.begin(), alert.intervals.end(), is_compared)) current[id];
  }
  TimeUs waiting = kNever;
  std::map<Bucket*, TimeUs> waits;
  view.customer->for_each_case(view.t, [&](const Case& one) {
    Bucket& bucket = *one.bucket;
    if (!keys.contains(bucket.key)) {
      waiting = std::min(waiting, bucket.compare_again_at);
      return;
    }
    TimeUs& wait = waits.try_emplace(&bucket, kNever).first->second;
    for (const Interval& interval : one.fold.intervals) {
      if (interval.start > view.t) continue;
      const TimeUs shown_from =
          interval.start + one.policy->case_rules[static_cast<std::size_t>(interval.rule)].hold_us;
      if (shown_from > tau && !was_sent(state, interval)) {
        wait = std::min(wait, shown_from);
        continue;
      }
      current[{interval.rule, interval.object.str()}].push_back({&one, &interval});
    }
  });
  for (auto& [bucket, wait] : waits) {
    bucket->compare_again_at = wait;
    // A view that knows only part of the events is thrown away; what waits must not be forgotten with it.
    if (Bucket* own = state.customer.bucket(bucket->key)) own->compare_again_at = wait;
    waiting = std::min(waiting, wait);
  }
  for (auto& [key, intervals] : current) {
    std::stable_sort(intervals.begin(), intervals.end(), [](const CaseInterval& a, const CaseInterval& b) {
      return a.interval->start < b.interval->start;
    });
    AlertComparison(state, view, key, effects).run(intervals);
  }
  return waiting;
}

// --------------------------------------------------------------------------------------------------- customer alerts

void emit_customer_alerts(TrustState& state, const View& view, task::Effects& effects) {
  for (std::size_t i = 0; i < kCustomerRules; ++i) {
    SentCustomerAlert& sent = state.sent.customer_alerts[i];
    const auto active =
        std::find_if(view.customer_alerts.begin(), view.customer_alerts.end(),
                     [&](const CustomerAlert& each) { return static_cast<std::size_t>(each.rule) == i; });
    const std::size_t rule = counters::rule_index(static_cast<CustomerRule>(i));
    AlertEmission emission;
    if (!state.last_arrival.empty()) emission.cause = state.last_arrival;
    AlertFields fields;
    if (active != view.customer_alerts.end()) {
      fields = fields_of(view, *active);
      const std::uint64_t digest = digest_of(alert_json(fields));
      if (sent.is_active && sent.digest == digest) continue;
      emission.state = sent.is_active ? "updated" : "firing";
      const std::uint8_t level = level_index(fields.level);
      recount(effects, rule, sent.is_active ? std::optional(SentState::kActive) : std::nullopt, sent.level,
              SentState::kActive, level);
      sent = {sent.revision, true, active->since, digest, level, active->events};
    } else {
      if (!sent.is_active) continue;
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

void emit_promises(TrustState& state, const View& view, const std::set<std::string, std::less<>>& keys,
                   task::Effects& effects) {
  const Customer& customer = *view.customer;
  std::map<std::string, std::map<std::string, CasePromise>> current;  // the later case of a key has the word
  for (const CasePromise& each : view.promises) {
    const std::string& key = each.one->bucket->key;
    if (keys.contains(key)) current[key].insert_or_assign(std::string(each.promise->promise_id), each);
  }
  // Keys that re-homing has left behind.
  for (auto at = state.sent.promises.begin(); at != state.sent.promises.end();) {
    const std::string& key = at->first;  // no structured bindings: clang 14 captures none
    auto& sent = at->second;
    const bool is_gone = !customer.buckets().contains(key);
    if (is_gone || keys.contains(key)) {
      const auto& now = current[key];
      std::erase_if(sent, [&](const auto& each) {
        if (now.contains(each.first)) return false;
        if (!TROTH_PLANTED(rehoming_sends_no_null)) {
          put(effects, Stream::kPromises, promise_key(customer, key, each.first), std::nullopt);
        }
        state.changed_parts.insert(key);
        return true;
      });
    }
    at = sent.empty() ? state.sent.promises.erase(at) : std::next(at);
  }
  for (const CasePromise& each : view.promises) {
    const std::string& key = each.one->bucket->key;
    if (!keys.contains(key)) continue;
    const std::string promise_id(each.promise->promise_id);
    if (current[key].at(promise_id).promise != each.promise) continue;
    const std::uint64_t digest = digest_of(promise_record(each, view.t, Purpose::kComparison));
    std::uint64_t& sent = state.sent.promises[key][promise_id];
    if (sent == digest) continue;
    sent = digest;
    state.changed_parts.insert(key);
    put(effects, Stream::kPromises, promise_key(customer, key, promise_id), promise_record(each, view.t));
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
  const std::uint64_t digest = digest_of(score_record(view, Detail::kStreamed, Purpose::kComparison));
  if (digest == sent.score_digest) return;
  sent.score_digest = digest;
  put(effects, Stream::kScores, customer_key(view.customer->tenant(), view.customer->id()),
      score_record(view, Detail::kStreamed));
}

/// Counts what the losses of cases that are not sealed have become since the last time.
void count_losses(Sent& sent, const View& view, task::Effects& effects) {
  std::map<Kind, std::int64_t> now;
  view.customer->for_each_case(view.t, [&](const Case& one) {
    for (const EvidenceItem& item : one.evidence.items) {
      if (item.amount < 0) now[one.fold.findings[item.finding].kind] -= item.amount;
    }
  });
  for (const auto& [kind, amount] : sent.losses)
    effects.count(counters::kLosses + static_cast<std::size_t>(kind), -amount);
  for (const auto& [kind, amount] : now) effects.count(counters::kLosses + static_cast<std::size_t>(kind), amount);
  sent.losses = std::move(now);
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
  const auto keys = keys_to_compare(state, view, tau, compare_all);
  const TimeUs waiting = emit_case_alerts(state, view, tau, keys, effects);
  emit_customer_alerts(state, view, effects);
  emit_promises(state, view, keys, effects);
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
      const std::string key = shown.latest_key_naming(id.second);
      if (key.empty()) continue;
      sent.home = key;
      shown.bucket(key)->is_touched = true;  // what was said of it must be looked at there
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
      const std::string promise_id(promise.promise_id);
      if (remains_in_bucket(promise_id) || promises->second.erase(promise_id) == 0) continue;
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
