#include "operators/customer/customer.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/planted.h"
#include "engine/event/codec.h"
#include "operators/customer/stored.h"

namespace troth::operators {
namespace {

/// Canonical place of a held event among owned ones.
template <typename Owned>
auto place_in(std::vector<Owned>& events, const Held* held) {
  if (events.empty() || before(&*events.back(), held)) return events.end();  // news is mostly the latest
  return std::lower_bound(events.begin(), events.end(), held,
                          [](const Owned& each, const Held* other) { return before(&*each, other); });
}

/// For the planted bug conflict_by_arrival: no event behind it in canonical order has its name.
bool is_last_of_its_name(const Held& held) {
  const auto& events = held.bucket->events;
  return std::none_of(std::find(events.begin(), events.end(), &held) + 1, events.end(),
                      [&](const Held* each) { return have_one_name(*each, held); });
}

/// How many events of a case are made room for at once.
constexpr std::size_t kUsualCaseEvents = 16;

/// What an event holds, with its places in buckets and lives and what its case makes of it.
std::size_t bytes_of(const Held& held) { return held.event.bytes() + sizeof(Held) - sizeof(KeptEvent) + 256; }

void count(const Finding& finding, CountedFindings& counted) {
  if (is_broken_promise(finding)) ++counted.broken;
  if (is_repromise(finding)) ++counted.repromised;
  if (is_coupon_instead(finding)) ++counted.coupons;
  if (is_complaint(finding)) ++counted.complaints;
}

/// Whether what was read of the remains can be added to.
bool is_sound(const Remains& remains) {
  const Orders& orders = remains.orders;
  // Both were within τ when they were noted, and the score is read at either of them.
  const auto is_past_or_none = [](TimeUs t) { return t >= -1 && t < event::kEndOfTime; };
  return stored::is_count(remains.kept) && stored::is_count(remains.broken) && stored::is_count(orders.count) &&
         stored::is_time(orders.first) && orders.first <= orders.last && is_past_or_none(remains.last_event) &&
         is_past_or_none(remains.last_seal) && orders.last <= std::max<TimeUs>(0, remains.last_event);
}

}  // namespace

std::vector<std::string> Case::names(const EventRefs& refs) const {
  std::vector<std::string> result;
  for (const std::uint32_t index : refs) result.push_back(events[index]->name());
  return result;
}

Customer::Customer(std::string tenant, std::string id, const Policy& policy)
    : tenant_(std::move(tenant)), id_(std::move(id)), policy_(&policy), lives_(policy.global()) {}

void Customer::prefetch(unsigned step) const {
  lives_.prefetch(step);
  if (buckets_.empty()) return;
  const auto& last = *buckets_.rbegin();
  if (step == 0) return __builtin_prefetch(&last);
  const Bucket* const bucket = last.second.get();
  if (step == 1) {
    const auto* const begin = reinterpret_cast<const char*>(bucket);
    for (std::size_t at = 0; at < sizeof(Bucket); at += 64) __builtin_prefetch(begin + at);
  } else if (!bucket->events.empty()) {
    __builtin_prefetch(&bucket->events.back());
  }
}

// -------------------------------------------------------------------------------------------------------- admission

Customer::Admission Customer::admit(const Event& event, TimeUs tau) {
  auto held = std::make_unique<Held>(event);
  if (is_caseless(type_of(held->event))) return admit_caseless(std::move(held), tau);

  if (lives_.find_equal(held.get()) != nullptr) return {Admitted::kDuplicate, {}, {}};
  if (held->objects.empty()) {
    const auto same_key = buckets_.find("e:" + held->event.name());
    if (same_key != buckets_.end()) {
      auto& events = same_key->second->events;
      const auto at = place_in(events, held.get());
      if (at != events.end() && !before(held.get(), *at)) return {Admitted::kDuplicate, {}, {}};
    }
  }

  touched_.clear();
  Held* arrived = own(std::move(held));
  lives_.add(arrived, moved_);
  settle_homes(moved_);
  if (exceeds_cap(*arrived->bucket, arrived, tau)) {
    const std::vector<Held*> moved = lives_.remove(arrived);
    disown(arrived);
    settle_homes(moved);
    // Everything stands as before; so must the marks that the attempt may have changed.
    for (Bucket* bucket : touched_) {
      if (bucket->may_conflict) {
        fold(*bucket);
      } else {
        for (Held* each : bucket->events) each->is_conflict = false;
      }
    }
    return {Admitted::kCap, {}, {}};
  }
  if (TROTH_PLANTED(conflict_by_arrival) && arrived->bucket->may_conflict && !is_last_of_its_name(*arrived)) {
    const std::vector<Held*> moved = lives_.remove(arrived);
    disown(arrived);
    settle_homes(moved);
    return {Admitted::kConflict, {}, {}};
  }
  Admission admission;
  judge_conflicts(admission, arrived);
  if (arrived->is_conflict) admission.what = Admitted::kConflict;
  return admission;
}

Customer::Admission Customer::admit_caseless(std::unique_ptr<Held> held, TimeUs tau) {
  const bool is_update = type_of(held->event) == Type::kCustomerUpdated;
  auto& events = is_update ? updates_ : actions_;
  const auto at = place_in(events, held.get());
  if (at != events.end() && !before(held.get(), at->get())) return {Admitted::kDuplicate, {}, {}};
  const GlobalPolicy& global = policy_->global();
  const TimeUs since = tau - global.quiet_us - global.lateness_us;
  const auto recent =
      std::count_if(events.begin(), events.end(), [&](const auto& each) { return each->event.time >= since; });
  if (recent >= global.customer_events) return {Admitted::kCap, {}, {}};
  // A case's segment is the one at its first event: an update may give cases another policy. They may come to rest
  // at another time by it, and so be cut otherwise.
  const bool is_new_segment = is_update && has(held->event, FieldId::kSegment);
  context_changed_ = true;
  bytes_ += held->event.bytes();
  latest_time_ = std::max(latest_time_, held->event.time);
  events.insert(at, std::move(held));
  Admission admission;
  if (is_new_segment) {
    touched_.clear();
    unfold_all();
    judge_conflicts(admission, nullptr);
  }
  return admission;
}

Held* Customer::own(std::unique_ptr<Held> held) {
  Held* pointer = held.get();
  latest_time_ = std::max(latest_time_, pointer->event.time);
  bytes_ += bytes_of(*pointer);
  pointer->slot = static_cast<std::uint32_t>(held_.size());
  held_.push_back(std::move(held));
  return pointer;
}

void Customer::release(const Held* held) {
  bytes_ -= std::min(bytes_, bytes_of(*held));
  const std::uint32_t slot = held->slot;
  std::swap(held_[slot], held_.back());
  held_[slot]->slot = slot;
  held_.pop_back();
}

void Customer::disown(Held* held) {
  displace(held);
  release(held);
}

Bucket& Customer::bucket_of(const std::string& key) {
  auto at = buckets_.find(key);
  if (at == buckets_.end()) at = buckets_.emplace(key, std::make_unique<Bucket>(key)).first;
  return *at->second;
}

Bucket* Customer::bucket(std::string_view key) {
  const auto at = buckets_.find(key);
  return at == buckets_.end() ? nullptr : at->second.get();
}

void Customer::place(Held* held, Bucket& bucket) {
  unfold(bucket);
  if (bucket.names.add(held->name_digest)) {
    bucket.may_conflict =
        bucket.may_conflict || std::any_of(bucket.events.begin(), bucket.events.end(),
                                           [&](const Held* each) { return have_one_name(*each, *held); });
  }
  if (held->event.time > bucket.latest) {
    bucket.events.push_back(held);
    bucket.latest = held->event.time;
  } else {
    bucket.events.insert(place_in(bucket.events, held), held);
  }
  held->bucket = &bucket;
}

void Customer::place_touching(Held* held, Bucket& bucket) {
  place(held, bucket);
  bucket.is_changed = bucket.is_touched = true;
  if (std::find(touched_.begin(), touched_.end(), &bucket) == touched_.end()) touched_.push_back(&bucket);
}

/// Takes an event out of its bucket; an empty bucket goes.
void Customer::displace(Held* held) {
  Bucket* bucket = std::exchange(held->bucket, nullptr);
  if (bucket == nullptr) return;
  unfold(*bucket);
  std::erase(bucket->events, held);
  bucket->latest = bucket->events.empty() ? -1 : bucket->events.back()->event.time;
  bucket->is_changed = bucket->is_touched = true;
  if (bucket->events.empty()) {
    drop_cases(*bucket);
    std::erase(touched_, bucket);
    vanished_.push_back(bucket->key);
    buckets_.erase(vanished_.back());
  } else if (std::find(touched_.begin(), touched_.end(), bucket) == touched_.end()) {
    touched_.push_back(bucket);
  }
}

/// Puts events where their home says they belong.
void Customer::settle_homes(const std::vector<Held*>& moved) {
  for (Held* held : moved) {
    const std::string key = lives_.case_key(held);
    if (held->bucket != nullptr && held->bucket->key == key) continue;
    displace(held);
    place_touching(held, bucket_of(key));
  }
}

bool Customer::exceeds_cap(Bucket& bucket, const Held* held, TimeUs tau) {
  const GlobalPolicy& global = policy_->global();
  // With room even if nothing were sealed, nothing needs to be folded.
  if (std::cmp_less_equal(bucket.events.size(), global.case_events) &&
      std::cmp_less_equal(buckets_.size(), global.open_cases)) {
    return false;
  }
  const auto held_unsealed = [&](Bucket& of) {
    fold(of);
    std::int64_t count = 0;
    for (const auto& one : of.cases) {
      if (one->is_sealed(tau)) continue;
      for (const KeptEvent* each : one->events) count += each != &held->event ? 1 : 0;
    }
    return count;
  };
  const std::int64_t own_count = held_unsealed(bucket);
  if (own_count >= global.case_events) return true;
  if (own_count > 0 || std::cmp_less_equal(buckets_.size(), global.open_cases)) return false;
  std::int64_t others = 0;
  for (auto& [key, other] : buckets_) {
    if (other.get() == &bucket) continue;
    fold(*other);
    others +=
        std::any_of(other->cases.begin(), other->cases.end(), [&](const auto& one) { return !one->is_sealed(tau); })
            ? 1
            : 0;
  }
  return others >= global.open_cases;
}

/// Says which events of the touched buckets came into conflict or out of it.
void Customer::judge_conflicts(Admission& admission, const Held* arrived) {
  for (Bucket* bucket : touched_) {
    if (bucket->may_conflict) {
      fold(*bucket);
    } else if (!has_refused_) {
      continue;
    }
    for (Held* held : bucket->events) {
      // Where no two events share a name any more, nothing is in conflict: a rival may have moved away.
      held->is_conflict = held->is_conflict && bucket->may_conflict;
      if (held->is_conflict == held->is_refused) continue;
      held->is_refused = held->is_conflict;
      has_refused_ = has_refused_ || held->is_refused;
      if (held != arrived) (held->is_conflict ? admission.displaced : admission.reinstated).push_back(held);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------- folding

/// Takes out of the totals what stale cases had brought in, and keeps their memory for new ones.
void Customer::drop_cases(Bucket& bucket) {
  for (auto& one : bucket.cases) {
    if (one->evidence.from != kNever) totals_.subtract(one->evidence.sums);
    one->clear();
    bucket.spare.push_back(std::move(one));
  }
  bucket.cases.clear();
}

void Customer::unfold_all() {
  for (auto& [key, bucket] : buckets_) {
    unfold(*bucket);
    bucket->is_touched = true;
    if (bucket->may_conflict) touched_.push_back(bucket.get());
  }
}

std::unique_ptr<Case> Customer::begin_case(Bucket& bucket, const Held& first) const {
  std::unique_ptr<Case> one;
  if (bucket.spare.empty()) {
    one = std::make_unique<Case>();
  } else {
    one = std::move(bucket.spare.back());
    bucket.spare.pop_back();
  }
  one->bucket = &bucket;
  one->policy = &policy_->segment(segment_at(first.event.time));
  return one;
}

void Customer::finish_case(Case& one) const {
  const GlobalPolicy& global = policy_->global();
  fold_case(one.events, one.bucket->ref, *one.policy, one.fold);
  one.expiry = one.fold.activity_end + global.quiet_us;
  one.seal = one.expiry + (TROTH_PLANTED(sealed_a_lateness_early) ? 0 : global.lateness_us) + 1;
  auto& points = one.breakpoints;
  points.reserve(one.fold.findings.size() + 2 * one.fold.intervals.size() + one.fold.promises.size() + 2);
  for (const Finding& finding : one.fold.findings) {
    points.push_back(finding.stamp);
    count(finding, one.counted);
  }
  for (const Interval& interval : one.fold.intervals) {
    points.push_back(interval.start);
    if (interval.end != kNever) points.push_back(interval.end);
  }
  for (const Promise& promise : one.fold.promises) {
    if (promise.outcome == Outcome::kOpen) points.push_back(promise.due_at);
  }
  points.push_back(one.expiry);
  points.push_back(one.seal);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
}

/// Cuts the bucket's events into cases and folds each.
void Customer::fold(Bucket& bucket) {
  if (bucket.is_folded) return;
  drop_cases(bucket);
  const TimeUs quiet = policy_->global().quiet_us;
  std::unique_ptr<Case> one;
  std::size_t folded = 0;
  const auto close = [&] {
    if (one == nullptr) return;
    finish_case(*one);
    bucket.cases.push_back(std::move(one));
  };
  for (Held* held : bucket.events) {
    if (one != nullptr && held->event.time > one->events.back()->time + quiet) {
      // Only such a gap can end a case: while it is shorter, the last event alone keeps it awake.
      const TimeUs expiry = activity_end(one->events, bucket.ref, *one->policy) + quiet;
      if (held->event.time > expiry) close();
    }
    if (one == nullptr) {
      one = begin_case(bucket, *held);
      const std::size_t left = std::min(bucket.events.size() - folded, kUsualCaseEvents);
      one->events.reserve(left);
      one->held.reserve(left);
    }
    ++folded;
    held->is_conflict =
        bucket.may_conflict && std::any_of(one->held.begin(), one->held.end(), [&](const Held* each) {
          return !each->is_conflict && have_one_name(*each, *held);
        });
    if (!held->is_conflict) one->events.push_back(&held->event);
    one->held.push_back(held);
  }
  close();
  bucket.spare.clear();
  bucket.is_folded = true;
}

void Customer::bring_evidence(Case& one, TimeUs t) {
  CaseEvidence& evidence = one.evidence;
  if (evidence.valid_at(t)) return;
  if (evidence.from != kNever) totals_.subtract(evidence.sums);
  evidence.clear();
  evidence.from = one.events.front()->time;
  for (const Finding& finding : one.fold.findings) {
    if (finding.stamp > t) {
      evidence.until = finding.stamp;
      break;
    }
    evidence.from = finding.stamp;
    if (finding.kind == Kind::kPromiseKept) ++evidence.kept;
    if (finding.kind == Kind::kPromiseLate && finding.magnitude == 0) ++evidence.broken;
  }
  evidence_at(one.fold.findings, t, *one.policy, evidence.items);
  for (const EvidenceItem& item : evidence.items) {
    evidence.sums.add(item.dimension, item.stamp, item.amount, policy_->global());
    if (item.amount < 0) evidence.last_loss = item.stamp;  // items come by stamp
  }
  totals_.add(evidence.sums);
}

// ---------------------------------------------------------------------------------------------------- reading at t

bool Customer::has_events_after(TimeUs t) const { return next_event_after(t) != kNever; }

TimeUs Customer::next_event_after(TimeUs t) const {
  if (latest_time_ <= t) return kNever;
  TimeUs next = kNever;
  const auto consider = [&](const KeptEvent& event) {
    if (event.time > t) next = std::min(next, event.time);
  };
  for (const auto& [key, bucket] : buckets_) {
    if (bucket->latest <= t) continue;
    for (const Held* held : bucket->events) consider(held->event);
  }
  for (const auto& held : updates_) consider(held->event);
  for (const auto& held : actions_) consider(held->event);
  return next;
}

std::unique_ptr<Customer> Customer::upto(TimeUs t) const {
  auto copy = std::make_unique<Customer>(tenant_, id_, *policy_);
  copy->remains_ = remains_;
  copy->lives_.copy_sealed(lives_);
  const auto copy_of = [&](const Held& held) { return std::make_unique<Held>(held.event.unpacked(tenant_, id_)); };
  const auto take = [&](const std::vector<std::unique_ptr<Held>>& from, std::vector<std::unique_ptr<Held>>& to) {
    for (const auto& held : from) {
      if (held->event.time <= t) to.push_back(copy_of(*held));
    }
  };
  copy->latest_time_ = t;
  take(updates_, copy->updates_);
  take(actions_, copy->actions_);
  std::vector<const Held*> events;
  for (const auto& [key, bucket] : buckets_) {
    for (const Held* held : bucket->events) {
      if (held->event.time <= t) events.push_back(held);
    }
  }
  for (const Held* held : events) copy->own(copy_of(*held));
  copy->finish_decoding();
  return copy;
}

void Customer::fold_all() {
  for (auto& [key, bucket] : buckets_) fold(*bucket);
}

void Customer::evaluate(TimeUs t) {
  fold_all();
  for (auto& [key, bucket] : buckets_) {
    for (const auto& one : bucket->cases) bring_evidence(*one, t);
  }
}

bool Customer::is_known() const {
  return !buckets_.empty() || !updates_.empty() || !actions_.empty() || remains_.last_event >= 0;
}

TimeUs Customer::last_event() const {
  TimeUs last = remains_.last_event;
  for (const auto& [key, bucket] : buckets_) last = std::max(last, bucket->latest);
  if (!updates_.empty()) last = std::max(last, updates_.back()->event.time);
  if (!actions_.empty()) last = std::max(last, actions_.back()->event.time);
  return last;
}

Orders Customer::orders_at(TimeUs t) const {
  Orders orders = remains_.orders;
  for (const auto& [key, bucket] : buckets_) {
    for (const auto& one : bucket->cases) {
      if (one->fold.order_event < 0) continue;
      const TimeUs placed = one->events[static_cast<std::size_t>(one->fold.order_event)]->time;
      if (placed > t) continue;
      orders.first = orders.count == 0 ? placed : std::min(orders.first, placed);
      orders.last = orders.count == 0 ? placed : std::max(orders.last, placed);
      ++orders.count;
    }
  }
  return orders;
}

std::string_view Customer::segment_at(TimeUs t) const {
  std::string_view segment;
  for (const auto& held : updates_) {
    if (held->event.time > t) break;
    if (has(held->event, FieldId::kSegment)) segment = text(held->event, FieldId::kSegment);
  }
  return segment;
}

std::int64_t Customer::ltv_minor() const {
  for (auto at = updates_.rbegin(); at != updates_.rend(); ++at) {
    if (has((*at)->event, FieldId::kLtvMinor)) return number((*at)->event, FieldId::kLtvMinor);
  }
  return 0;
}

// ------------------------------------------------------------------------------------------------------- forgetting

void Customer::seal(TimeUs t, const std::function<void(const Case&)>& each) {
  std::vector<std::string> emptied;
  for (auto& [key, bucket] : buckets_) {
    bool any = false;
    for (auto& one : bucket->cases) {
      if (!one->is_sealed(t)) continue;
      any = true;
      each(*one);
      TROTH_ASSERT(one->evidence.until == kNever);
      if (!TROTH_PLANTED(seal_forgets_sums)) remains_.sums.add(one->evidence.sums);
      remains_.kept += one->evidence.kept;
      remains_.broken += one->evidence.broken;
      remains_.last_seal = std::max(remains_.last_seal, one->seal);
      remains_.last_event = std::max(remains_.last_event, one->held.back()->event.time);
      if (one->fold.order_event >= 0) {
        const TimeUs placed = one->events[static_cast<std::size_t>(one->fold.order_event)]->time;
        Orders& orders = remains_.orders;
        orders.first = orders.count == 0 ? placed : std::min(orders.first, placed);
        orders.last = orders.count == 0 ? placed : std::max(orders.last, placed);
        ++orders.count;
      }
      lives_.seal(one->held);
      lives_changed_ = true;
      const std::vector<Held*> gone = std::move(one->held);
      one.reset();
      for (Held* held : gone) {
        std::erase(bucket->events, held);
        release(held);
      }
    }
    if (!any) continue;
    std::erase(bucket->cases, nullptr);
    bucket->latest = bucket->events.empty() ? -1 : bucket->events.back()->event.time;
    bucket->is_changed = true;
    if (bucket->events.empty()) emptied.push_back(key);
  }
  for (std::string& key : emptied) {
    buckets_.erase(key);
    vanished_.push_back(std::move(key));
  }
  if (lives_changed_) lives_.forget(t);
}

void Customer::prune(TimeUs t, const std::function<bool(const KeptEvent& action)>& may_show) {
  const GlobalPolicy& global = policy_->global();
  TimeUs since = t - global.quiet_us - global.lateness_us;
  const auto leaves = [&](const KeptEvent& event) {
    remains_.last_event = std::max(remains_.last_event, event.time);
    bytes_ -= std::min(bytes_, event.bytes());
  };
  std::erase_if(actions_, [&](const std::unique_ptr<Held>& held) {
    if (held->event.time >= since || may_show(held->event)) return false;
    leaves(held->event);
    return true;
  });
  // A case that is not sealed still needs the segment of its first event.
  for (const auto& [key, bucket] : buckets_) since = std::min(since, bucket->events.front()->event.time);
  const Held* last_segment = nullptr;
  const Held* last_ltv = nullptr;
  for (const auto& held : updates_) {
    if (held->event.time >= since) break;
    if (has(held->event, FieldId::kSegment)) last_segment = held.get();
    if (has(held->event, FieldId::kLtvMinor)) last_ltv = held.get();
  }
  std::erase_if(updates_, [&](const std::unique_ptr<Held>& held) {
    if (held->event.time >= since || held.get() == last_segment || held.get() == last_ltv) return false;
    leaves(held->event);
    return true;
  });
}

// ---------------------------------------------------------------------------------------------------------- storing

void Customer::encode_head(base::ByteWriter& out) const {
  remains_.sums.encode(out);
  out.varint(static_cast<std::uint64_t>(remains_.kept));
  out.varint(static_cast<std::uint64_t>(remains_.broken));
  out.varint(static_cast<std::uint64_t>(remains_.orders.count));
  out.zigzag(remains_.orders.first);
  out.zigzag(remains_.orders.last);
  out.zigzag(remains_.last_event);
  out.zigzag(remains_.last_seal);
  for (const auto* events : {&updates_, &actions_}) {
    out.varint(events->size());
    for (const auto& held : *events) out.raw(held->event.stored());
  }
}

bool Customer::decode_head(base::ByteReader& in) {
  if (!remains_.sums.decode(in)) return false;
  remains_.kept = static_cast<std::int64_t>(in.varint());
  remains_.broken = static_cast<std::int64_t>(in.varint());
  remains_.orders.count = static_cast<std::int64_t>(in.varint());
  remains_.orders.first = in.zigzag();
  remains_.orders.last = in.zigzag();
  remains_.last_event = in.zigzag();
  remains_.last_seal = in.zigzag();
  if (!is_sound(remains_)) return false;
  for (auto* events : {&updates_, &actions_}) {
    const std::size_t count = in.count();
    for (std::size_t i = 0; i < count; ++i) {
      auto read = event::decode_event(in, catalogue(), tenant_, id_);
      if (!read) return false;
      const Type expected = events == &updates_ ? Type::kCustomerUpdated : Type::kAlertActed;
      if (type_of(*read) != expected) return false;
      events->push_back(std::make_unique<Held>(*read));
      bytes_ += events->back()->event.bytes();
      latest_time_ = std::max(latest_time_, read->time);
    }
  }
  return in.ok();
}

void Customer::encode_events(base::ByteWriter& out, const Bucket& bucket) const {
  out.varint(bucket.events.size());
  for (const Held* held : bucket.events) out.raw(held->event.stored());
}

bool Customer::decode_events(base::ByteReader& in) {
  const std::size_t count = in.count();
  for (std::size_t i = 0; i < count; ++i) {
    auto read = event::decode_event(in, catalogue(), tenant_, id_);
    if (!read || is_caseless(type_of(*read))) return false;
    own(std::make_unique<Held>(*read));
  }
  return in.ok();
}

void Customer::finish_decoding() {
  std::vector<Held*> events;
  events.reserve(held_.size());
  for (const auto& held : held_) events.push_back(held.get());
  std::sort(events.begin(), events.end(), before);
  for (Held* held : events) lives_.append(held);
  for (Held* held : events) place(held, bucket_of(lives_.case_key(held)));
  for (auto& [key, bucket] : buckets_) {
    if (bucket->may_conflict) fold(*bucket);
    for (Held* held : bucket->events) {
      held->is_refused = held->is_conflict;
      has_refused_ = has_refused_ || held->is_refused;
    }
    bucket->is_changed = false;
  }
  totals_.add(remains_.sums);
}

}  // namespace troth::operators
