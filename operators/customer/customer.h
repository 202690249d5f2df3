// Customer: the accepted events of one customer that still matter, the cases they form, and what remains of sealed
// ones. Admission of events (duplicates, caps, conflicts: TRUST_MODEL "The set E"), homing, folding, sealing. Derived
// values are kept as long as nothing they rest on changes. Belongs to one task; not thread-safe. No clock, no I/O.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "operators/customer/case.h"
#include "operators/customer/lives.h"
#include "operators/score/score.h"

namespace troth::operators {

/// What survives the seal of a case, and of events that belong to none.
struct Remains {
  Accumulator sums;
  std::int64_t kept = 0, broken = 0;
  Orders orders;
  TimeUs last_event = -1;  // latest event that left; −1: none did
  TimeUs last_seal = -1;   // latest instant at which a case was sealed: it remains a check
};

class Customer {
 public:
  Customer(std::string tenant, std::string id, const Policy& policy);

  [[nodiscard]] const std::string& tenant() const { return tenant_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const Policy& policy() const { return *policy_; }

  // ---------------------------------------------------------------------------------------------------- admission

  enum class Admitted : std::uint8_t { kYes, kDuplicate, kCap, kConflict };
  struct Admission {
    Admitted what = Admitted::kYes;
    std::vector<const Held*> displaced;   // counted until now, in conflict from now on
    std::vector<const Held*> reinstated;  // in conflict until now, counting again
  };
  /// Takes an event that is neither late nor future; `tau` includes it. A conflict is kept (it links), a cap is not.
  Admission admit(const Event& event, TimeUs tau);

  // ----------------------------------------------------------------------------------------------------- reading at t

  /// True if an event later than t is held: then Φ at t must be asked of upto(t).
  [[nodiscard]] bool has_events_after(TimeUs t) const;
  /// The least time of a held event > t; kNever if none.
  [[nodiscard]] TimeUs next_event_after(TimeUs t) const;
  /// The same customer, knowing only the events ≤ t.
  [[nodiscard]] std::unique_ptr<Customer> upto(TimeUs t) const;

  /// Cuts and folds all cases anew where something changed: after this, breakpoints and seals can be read.
  void fold_all();
  /// Brings folds and evidence to t (no event may be later). Everything below speaks of that t.
  void evaluate(TimeUs t);

  /// True if any accepted event is known.
  [[nodiscard]] bool is_known() const;
  /// Latest event of any type.
  [[nodiscard]] TimeUs last_event() const;
  /// Buckets by case key; folded after evaluate().
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Bucket>, std::less<>>& buckets() const { return buckets_; }
  /// Calls `each` for the cases that are not sealed at t, by case key, then time.
  template <typename Each>
  void for_each_case(TimeUs t, const Each& each) const {
    for (const auto& [key, bucket] : buckets_) {
      TROTH_ASSERT(bucket->is_folded);
      for (const auto& one : bucket->cases) {
        if (!one->is_sealed(t)) each(*one);
      }
    }
  }
  /// Evidence of everything up to the time of evaluate(), sealed or not.
  [[nodiscard]] const Accumulator& totals() const { return totals_; }
  [[nodiscard]] const Remains& remains() const { return remains_; }
  [[nodiscard]] Orders orders_at(TimeUs t) const;
  /// The segment as last given by t; empty if never.
  [[nodiscard]] std::string_view segment_at(TimeUs t) const;
  [[nodiscard]] std::int64_t ltv_minor() const;
  /// Actions on alerts, in canonical order.
  [[nodiscard]] const std::vector<std::unique_ptr<Held>>& actions() const { return actions_; }

  // ------------------------------------------------------------------------------------------------------- forgetting

  /// Moves what is sealed at t into the remains; `each` sees every case before it goes. evaluate(t) came before.
  void seal(TimeUs t, const std::function<void(const Case&)>& each);
  /// Drops actions and updates that matter no more at t; `may_show` tells whether an alert may show an old action.
  void prune(TimeUs t, const std::function<bool(const KeptEvent& action)>& may_show);

  /// The bucket of the latest event that names an object; null if no event that is held does.
  [[nodiscard]] Bucket* latest_bucket_naming(const ObjectRef& object) const {
    return lives_.latest_bucket_naming(object);
  }
  /// Calls `each` for the buckets of the events that name an object; for some more than once.
  template <typename Each>
  void for_each_bucket_naming(const ObjectRef& object, const Each& each) const {
    lives_.for_each_bucket_naming(object, each);
  }
  /// Case keys that went since the last call: their stored parts are stale.
  [[nodiscard]] std::vector<std::string> take_vanished() { return std::exchange(vanished_, {}); }
  /// True once after something changed on which every alert may rest (segment, value, actions).
  [[nodiscard]] bool take_context_change() { return std::exchange(context_changed_, false); }

  // ---------------------------------------------------------------------------------------------------------- storing

  void encode_head(base::ByteWriter& out) const;
  void encode_lives(base::ByteWriter& out) const { lives_.encode_sealed(out); }
  void encode_events(base::ByteWriter& out, const Bucket& bucket) const;
  [[nodiscard]] bool decode_head(base::ByteReader& in);
  [[nodiscard]] bool decode_lives(base::ByteReader& in) { return lives_.decode_sealed(in); }
  [[nodiscard]] bool decode_events(base::ByteReader& in);
  /// After all parts are read: homes every event. Nothing is marked changed.
  void finish_decoding();
  /// True once after lives were sealed or forgotten.
  [[nodiscard]] bool take_lives_change() { return std::exchange(lives_changed_, false); }
  [[nodiscard]] Bucket* bucket(std::string_view key);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Begins to load what news is likely about: the latest order. As KeyState::prefetch().
  void prefetch(unsigned step) const;

 private:
  Admission admit_caseless(std::unique_ptr<Held> held, TimeUs tau);
  Held* own(std::unique_ptr<Held> held);
  void release(const Held* held);
  void disown(Held* held);
  void settle_homes(const std::vector<Held*>& moved);
  void place(Held* held, Bucket& bucket);
  void place_touching(Held* held, Bucket& bucket);
  void displace(Held* held);
  Bucket& bucket_of(const std::string& key);
  static void unfold(Bucket& bucket) { bucket.is_folded = false; }
  void drop_cases(Bucket& bucket);
  void unfold_all();
  void fold(Bucket& bucket);
  std::unique_ptr<Case> begin_case(Bucket& bucket, const Held& first) const;
  void finish_case(Case& one) const;
  void bring_evidence(Case& one, TimeUs t);
  [[nodiscard]] bool exceeds_cap(Bucket& bucket, const Held* held, TimeUs tau);
  void judge_conflicts(Admission& admission, const Held* arrived);

  std::string tenant_, id_;
  const Policy* policy_;
  std::vector<std::unique_ptr<Held>> held_;  // owns the events of cases, in no order that means anything
  std::map<std::string, std::unique_ptr<Bucket>, std::less<>> buckets_;
  std::vector<std::unique_ptr<Held>> updates_;  // customer.updated, canonical order
  std::vector<std::unique_ptr<Held>> actions_;  // alert.acted, canonical order
  Lives lives_;
  Remains remains_;
  Accumulator totals_;
  std::vector<Bucket*> touched_;  // within one admit()
  std::vector<Held*> moved_;      // within one admit()
  std::vector<std::string> vanished_;
  bool context_changed_ = true;
  bool lives_changed_ = false;
  bool has_refused_ = false;  // some event may be marked as refused
  TimeUs latest_time_ = -1;   // no event held is later; that one may have gone
  std::size_t bytes_ = 512;
};

}  // namespace troth::operators
