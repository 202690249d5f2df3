// Parts of a policy that need no file. The shipped policy, its examples and the rules of validity are tested where
// policies are read from YAML: tests/unit/engine/app/policy_files_test.cc.
#include "operators/policy/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "operators/policy/reader.h"

namespace troth::operators {
namespace {

using base::Value;
using event::kDay;
using event::kSecond;

TEST(Curve, is_flat_outside_and_floors_between_its_knots) {
  const Curve falling({{0, 1'000'000}, {86'400, 500'000}});
  EXPECT_EQ(falling.at(-5), 1'000'000);
  EXPECT_EQ(falling.at(0), 1'000'000);
  EXPECT_EQ(falling.at(1), 999'994);  // 1,000,000 + floor(-5.787…): floor, not toward zero
  EXPECT_EQ(falling.at(43'200), 750'000);
  EXPECT_EQ(falling.at(86'400), 500'000);
  EXPECT_EQ(falling.at(1'000'000'000'000), 500'000);
}

TEST(Curve, several_knots_and_one_knot) {
  const Curve rising({{-10, 0}, {0, 10}, {3, 11}});
  EXPECT_EQ(rising.at(-11), 0);
  EXPECT_EQ(rising.at(-1), 9);
  EXPECT_EQ(rising.at(0), 10);
  EXPECT_EQ(rising.at(2), 10);
  EXPECT_EQ(rising.at(3), 11);
  const Curve constant({{5, 7}});
  EXPECT_EQ(constant.at(4), 7);
  EXPECT_EQ(constant.at(6), 7);
}

TEST(Curve, extreme_knots_do_not_overflow) {
  const Curve steep({{-2'000'000'000, 1'000'000'000}, {2'000'000'000, 0}});
  EXPECT_EQ(steep.at(0), 500'000'000);
  EXPECT_EQ(steep.at(1'999'999'999), 0);
}

TEST(EvidenceRule, a_class_that_is_not_listed_weighs_one) {
  EvidenceRule rule;
  rule.class_weight = {{"coupon", 0}, {"points", 500'000}};
  EXPECT_EQ(rule.weight("coupon"), 0);
  EXPECT_EQ(rule.weight("points"), 500'000);
  EXPECT_EQ(rule.weight("cash"), kPpm);
  EXPECT_EQ(rule.weight(""), kPpm);
}

/// Reads one value and answers what was wrong with it.
template <typename Read>
std::string problem_of(Value value, const Read& read, int line = 0) {
  value.set_line(line);
  Problem problem;
  read(Reader(value, "key", problem));
  return problem.message();
}

TEST(Reader, an_error_names_path_line_what_was_found_and_what_is_allowed) {
  const auto integer = [](const Reader& reader) { (void)reader.integer({1, 9, "ppm"}); };
  EXPECT_EQ(problem_of("x", integer, 12), "key (line 12): found 'x', but it must be an integer from 1 to 9 (ppm)");
  EXPECT_EQ(problem_of(std::int64_t{10}, integer), "key: found 10, but it must be an integer from 1 to 9 (ppm)");
  EXPECT_EQ(problem_of(Value(), integer), "key: found null, but it must be an integer from 1 to 9 (ppm)");
  EXPECT_EQ(problem_of(true, integer), "key: found true, but it must be an integer from 1 to 9 (ppm)");
}

TEST(Reader, the_first_problem_stays) {
  Problem problem;
  const Value value = Value::Map{{"a", "x"}};
  const Reader reader(value, "", problem);
  (void)reader.at("a").integer({0, 1, ""});
  (void)reader.at("b").integer({0, 1, ""});
  EXPECT_EQ(problem.message(), "a: found 'x', but it must be an integer from 0 to 1");
}

TEST(Reader, names_from_the_file_cannot_spoil_a_message) {
  const auto text = [](const Reader& reader) { reader.expected("short"); };
  EXPECT_EQ(problem_of("a\n\x1b[31m", text), "key: found 'a??[31m', but it must be short");
  EXPECT_LT(problem_of(std::string(100'000, 'x'), text).size(), 200U);
}

TEST(Reader, unknown_and_missing_keys_are_refused_by_name) {
  const Value map = Value::Map{{"known", std::int64_t{1}}, {"knwon", std::int64_t{2}}};
  EXPECT_EQ(problem_of(map,
                       [](const Reader& reader) {
                         reader.only({"known", "other"});
                       }),
            "key.knwon: unknown key; allowed here: known or other");
  EXPECT_EQ(problem_of(
                map, [](const Reader& reader) { (void)reader.at("other"); }, 3),
            "key.other (line 3): missing; it is required here");
}

TEST(Reader, durations_have_a_unit_and_bounds) {
  Problem problem;
  EXPECT_EQ(Reader(Value("90s"), "", problem).duration(), 90 * kSecond);
  EXPECT_EQ(Reader(Value("36525d"), "", problem).duration(), 36'525 * kDay);
  EXPECT_EQ(Reader(Value("0s"), "", problem).duration(), 0);
  EXPECT_FALSE(problem.found());
  for (const char* wrong : {"", "90", "s", "1.5h", "-1h", "1w", "1 h", "1H", "36526d", "999999999999999999999s"}) {
    EXPECT_NE(problem_of(wrong, [](const Reader& reader) { (void)reader.duration(); }), "") << wrong;
  }
  EXPECT_NE(problem_of(std::int64_t{90}, [](const Reader& reader) { (void)reader.duration(); }), "");
  EXPECT_NE(problem_of("0s", [](const Reader& reader) { (void)reader.duration(kSecond); }), "");
}

template <typename Enum, std::size_t kCount>
void expect_names_lead_back() {
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(by_name<Enum>(name_of(static_cast<Enum>(i)), kCount), static_cast<Enum>(i))
        << name_of(static_cast<Enum>(i));
  }
  EXPECT_EQ(by_name<Enum>("unheard of", kCount), std::nullopt);
}

TEST(Names, each_leads_back_to_what_it_names) {
  expect_names_lead_back<Kind, kFindingKinds>();
  expect_names_lead_back<Dimension, kDimensions>();
  expect_names_lead_back<PromiseKind, kPromiseKinds>();
  expect_names_lead_back<ClockId, kClocks>();
  expect_names_lead_back<Status, kStatusCount>();
  expect_names_lead_back<Priority, kPriorityCount>();
  expect_names_lead_back<Tier, kTierCount>();
  expect_names_lead_back<CaseRule, kCaseRules>();
  expect_names_lead_back<CustomerRule, kCustomerRules>();
}

TEST(Names, case_rules_stand_in_byte_order) {
  const auto names = names_of<CaseRule, kCaseRules>();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST(Names, kinds_have_the_numbers_of_the_model) {
  EXPECT_EQ(name_of(static_cast<Kind>(0)), "promise_kept");
  EXPECT_EQ(name_of(static_cast<Kind>(18)), "hidden_fee");
  EXPECT_EQ(name_of(static_cast<Kind>(33)), "complaint_ignored");
  EXPECT_EQ(name_of(static_cast<Kind>(47)), "stars");
  EXPECT_EQ(name_of(static_cast<Kind>(60)), "order_placed");
  EXPECT_EQ(name_of(static_cast<Kind>(69)), "kept_late");
}

TEST(Policy, something_that_is_no_map_is_refused) {
  for (const Value& value : {Value(), Value("x"), Value(std::int64_t{1}), Value(Value::List{}), Value(Value::Map{})}) {
    EXPECT_FALSE(Policy::parse(value).ok());
  }
}

}  // namespace
}  // namespace troth::operators
