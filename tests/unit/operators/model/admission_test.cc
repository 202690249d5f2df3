// The set E: duplicates, conflicts and caps of one customer, and that what is refused leaves no trace.
#include <gtest/gtest.h>

#include "tests/unit/operators/model/desk.h"

namespace troth::operators::test {
namespace {

using Admitted = Customer::Admitted;

class Register {
 public:
  explicit Register(const std::string& overlay = {}) : policy_(policy_with(overlay)), customer_("default", "ann", *policy_) {}
  Customer::Admission admit(const Event& event) {
    tau_ = std::max(tau_, event.time);
    return customer_.admit(event, tau_);
  }
  Admitted tell(TimeUs at, const char* type, std::string id, std::initializer_list<NamedField> fields = {}) {
    return admit(event_of(at, type, std::move(id), fields)).what;
  }
  /// "o:1: 0 1! 2", by case key, events in canonical order, those in conflict with a mark.
  [[nodiscard]] std::vector<std::string> cases() {
    customer_.fold_all();
    std::vector<std::string> lines;
    for (const auto& [key, bucket] : customer_.buckets()) {
      for (const auto& one : bucket->cases) {
        std::string line = key + ":";
        for (const Held* held : one->held) {
          line.append(" ").append(held->event.id).append(held->is_conflict ? "!" : "");
        }
        lines.push_back(line);
      }
    }
    return lines;
  }
  Customer& customer() { return customer_; }

 private:
  std::shared_ptr<const Policy> policy_;
  Customer customer_;
  TimeUs tau_ = 0;
};

using Cases = std::vector<std::string>;

TEST(Admission, an_equal_event_is_a_duplicate) {
  Register book;
  for (const auto expected : {Admitted::kYes, Admitted::kDuplicate}) {
    EXPECT_EQ(book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "o"}}), expected);
    EXPECT_EQ(book.tell(hour(1), "customer.referred", "2"), expected);  // names no object
    EXPECT_EQ(book.tell(hour(1), "customer.updated", "3", {{"segment", "s"}}), expected);
    EXPECT_EQ(book.tell(hour(1), "alert.acted", "4", {{"alert_id", "a"}, {"action", "mute"}}), expected);
  }
}

TEST(Admission, a_label_makes_another_event) {
  Register book;
  Event event = event_of(hour(1), "delivery.scanned", "1", {{"order_id", "o"}});
  EXPECT_EQ(book.admit(event).what, Admitted::kYes);
  event.labels.emplace_back("team", "t");
  const auto admission = book.admit(event);
  EXPECT_EQ(admission.what, Admitted::kYes);  // {"team": …} comes before {}
  EXPECT_EQ(admission.displaced.size(), 1U);
}

TEST(Admission, where_the_event_stood_does_not_matter) {
  Register book;
  Event event = event_of(hour(1), "delivery.scanned", "1", {{"order_id", "o"}});
  EXPECT_EQ(book.admit(event).what, Admitted::kYes);
  event.origin = {3, 2, 17};
  EXPECT_EQ(book.admit(event).what, Admitted::kDuplicate);
}

TEST(Conflict, the_first_in_canonical_order_counts_whenever_it_arrives) {
  Register book;
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(3), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kConflict);
  const auto admission = book.admit(event_of(hour(1), "delivery.scanned", "1", {{"order_id", "o"}}));
  EXPECT_EQ(admission.what, Admitted::kYes);
  ASSERT_EQ(admission.displaced.size(), 1U);
  EXPECT_EQ(admission.displaced[0]->event.time, hour(2));
  EXPECT_EQ(book.cases(), Cases{"o:o: 1 1! 1!"});
}

TEST(Conflict, is_none_between_cases_or_between_sources) {
  Register book;
  EXPECT_EQ(book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "a"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "1", {{"order_id", "b"}}), Admitted::kYes);
  Event other = event_of(hour(3), "delivery.scanned", "1", {{"order_id", "a"}});
  other.source = "depot";
  EXPECT_EQ(book.admit(other).what, Admitted::kYes);
}

TEST(Conflict, the_loser_still_links) {
  Register book;
  book.tell(hour(1), "complaint.acknowledged", "1", {{"complaint_id", "c"}});
  EXPECT_EQ(book.tell(hour(2), "complaint.acknowledged", "1", {{"complaint_id", "c"}, {"order_id", "o"}}),
            Admitted::kConflict);
  EXPECT_EQ(book.cases(), Cases{"o:o: 1 1!"});
}

TEST(Conflict, a_link_can_make_one) {
  Register book;
  book.tell(hour(1), "complaint.acknowledged", "1", {{"complaint_id", "c"}});
  book.tell(hour(2), "delivery.scanned", "1", {{"order_id", "o"}});
  const auto admission = book.admit(event_of(hour(3), "coupon.issued", "2", {{"complaint_id", "c"}, {"order_id", "o"}}));
  ASSERT_EQ(admission.displaced.size(), 1U);
  EXPECT_EQ(admission.displaced[0]->event.time, hour(2));
}

TEST(Conflict, ends_when_the_rival_moves_away) {
  Register book;
  // The complaint's life is linked to b at first …
  book.tell(hour(20), "complaint.acknowledged", "link", {{"complaint_id", "c"}, {"order_id", "b"}});
  book.tell(hour(30), "complaint.acknowledged", "1", {{"complaint_id", "c"}});
  EXPECT_EQ(book.tell(hour(40), "delivery.scanned", "1", {{"order_id", "b"}}), Admitted::kConflict);
  // … until an earlier link to a arrives.
  const auto admission =
      book.admit(event_of(hour(10), "complaint.acknowledged", "0", {{"complaint_id", "c"}, {"order_id", "a"}}));
  ASSERT_EQ(admission.reinstated.size(), 1U);
  EXPECT_EQ(admission.reinstated[0]->event.time, hour(40));
  EXPECT_EQ(book.cases(), (Cases{"o:a: 0 1", "o:b: link 1"}));
}

TEST(Conflict, a_segment_that_lets_two_cases_grow_together_makes_one) {
  // A promise of the slow segment becomes missing only 40 days on: the case stays awake for so long.
  Register book("global: {quiet: 10d}\n"
                "alerts: {customer: {PROMISE_REPEAT: {window: 50d}, BRIBERY_PATTERN: {window: 50d}}}\n"
                "segments: {slow: {promises: {missing: 960h}}}");
  book.tell(day(1), "delivery.promised", "1", {{"order_id", "o"}, {"promise_id", "p"}, {"due_at", day(2)}});
  EXPECT_EQ(book.tell(day(40), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.cases(), (Cases{"o:o: 1", "o:o: 1"}));
  const auto admission = book.admit(event_of(day(0), "customer.updated", "2", {{"segment", "slow"}}));
  EXPECT_EQ(admission.displaced.size(), 1U);
  EXPECT_EQ(book.cases(), Cases{"o:o: 1 1!"});
  const auto back = book.admit(event_of(day(1) - 1, "customer.updated", "3", {{"segment", "quick"}}));
  EXPECT_EQ(back.reinstated.size(), 1U);
}

TEST(Cap, a_case_key_holds_so_many_events_and_duplicates_need_no_room) {
  Register book("global: {case_events: 2}");
  EXPECT_EQ(book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "2", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(3), "delivery.scanned", "3", {{"order_id", "o"}}), Admitted::kCap);
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "2", {{"order_id", "o"}}), Admitted::kDuplicate);
  EXPECT_EQ(book.tell(hour(3), "delivery.scanned", "3", {{"order_id", "p"}}), Admitted::kYes);
  EXPECT_EQ(book.cases(), (Cases{"o:o: 1 2", "o:p: 3"}));
}

TEST(Cap, conflicts_take_no_room) {
  Register book("global: {case_events: 2}");
  book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "o"}});
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kConflict);
  EXPECT_EQ(book.tell(hour(3), "delivery.scanned", "2", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(4), "delivery.scanned", "3", {{"order_id", "o"}}), Admitted::kCap);
}

TEST(Cap, sealed_cases_take_no_room) {
  Register book("global: {case_events: 1, open_cases: 1}");
  const TimeUs seal = hour(1) + 90 * event::kDay + 1;
  EXPECT_EQ(book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(seal - 1, "delivery.scanned", "2", {{"order_id", "o"}}), Admitted::kCap);
  EXPECT_EQ(book.tell(seal - 1, "delivery.scanned", "2", {{"order_id", "p"}}), Admitted::kCap);
  EXPECT_EQ(book.tell(seal, "delivery.scanned", "2", {{"order_id", "p"}}), Admitted::kYes);
}

TEST(Cap, a_customer_has_so_many_open_case_keys) {
  Register book("global: {open_cases: 2}");
  EXPECT_EQ(book.tell(hour(1), "customer.referred", "1"), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(2), "delivery.scanned", "2", {{"order_id", "o"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(3), "delivery.scanned", "3", {{"order_id", "p"}}), Admitted::kCap);
  EXPECT_EQ(book.tell(hour(4), "delivery.scanned", "4", {{"order_id", "o"}}), Admitted::kYes);
}

TEST(Cap, updates_and_actions_are_counted_apart_within_the_horizons) {
  Register book("global: {customer_events: 1}");
  EXPECT_EQ(book.tell(hour(0), "customer.updated", "1", {{"segment", "s"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(1), "alert.acted", "2", {{"alert_id", "a"}, {"action", "mute"}}), Admitted::kYes);
  EXPECT_EQ(book.tell(hour(0) + 90 * event::kDay, "customer.updated", "3", {{"segment", "t"}}), Admitted::kCap);
  EXPECT_EQ(book.tell(hour(0) + 90 * event::kDay + 1, "customer.updated", "3", {{"segment", "t"}}), Admitted::kYes);
}

TEST(Cap, a_refused_event_leaves_no_trace_of_its_link) {
  Register book("global: {case_events: 2}");
  book.tell(hour(1), "complaint.acknowledged", "1", {{"complaint_id", "c"}});
  book.tell(hour(2), "delivery.scanned", "2", {{"order_id", "o"}});
  const Cases before = book.cases();
  EXPECT_EQ(book.tell(hour(3), "coupon.issued", "3", {{"complaint_id", "c"}, {"order_id", "o"}}), Admitted::kCap);
  EXPECT_EQ(book.cases(), before);
  book.tell(hour(4), "complaint.acknowledged", "4", {{"complaint_id", "c"}});
  EXPECT_EQ(book.cases(), (Cases{"c:c: 1 4", "o:o: 2"}));
}

TEST(Cap, a_refused_event_that_would_have_made_a_conflict_reinstates_nothing) {
  Register book("global: {case_events: 2}");
  book.tell(hour(1), "delivery.scanned", "1", {{"order_id", "o"}});
  book.tell(hour(2), "complaint.acknowledged", "1", {{"complaint_id", "c"}});
  book.tell(hour(3), "delivery.scanned", "2", {{"order_id", "o"}});
  // Its link would bring both events of the name 1 together, were there room for it.
  EXPECT_EQ(book.tell(hour(4), "coupon.issued", "3", {{"complaint_id", "c"}, {"order_id", "o"}}), Admitted::kCap);
  const auto admission = book.admit(event_of(hour(5), "complaint.acknowledged", "4", {{"complaint_id", "c"}}));
  EXPECT_TRUE(admission.reinstated.empty());
  EXPECT_TRUE(admission.displaced.empty());
  EXPECT_EQ(book.cases(), (Cases{"c:c: 1 4", "o:o: 1 2"}));
}

TEST(Cap, refused_events_leave_no_trace_in_random_histories) {
  const auto policy = policy_with("global: {case_events: 6, open_cases: 4, customer_events: 4}");
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Teller teller(seed);
    teller.same_name_percent = 10;
    Customer with("default", "ann", *policy);
    Customer without("default", "ann", *policy);
    TimeUs tau = 0;
    for (const Event& each : teller.history(150, kMonday)) {
      tau = std::max(tau, each.time);
      const auto admission = with.admit(each, tau);
      if (admission.what == Admitted::kCap) continue;
      const auto same = without.admit(each, tau);
      ASSERT_EQ(admission.what, same.what);
      ASSERT_EQ(admission.displaced.size(), same.displaced.size());
      ASSERT_EQ(admission.reinstated.size(), same.reinstated.size());
    }
    View a = view_at(with, tau);
    View b = view_at(without, tau);
    ASSERT_EQ(score_record(a, Detail::kFull), score_record(b, Detail::kFull));
  }
}

TEST(Cap, thousands_of_refusals_and_thousands_of_open_cases_stay_cheap) {
  // One promise id for all orders, out of order: every event links it anew, and none moves another. Were all of them
  // looked at for each, this would take minutes.
  Register book("global: {open_cases: 3000}");
  for (int i = 0; i < 3'000; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(book.tell(hour(2 * i), "delivery.scanned", "a" + id, {{"order_id", id}, {"promise_id", "1"}}), Admitted::kYes);
    ASSERT_EQ(book.tell(hour(2 * i - 1), "delivery.scanned", "b" + id, {{"order_id", id}, {"promise_id", "1"}}),
              Admitted::kYes);
  }
  for (int i = 0; i < 1'000; ++i) {
    book.tell(hour(6'000), "delivery.scanned", "c", {{"order_id", "n" + std::to_string(i)}});
  }
}

}  // namespace
}  // namespace troth::operators::test
