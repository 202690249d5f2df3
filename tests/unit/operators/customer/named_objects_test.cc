// Which objects an event names, and which events belong to no case.
#include <gtest/gtest.h>

#include "operators/customer/held.h"
#include "tests/unit/operators/model/telling.h"

namespace troth::operators::test {
namespace {

std::vector<std::string> named_by(const Event& event) {
  const KeptEvent kept(event);
  std::vector<std::string> names;
  for (const ObjectRef each : NamedObjects(kept)) names.push_back(each.str());
  return names;
}

TEST(NamedObjects, come_by_rank_whatever_the_order_of_fields) {
  const Event event = event_of(hour(0), "complaint.compensation_paid", "1",
                               {{"promise_id", "p"}, {"kind", "cash"}, {"complaint_id", "c"}, {"order_id", "o"}});
  EXPECT_EQ(named_by(event), (std::vector<std::string>{"o:o", "c:c", "p:p"}));
}

TEST(NamedObjects, rank_reviews_and_surveys_below_complaints) {
  EXPECT_EQ(named_by(event_of(hour(0), "survey.answered", "1",
                              {{"survey_id", "s"}, {"instrument", "nps"}, {"score", 3}, {"complaint_id", "c"}})),
            (std::vector<std::string>{"c:c", "s:s"}));
  EXPECT_EQ(named_by(event_of(hour(0), "review.removed", "1", {{"review_id", "r"}, {"order_id", "o"}})),
            (std::vector<std::string>{"o:o", "r:r"}));
}

TEST(NamedObjects, may_be_none) { EXPECT_TRUE(named_by(event_of(hour(0), "customer.referred", "1")).empty()); }

TEST(NamedObjects, are_not_the_other_ids_of_an_event) {
  EXPECT_TRUE(named_by(event_of(hour(0), "alert.acted", "1",
                                {{"alert_id", "a"}, {"action", "mute"}, {"actor", "kim"}, {"assignee", "lee"}}))
                  .empty());
}

TEST(Caseless, are_updates_actions_and_erasures_only) {
  for (std::size_t rank = 0; rank < kTypeCount; ++rank) {
    const auto type = static_cast<Type>(rank);
    EXPECT_EQ(is_caseless(type), type == Type::kCustomerUpdated || type == Type::kAlertActed ||
                                     type == Type::kCustomerErased);
  }
}

}  // namespace
}  // namespace troth::operators::test
