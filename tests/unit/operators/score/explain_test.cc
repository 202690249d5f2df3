// Explanation: rows sum exactly to the score, for hand-made and for random customers, and equal a plain second
// version.
#include "operators/score/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

#include "tests/unit/operators/evidence/policy_by_hand.h"

namespace troth::operators {
namespace {

using event::kDay;
using D = Dimension;
using Points = std::vector<std::int64_t>;

// ---------------------------------------------------------------------------------------------------------- distribute

Points distributed(std::vector<Int128> v, std::int64_t z, std::int64_t target) { return distribute(v, z, target); }

TEST(Distribute, gives_whole_parts_without_remainders) {
  EXPECT_EQ(distributed({20, -30, 0}, 10, -1), (Points{2, -3, 0}));
}

TEST(Distribute, gives_one_more_to_the_greatest_remainders) {
  EXPECT_EQ(distributed({14, 27, 19}, 10, 6), (Points{1, 3, 2}));  // 1.4 + 2.7 + 1.9
  EXPECT_EQ(distributed({14, 27, 19}, 10, 5), (Points{1, 2, 2}));
}

TEST(Distribute, a_tie_goes_to_the_earlier_row) {
  EXPECT_EQ(distributed({15, 15, 15, 15}, 10, 6), (Points{2, 2, 1, 1}));
  EXPECT_EQ(distributed({11, 15, 15}, 10, 4), (Points{1, 2, 1}));
}

TEST(Distribute, remainders_of_negative_values_count_from_the_floor) {
  EXPECT_EQ(distributed({-14, 14}, 10, 0), (Points{-1, 1}));  // −1.4 = −2 + 0.6
}

TEST(Distribute, spreads_a_gap_wider_than_the_rows_evenly) {
  EXPECT_EQ(distributed({10, 10, 15}, 10, 10), (Points{3, 3, 4}));
  EXPECT_EQ(distributed({10, 10, 15}, 10, -4), (Points{-1, -2, -1}));  // gap −7 = 3·(−3) + 2
  EXPECT_EQ(distributed({7}, 10, 42), (Points{42}));
}

TEST(Distribute, sums_to_the_target_and_equals_a_plain_version_on_random_values) {
  std::mt19937_64 random(98);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Int128> v(1 + random() % 9);
    const Int128 z = 1 + static_cast<Int128>(random() % 20) * (round % 2 == 0 ? 1 : std::int64_t{1} << 50);
    for (Int128& each : v) {
      each = z * (static_cast<std::int64_t>(random() % 9) - 4) + static_cast<Int128>(random() % 9) - 4;
    }
    const auto target = static_cast<std::int64_t>(random() % 60) - 30;

    Points plain;
    std::vector<Int128> rest;
    std::int64_t gap = target;
    for (const Int128 each : v) {
      Int128 q = each / z;
      while (q * z > each) --q;
      plain.push_back(static_cast<std::int64_t>(q));
      rest.push_back(each - q * z);
      gap -= plain.back();
    }
    const auto n = static_cast<std::int64_t>(v.size());
    for (std::int64_t& part : plain) part += (gap - ((gap % n) + n) % n) / n;
    for (std::int64_t i = 0; i < ((gap % n) + n) % n; ++i) {
      const auto best = static_cast<std::size_t>(std::max_element(rest.begin(), rest.end()) - rest.begin());
      ++plain[best];
      rest[best] = -1;
    }
    const Points got = distribute(v, z, target);
    ASSERT_EQ(got, plain);
    ASSERT_EQ(std::accumulate(got.begin(), got.end(), std::int64_t{0}), target);
  }
}

// ------------------------------------------------------------------------------------------------------------- explain

/// A customer made of findings: what the engine would hold.
class Customer {
 public:
  struct Case {
    std::string key;
    TimeUs first_event;
    std::deque<KeptEvent> events;
    std::vector<const KeptEvent*> pointers;
    std::vector<Finding> findings;
    std::vector<EvidenceItem> items;
  };

  Case& add_case(std::string key, TimeUs first_event) {
    cases_.push_back({std::move(key), first_event, {}, {}, {}, {}});
    return cases_.back();
  }
  static std::uint32_t add_event(Case& to, std::string id) {
    Event event;
    event.spec = catalogue().find("customer.referred");
    event.source = "shop";
    event.id = std::move(id);
    to.events.emplace_back(event);
    to.pointers.push_back(&to.events.back());
    return static_cast<std::uint32_t>(to.events.size() - 1);
  }
  static void add_finding(Case& to, TimeUs stamp, Kind kind, ObjectRef object, std::string_view finding_class = "",
                          EventRefs events = {}, std::int64_t magnitude = 0) {
    Finding finding;
    finding.stamp = stamp;
    finding.kind = kind;
    finding.object = object;
    finding.finding_class = finding_class;
    finding.events = events;
    finding.magnitude = magnitude;
    to.findings.push_back(finding);
  }
  void add_sealed(D dimension, TimeUs stamp, std::int64_t amount) { totals_.add(dimension, stamp, amount, global_); }

  /// Works everything out at t.
  std::vector<ExplanationRow> explained(TimeUs t, const Rhythm& rhythm = {std::nullopt, 700'000}) {
    totals_with_cases_ = totals_;
    std::vector<ExplainedCase> views;
    for (Case& each : cases_) {
      each.items = evidence_at(each.findings, t, policy_);
      for (const EvidenceItem& item : each.items) {
        totals_with_cases_.add(item.dimension, item.stamp, item.amount, global_);
      }
      views.push_back({each.key, each.first_event, each.pointers, each.findings, each.items});
    }
    score_ = score_of(totals_with_cases_.at(t, global_), rhythm, policy_.score);
    return explain(views, totals_with_cases_, score_, t, global_, policy_.score);
  }

  std::deque<Case> cases_;
  GlobalPolicy global_ = test::default_global();
  SegmentPolicy policy_ = test::default_segment();
  Accumulator totals_;             // of sealed cases
  Accumulator totals_with_cases_;  // as of the last explained()
  Score score_;
};

std::vector<std::string> shown(const std::vector<ExplanationRow>& rows) {
  std::vector<std::string> lines;
  for (const ExplanationRow& row : rows) {
    std::string line = row.kind;
    for (const std::string* part : {&row.dimension, &row.case_key, &row.object}) {
      if (!part->empty()) line += " " + *part;
    }
    for (const std::string& event : row.events) line += " [" + event + "]";
    lines.push_back(line);
  }
  return lines;
}

Points points_of(const std::vector<ExplanationRow>& rows) {
  Points points;
  for (const ExplanationRow& row : rows) points.push_back(row.points);
  return points;
}

constexpr TimeUs kNow = 20'000 * kDay;
const ObjectRef kOrder{'o', "1"};
const ObjectRef kPromise{'p', "1"};

TEST(Explain, a_stranger_has_base_and_rhythm_alone) {
  Customer customer;
  const std::vector<ExplanationRow> rows = customer.explained(kNow);
  EXPECT_EQ(shown(rows), (std::vector<std::string>{"base", "rhythm"}));
  EXPECT_EQ(points_of(rows), (Points{70'000'000, 0}));
}

TEST(Explain, a_delivery_broken_in_silence) {
  Customer customer;
  Customer::Case& order = customer.add_case("o:1", kNow - 4 * kDay);
  Customer::add_event(order, "placed");
  Customer::add_event(order, "promised");
  Customer::add_finding(order, kNow - 4 * kDay, Kind::kOrderPlaced, kOrder, "free", {0});
  Customer::add_finding(order, kNow, Kind::kPromiseSilent, kPromise, "delivery", {1});
  Customer::add_finding(order, kNow, Kind::kPromiseLate, kPromise, "delivery", {1});
  const std::vector<ExplanationRow> rows = customer.explained(kNow);
  EXPECT_EQ(shown(rows), (std::vector<std::string>{"base", "promise_late R o:1 p:1 [shop promised]",
                                                   "promise_silent H o:1 p:1 [shop promised]",
                                                   "promise_late K o:1 p:1 [shop promised]",
                                                   "order_placed B o:1 o:1 [shop placed]", "rhythm"}));
  const Points points = points_of(rows);
  EXPECT_EQ(points[1], -10'036'959);  // 28.5 %·(347826 − 700000) ppm of 100 points
  EXPECT_EQ(points[2], -1'701'000);   // 6.75 %·(448000 − 700000)
  EXPECT_EQ(points[3], -794'862);     // 4.5 %·(523364 − 700000)
  EXPECT_EQ(std::accumulate(points.begin(), points.end(), std::int64_t{0}), customer.score_.score);
}

TEST(Explain, rows_come_by_case_kind_and_object_and_older_history_last) {
  Customer customer;
  customer.add_sealed(D::R, kNow - 300 * kDay, 1'000'000);
  customer.add_sealed(D::S, kNow - 300 * kDay, -1'000'000);
  Customer::Case& ten = customer.add_case("o:10", kNow - 9 * kDay);
  Customer::add_finding(ten, kNow - 3 * kDay, Kind::kParcelLost, {'o', "10"});
  Customer::add_finding(ten, kNow - 2 * kDay, Kind::kPromiseKept, {'p', "b"}, "delivery");
  Customer::add_finding(ten, kNow - 1 * kDay, Kind::kPromiseKept, {'p', "a"}, "delivery");
  Customer::Case& two = customer.add_case("o:2", kNow - 99 * kDay);
  Customer::add_finding(two, kNow - 90 * kDay, Kind::kPromiseKept, {'p', "c"}, "delivery");
  const std::vector<std::string> lines = shown(customer.explained(kNow));
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "base", "promise_kept R o:10 p:a", "promise_kept R o:10 p:b", "parcel_lost R o:10 o:10",
                       "promise_kept R o:2 p:c", "older_history R", "older_history S", "parcel_lost C o:10 o:10",
                       "promise_kept K o:10 p:a", "promise_kept K o:10 p:b", "promise_kept K o:2 p:c", "rhythm"}));
}

TEST(Explain, two_cases_of_one_key_share_a_row_and_name_their_events_in_time) {
  Customer customer;
  for (const TimeUs day : {200, 100}) {
    Customer::Case& each = customer.add_case("o:1", kNow - day * kDay);
    const std::string id = std::to_string(day);
    const std::uint32_t first = Customer::add_event(each, "first" + id);
    const std::uint32_t both = Customer::add_event(each, "both" + id);
    Customer::add_finding(each, kNow - day * kDay, Kind::kPromiseKept, kPromise, "delivery", {first, both});
    Customer::add_finding(each, kNow - day * kDay + 1, Kind::kPromiseKept, kPromise, "delivery", {both});
  }
  const std::vector<ExplanationRow> rows = customer.explained(kNow);
  EXPECT_EQ(shown(rows)[1], "promise_kept R o:1 p:1 [shop first200] [shop both200] [shop first100] [shop both100]");
}

TEST(Explain, a_long_row_names_its_events_in_the_order_of_findings) {
  Customer customer;
  Customer::Case& order = customer.add_case("o:1", kNow - 90 * kDay);
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    const std::uint32_t index = Customer::add_event(order, std::to_string(i * 17 % 40));
    Customer::add_finding(order, kNow - 90 * kDay + i, Kind::kPromiseKept, kPromise, "delivery", {index});
    Customer::add_finding(order, kNow - 90 * kDay + i, Kind::kApology, kPromise, "", {index});
    names.push_back(order.events.back().name());
  }
  EXPECT_EQ(customer.explained(kNow)[1].events, names);
}

TEST(Explain, what_has_decayed_to_nothing_has_no_row_and_names_no_event) {
  Customer customer;
  Customer::Case& old = customer.add_case("o:1", 0);
  const std::uint32_t gone = Customer::add_event(old, "gone");
  const std::uint32_t seen = Customer::add_event(old, "seen");
  const TimeUs t = 24 * 60 * kDay;  // 24 half-lives of empathy, 16 of competence
  Customer::add_finding(old, 0, Kind::kApology, {'c', "1"}, "", {gone});
  Customer::add_finding(old, 0, Kind::kParcelLost, kOrder, "", {gone});
  EXPECT_EQ(shown(customer.explained(t))[1], "parcel_lost R o:1 o:1 [shop gone]");
  for (const std::string& line : shown(customer.explained(t))) EXPECT_EQ(line.find("apology"), std::string::npos);

  Customer::add_finding(old, 60 * kDay, Kind::kApology, {'c', "1"}, "", {seen});
  const std::vector<std::string> lines = shown(customer.explained(t));
  EXPECT_NE(std::find(lines.begin(), lines.end(), "apology E o:1 c:1 [shop seen]"), lines.end());
}

TEST(Explain, a_trace_too_small_for_a_millionth_is_a_row_of_no_points) {
  Customer customer;
  Customer::Case& old = customer.add_case("o:1", 0);
  Customer::add_finding(old, 0, Kind::kApology, {'c', "1"});
  const std::vector<ExplanationRow> rows = customer.explained(23 * 60 * kDay);  // 200000/2²³ µe
  EXPECT_EQ(shown(rows), (std::vector<std::string>{"base", "apology E o:1 c:1", "rhythm"}));
  EXPECT_EQ(points_of(rows), (Points{70'000'000, 0, 0}));
}

TEST(ExplainDeathTest, refuses_totals_that_lack_what_is_explained) {
  Customer customer;
  Customer::Case& order = customer.add_case("o:1", kNow);
  Customer::add_finding(order, kNow, Kind::kPromiseKept, kPromise, "delivery");
  customer.add_sealed(D::R, kNow, -1);
  (void)customer.explained(kNow);
  const std::vector<ExplainedCase> views{{"o:1", kNow, order.pointers, order.findings, order.items}};
  EXPECT_DEATH((void)explain(views, customer.totals_, customer.score_, kNow, customer.global_, customer.policy_.score),
               "assertion");
}

// --------------------------------------------------------------------------------------------- random customers, twice

/// Explains by walking over items once for each row, with no clever order anywhere.
std::vector<ExplanationRow> plain_explanation(const Customer& customer, TimeUs t) {
  using RowKey = std::tuple<std::string, int, std::string>;
  struct Row {
    Int128 gain = 0, loss = 0;
    std::vector<std::string> events;
  };
  const ScorePolicy& policy = customer.policy_.score;
  const Score& score = customer.score_;
  const Coefficients k = coefficients(score.weakest, policy);
  std::vector<Int128> parts{static_cast<Int128>(k.rhythm) * policy.base_rate[7]};
  for (std::size_t d = 0; d < kDimensions; ++d) parts[0] += static_cast<Int128>(k.k[d]) * policy.base_rate[d];
  for (std::size_t d = 0; d < kDimensions; ++d) {
    parts.push_back(static_cast<Int128>(k.k[d]) * (score.p[d] - policy.base_rate[d]));
  }
  parts.push_back(static_cast<Int128>(k.rhythm) * (score.rhythm.ppm - policy.base_rate[7]));
  const Points totals = distribute(parts, 10'000'000, score.score);

  std::vector<ExplanationRow> result{{"base", totals.front(), "", "", "", {}}};
  for (std::size_t d = 0; d < kDimensions; ++d) {
    const TimeUs half_life = customer.global_.half_life_us[d];
    const Int128 divisor = decay_divisor(t, half_life);
    std::map<RowKey, Row> rows;
    Row older{customer.totals_.gains(static_cast<D>(d)).numerator(t, half_life),
              customer.totals_.losses(static_cast<D>(d)).numerator(t, half_life), {}};
    for (const Customer::Case& each : customer.cases_) {
      for (const EvidenceItem& item : each.items) {
        if (static_cast<std::size_t>(item.dimension) != d) continue;
        EraSums one;
        one.add(item.stamp, item.amount > 0 ? item.amount : -item.amount, half_life);
        const Int128 n = one.numerator(t, half_life);
        if (n == 0) continue;
        const Finding& finding = each.findings[item.finding];
        Row& row = rows[{each.key, static_cast<int>(finding.kind), finding.object.str()}];
        (item.amount > 0 ? row.gain : row.loss) += n;
        for (const std::uint32_t index : finding.events) {
          const std::string name = each.events[index].name();
          if (std::find(row.events.begin(), row.events.end(), name) == row.events.end()) row.events.push_back(name);
        }
      }
    }
    const std::int64_t a = policy.base_rate[d];
    const auto worth = [&](const Row& row) {
      return k.k[d] * ((1'000'000 - a) * (65'536 * row.gain / divisor) - a * (65'536 * row.loss / divisor));
    };
    const std::size_t first = result.size();
    std::vector<Int128> v;
    const std::string dimension(name_of(static_cast<D>(d)));
    for (const auto& [key, row] : rows) {
      v.push_back(worth(row));
      result.push_back({std::string(name_of(static_cast<Kind>(std::get<1>(key)))), 0, dimension, std::get<0>(key),
                        std::get<2>(key), row.events});
    }
    if (older.gain != 0 || older.loss != 0) {
      v.push_back(worth(older));
      result.push_back({"older_history", 0, dimension, "", "", {}});
    }
    if (v.empty()) continue;
    const Int128 m = score.masses.of(static_cast<D>(d)) + policy.prior_weight;
    const Points points = distribute(v, Int128{10'000'000} * 65'536 * m, totals[d + 1]);
    for (std::size_t i = 0; i < points.size(); ++i) result[first + i].points = points[i];
  }
  result.push_back({"rhythm", totals.back(), "", "", "", {}});
  return result;
}

class RandomCustomers : public ::testing::Test {
 protected:
  std::int64_t below(std::uint64_t n) { return static_cast<std::int64_t>(random_() % n); }

  void fill(Customer& customer, TimeUs t) {
    for (std::size_t d = 0; d < kDimensions; ++d) {
      customer.policy_.score.base_rate[d] = below(1'000'001);
      if (below(3) != 0) continue;
      customer.add_sealed(static_cast<D>(d), t - below(3'000) * kDay, below(20'000'001) - 10'000'000);
    }
    customer.policy_.score.prior_weight = 1 + below(4'000'000);
    const std::int64_t cases = below(4);
    std::vector<std::pair<std::string, TimeUs>> keys;
    for (std::int64_t i = 0; i < cases; ++i) {
      keys.emplace_back("o:" + std::to_string(below(12)), t - below(1'000) * kDay);
    }
    std::sort(keys.begin(), keys.end());
    for (const auto& [key, first] : keys) {
      Customer::Case& each = customer.add_case(key, first);
      const std::int64_t events = 1 + below(5);
      for (std::int64_t i = 0; i < events; ++i) Customer::add_event(each, std::to_string(below(9)));
      for (std::int64_t i = below(8); i > 0; --i) {
        const auto one = static_cast<std::uint32_t>(below(static_cast<std::uint64_t>(events)));
        const auto other = static_cast<std::uint32_t>(below(static_cast<std::uint64_t>(events)));
        const ObjectRef object{"ocrsp"[below(5)], kIds[static_cast<std::size_t>(below(3))]};
        Customer::add_finding(each, t - below(2'000) * kDay, static_cast<Kind>(below(kFindingKinds)), object,
                              kClasses[static_cast<std::size_t>(below(6))],
                              below(2) == 0 ? EventRefs{one} : EventRefs{one, other}, below(5));
      }
      std::stable_sort(each.findings.begin(), each.findings.end(),
                       [](const Finding& a, const Finding& b) { return a.stamp < b.stamp; });
    }
  }

  static constexpr std::array<std::string_view, 3> kIds{"1", "10", "2"};
  static constexpr std::array<std::string_view, 6> kClasses{"",          "delivery", "express",
                                                            "complaint", "question", "verified"};
  std::mt19937_64 random_{98};
};

TEST_F(RandomCustomers, are_explained_to_the_last_millionth_of_a_point) {
  std::size_t rows_seen = 0;
  for (int round = 0; round < 12'000; ++round) {
    Customer customer;
    const TimeUs t = 10'000 * kDay + below(kDay);
    fill(customer, t);
    const std::vector<ExplanationRow> rows = customer.explained(t, {std::nullopt, below(1'000'001)});

    std::int64_t sum = 0;
    std::map<std::string, std::int64_t> by_dimension;
    for (const ExplanationRow& row : rows) {
      sum += row.points;
      if (!row.dimension.empty()) by_dimension[row.dimension] += row.points;
    }
    ASSERT_EQ(sum, customer.score_.score);
    ASSERT_EQ(rows.front().kind, "base");
    ASSERT_EQ(rows.back().kind, "rhythm");
    const Coefficients k = coefficients(customer.score_.weakest, customer.policy_.score);
    for (std::size_t d = 0; d < kDimensions; ++d) {  // a dimension's rows make up what it moves the score by
      const std::int64_t exact = k.k[d] * (customer.score_.p[d] - customer.policy_.score.base_rate[d]);
      const std::int64_t low = event::floor_div(exact, 10'000'000);
      const std::int64_t total = by_dimension[std::string(name_of(static_cast<D>(d)))];
      ASSERT_TRUE(total == low || total == low + 1) << d;
    }

    const std::vector<ExplanationRow> plain = plain_explanation(customer, t);
    ASSERT_EQ(shown(rows), shown(plain)) << round;
    ASSERT_EQ(points_of(rows), points_of(plain)) << round;
    rows_seen += rows.size();
  }
  EXPECT_GT(rows_seen, 60'000U);
}

}  // namespace
}  // namespace troth::operators
