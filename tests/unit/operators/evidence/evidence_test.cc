// Evidence: each step of the model by a small example, then everything at once against a plain second version.
#include "operators/evidence/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <tuple>

#include "operators/evidence/wide.h"
#include "tests/unit/operators/evidence/policy_by_hand.h"

namespace troth::operators {

bool operator==(const EvidenceItem& a, const EvidenceItem& b) {
  return std::tie(a.stamp, a.amount, a.dimension, a.finding) == std::tie(b.stamp, b.amount, b.dimension, b.finding);
}
void PrintTo(const EvidenceItem& item, std::ostream* out) {
  *out << "{at " << item.stamp << ": " << item.amount << " on " << static_cast<int>(item.dimension) << " by finding "
       << item.finding << "}";
}

namespace {

using D = Dimension;
using Items = std::vector<EvidenceItem>;

Finding finding(TimeUs stamp, Kind kind, std::string_view finding_class = "", std::int64_t magnitude = 0,
                std::int64_t lead_s = 0, bool excused = false) {
  Finding result;
  result.stamp = stamp;
  result.kind = kind;
  result.finding_class = finding_class;
  result.magnitude = magnitude;
  result.lead_s = lead_s;
  result.excused = excused;
  return result;
}

class Evidence : public ::testing::Test {
 protected:
  [[nodiscard]] Items items(const std::vector<Finding>& findings, TimeUs t = 1'000) const {
    return evidence_at(findings, t, policy_);
  }
  SegmentPolicy policy_ = test::default_segment();
};

TEST_F(Evidence, comes_from_the_rows_in_policy_order) {
  EXPECT_EQ(items({finding(5, Kind::kPromiseKept, "delivery")}),
            (Items{{5, 1'000'000, D::R, 0}, {5, 300'000, D::K, 0}}));
}

TEST_F(Evidence, counts_a_finding_from_its_stamp_on) {
  const std::vector<Finding> findings{finding(5, Kind::kReasonGiven), finding(9, Kind::kApology)};
  EXPECT_TRUE(items(findings, 4).empty());
  EXPECT_EQ(items(findings, 5), (Items{{5, 100'000, D::H, 0}}));
  EXPECT_EQ(items(findings, 8).size(), 1U);
  EXPECT_EQ(items(findings, 9), (Items{{5, 100'000, D::H, 0}, {9, 200'000, D::E, 1}}));
}

TEST_F(Evidence, of_a_kind_that_the_policy_leaves_out_does_not_exist) {
  EXPECT_TRUE(items({finding(5, Kind::kOutreach)}).empty());
}

TEST_F(Evidence, is_weighed_by_class_and_whole_for_a_class_not_listed) {
  EXPECT_EQ(items({finding(5, Kind::kFirstReplyOnTime, "question")}), (Items{{5, 500'000, D::S, 0}}));
  EXPECT_EQ(items({finding(5, Kind::kFirstReplyOnTime, "claim")}), (Items{{5, 1'000'000, D::S, 0}}));
  EXPECT_TRUE(items({finding(5, Kind::kAttemptFailed, "customer")}).empty());
}

TEST_F(Evidence, is_stepped_by_magnitude_and_beyond_the_last_step_by_the_last) {
  const std::vector<Finding> findings{finding(1, Kind::kReopened, "", 0), finding(2, Kind::kReopened, "", 1)};
  EXPECT_EQ(items(findings), (Items{{1, -2'250'000, D::C, 0}, {2, -3'375'000, D::C, 1}}));
  policy_.evidence[static_cast<std::size_t>(Kind::kReopened)].rows[0].cap.reset();
  EXPECT_EQ(items({finding(1, Kind::kReopened, "", 7)}), (Items{{1, -3'375'000, D::C, 0}}));
}

TEST_F(Evidence, follows_a_curve_of_the_magnitude) {
  EXPECT_TRUE(items({finding(1, Kind::kHiddenFee, "", 0)}).empty());
  EXPECT_EQ(items({finding(1, Kind::kHiddenFee, "", 33'333)}), (Items{{1, -749'992, D::H, 0}}));  // 333330·2.25
  EXPECT_EQ(items({finding(1, Kind::kHiddenFee, "", 900'000)}), (Items{{1, -2'250'000, D::H, 0}}));
}

TEST_F(Evidence, of_lateness_is_relieved_by_notice_in_advance) {
  // 900000 of the break, half of it after a day's notice, times 2.25; K: 450000, 225000, times 1.5.
  EXPECT_EQ(items({finding(1, Kind::kPromiseLate, "delivery", 0, 86'400)}),
            (Items{{1, -1'012'500, D::R, 0}, {1, -337'500, D::K, 0}}));
  EXPECT_EQ(items({finding(1, Kind::kPromiseLate, "delivery", 0, 999'999)}),
            (Items{{1, -1'012'500, D::R, 0}, {1, -337'500, D::K, 0}}));
  EXPECT_EQ(items({finding(1, Kind::kPromiseLate, "delivery", 0, 0)}),
            (Items{{1, -2'025'000, D::R, 0}, {1, -675'000, D::K, 0}}));
}

TEST_F(Evidence, of_an_excused_finding_is_reduced_where_it_is_a_loss) {
  EXPECT_EQ(items({finding(1, Kind::kPromiseLate, "delivery", 0, 0, true)}),
            (Items{{1, -506'250, D::R, 0}, {1, -168'750, D::K, 0}}));
  EXPECT_EQ(items({finding(1, Kind::kRepromisedEarly, "", 0, 0, true)}),
            (Items{{1, -112'500, D::K, 0}, {1, 300'000, D::H, 0}}));
}

TEST_F(Evidence, is_cut_off_at_the_cap_in_order) {
  std::vector<Finding> findings;
  for (TimeUs stamp = 0; stamp < 6; ++stamp) findings.push_back(finding(stamp, Kind::kCheckingUp));
  const Items four = items(findings);
  ASSERT_EQ(four.size(), 4U);
  EXPECT_EQ(four.back(), (EvidenceItem{3, -225'000, D::R, 3}));

  policy_.evidence[static_cast<std::size_t>(Kind::kCheckingUp)].rows[0].cap = 250'000;
  EXPECT_EQ(items(findings), (Items{{0, -225'000, D::R, 0}, {1, -225'000, D::R, 1}, {2, -112'500, D::R, 2}}));
}

TEST_F(Evidence, has_a_cap_for_each_row) {
  policy_.evidence[static_cast<std::size_t>(Kind::kProactiveContact)].rows[1].cap = 500'000;
  EXPECT_EQ(items({finding(1, Kind::kProactiveContact), finding(2, Kind::kProactiveContact)}),
            (Items{{1, 300'000, D::E, 0}, {1, 300'000, D::H, 0}, {2, 200'000, D::H, 1}}));
}

TEST_F(Evidence, a_cap_is_used_up_before_the_loss_factor) {
  std::vector<Finding> findings;
  for (TimeUs stamp = 0; stamp < 9; ++stamp) findings.push_back(finding(stamp, Kind::kEffort, "contact"));
  std::int64_t sum = 0;
  for (const EvidenceItem& item : items(findings)) sum += item.amount;
  EXPECT_EQ(sum, -1'500'000);  // a cap of 1000000 times 1.5
}

TEST_F(Evidence, without_a_loss_gains_are_no_recovery) {
  EXPECT_EQ(items({finding(1, Kind::kKeptLate, "delivery", 0)}),
            (Items{{1, 2'250'000, D::R, 0}, {1, 1'100'000, D::K, 0}}));
}

TEST_F(Evidence, a_gain_after_a_loss_is_credited_up_to_a_share_of_the_loss) {
  // R: loss 900000, recovery 1620000 of 2250000; K: loss 450000, recovery 540000 of 1100000.
  EXPECT_EQ(items({finding(1, Kind::kPromiseLate, "delivery", 0), finding(2, Kind::kKeptLate, "delivery", 0)}),
            (Items{{1, -2'025'000, D::R, 0}, {1, -675'000, D::K, 0}, {2, 1'620'000, D::R, 1}, {2, 540'000, D::K, 1}}));
}

TEST_F(Evidence, a_gain_before_the_first_loss_is_whole_and_one_at_its_stamp_is_recovery) {
  const Finding lost = finding(5, Kind::kParcelLost);
  EXPECT_EQ(items({finding(4, Kind::kKeptLate, "delivery", 0), lost})[0].amount, 2'250'000);
  EXPECT_EQ(items({finding(5, Kind::kKeptLate, "delivery", 0), lost})[0].amount, 1'800'000);
}

TEST_F(Evidence, recovery_is_used_up_in_order_by_losses_that_come_later_too) {
  // C: losses of 2·10⁶ in all, the second after the gains; recovery 1600000 for gains of 3·10⁶.
  const Items got = items({finding(1, Kind::kParcelLost), finding(2, Kind::kResolvedOnTime),
                           finding(3, Kind::kResolvedOnTime), finding(4, Kind::kResolvedOnTime),
                           finding(5, Kind::kReopened)});
  Items gains;
  for (const EvidenceItem& item : got) {
    if (item.amount > 0) gains.push_back(item);
  }
  EXPECT_EQ(gains, (Items{{2, 1'000'000, D::C, 1}, {3, 600'000, D::C, 2}}));
}

TEST_F(Evidence, behaviour_is_not_repaired) {
  EXPECT_EQ(items({finding(1, Kind::kOrderCancelled), finding(2, Kind::kReferred)}), (Items{{1, -1'000'000, D::B, 0}}));
}

TEST_F(Evidence, a_graded_answer_is_neither_a_failure_nor_its_repair) {
  // Three stars give and take; what follows is no recovery.
  EXPECT_EQ(items({finding(1, Kind::kStars, "verified", 2), finding(2, Kind::kSentimentGood, "", 1'000'000)}),
            (Items{{1, 450'000, D::V, 0}, {1, -825'000, D::V, 0}, {2, 500'000, D::V, 1}}));
  // After a real loss they are not credited against it.
  EXPECT_EQ(items({finding(1, Kind::kComplaintOpened, "claim"), finding(2, Kind::kStars, "verified", 3),
                   finding(3, Kind::kSentimentGood, "", 1'000'000)}),
            (Items{{1, -375'000, D::V, 0}, {2, 800'000, D::V, 1}, {2, -300'000, D::V, 1}, {3, 300'000, D::V, 2}}));
}

TEST_F(Evidence, five_stars_are_recovery_and_one_star_is_a_loss) {
  EXPECT_EQ(items({finding(1, Kind::kComplaintOpened, "complaint"), finding(2, Kind::kStars, "verified", 4)}),
            (Items{{1, -750'000, D::V, 0}, {2, 600'000, D::V, 1}}));
  EXPECT_EQ(items({finding(1, Kind::kStars, "verified", 0), finding(2, Kind::kSentimentGood, "", 1'000'000)}),
            (Items{{1, -1'500'000, D::V, 0}, {2, 500'000, D::V, 1}}));
}

TEST_F(Evidence, an_answer_is_graded_by_what_the_cap_leaves) {
  policy_.evidence[static_cast<std::size_t>(Kind::kStars)].rows[1].cap = 0;  // nothing left of its loss
  EXPECT_EQ(items({finding(1, Kind::kComplaintOpened, "complaint"), finding(2, Kind::kStars, "verified", 2)}),
            (Items{{1, -750'000, D::V, 0}, {2, 450'000, D::V, 1}}));
  EXPECT_EQ(items({finding(1, Kind::kComplaintOpened, "claim"), finding(2, Kind::kStars, "verified", 2)}),
            (Items{{1, -375'000, D::V, 0}, {2, 300'000, D::V, 1}}));
}

TEST_F(Evidence, a_loss_may_vanish_by_its_factor) {
  policy_.score.loss_factor[static_cast<std::size_t>(D::E)] = 0;
  EXPECT_EQ(items({finding(1, Kind::kComplaintIgnored, "complaint")}), (Items{{1, -1'125'000, D::S, 0}}));
}

TEST(EvidenceDeathTest, an_amount_of_two_to_the_24th_is_a_bug) {
  SegmentPolicy policy = test::default_segment();
  policy.evidence[static_cast<std::size_t>(Kind::kApology)].rows[0].amount = (1 << 24) - 1;
  const std::vector<Finding> findings{finding(1, Kind::kApology)};
  EXPECT_EQ(evidence_at(findings, 1, policy).size(), 1U);
  policy.evidence[static_cast<std::size_t>(Kind::kApology)].rows[0].amount = 1 << 24;
  EXPECT_DEATH((void)evidence_at(findings, 1, policy), "assertion");
}

// ------------------------------------------------------------------------------------------- a plainly written version

struct Amount {
  std::size_t finding;
  std::size_t row;
  Int128 x;  // without sign, after the cap
};

const EvidenceRule& rule_of(const SegmentPolicy& policy, const Finding& of) {
  return policy.evidence[static_cast<std::size_t>(of.kind)];
}

std::vector<Amount> plain_amounts(const std::vector<Finding>& findings, TimeUs t, const SegmentPolicy& policy) {
  std::vector<Amount> amounts;
  std::map<std::pair<Kind, std::size_t>, Int128> used;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (findings[i].stamp > t) continue;
    const EvidenceRule& rule = rule_of(policy, findings[i]);
    const auto listed = rule.class_weight.find(findings[i].finding_class);
    for (std::size_t r = 0; r < rule.rows.size(); ++r) {
      const EvidenceRow& row = rule.rows[r];
      Int128 x = row.amount < 0 ? -row.amount : row.amount;
      x = x * (listed == rule.class_weight.end() ? 1'000'000 : listed->second) / 1'000'000;
      const std::size_t m = static_cast<std::size_t>(findings[i].magnitude);
      if (!row.steps.empty()) x = x * (m < row.steps.size() ? row.steps[m] : row.steps.back()) / 1'000'000;
      if (row.steps.empty() && row.curve) x = x * row.curve->at(findings[i].magnitude) / 1'000'000;
      if (row.relief) x = x * row.relief->at(findings[i].lead_s) / 1'000'000;
      if (findings[i].excused && row.amount < 0) x = x * policy.excused_ppm / 1'000'000;
      if (row.cap) {
        Int128& so_far = used[{findings[i].kind, r}];
        const Int128 left = *row.cap - so_far;
        x = x < left ? x : left;
        so_far += x;
      }
      if (x > 0) amounts.push_back({i, r, x});
    }
  }
  return amounts;
}

Items plain_evidence(const std::vector<Finding>& findings, TimeUs t, const SegmentPolicy& policy) {
  std::vector<Amount> amounts = plain_amounts(findings, t, policy);
  const auto row_of = [&](const Amount& a) -> const EvidenceRow& {
    return rule_of(policy, findings[a.finding]).rows[a.row];
  };
  const auto is_graded = [&](const Amount& a) {
    const auto has = [&](bool gain) {
      return std::any_of(amounts.begin(), amounts.end(), [&](const Amount& b) {
        return b.finding == a.finding && row_of(b).dimension == row_of(a).dimension && (row_of(b).amount > 0) == gain;
      });
    };
    return has(true) && has(false);
  };
  std::vector<Int128> credited;
  for (const Amount& a : amounts) credited.push_back(a.x);
  for (std::size_t d = 0; d < kDimensions; ++d) {
    Int128 loss = 0;
    TimeUs first = -1;
    for (const Amount& a : amounts) {
      if (row_of(a).dimension != static_cast<Dimension>(d) || row_of(a).amount > 0 || is_graded(a)) continue;
      if (loss == 0) first = findings[a.finding].stamp;
      loss += a.x;
    }
    if (loss == 0) continue;
    Int128 left = loss * policy.recovery[d] / 1'000'000;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
      const Amount& a = amounts[i];
      if (row_of(a).dimension != static_cast<Dimension>(d) || row_of(a).amount < 0 || is_graded(a)) continue;
      if (findings[a.finding].stamp < first) continue;
      credited[i] = a.x < left ? a.x : left;
      left -= credited[i];
    }
  }
  Items items;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const EvidenceRow& row = row_of(amounts[i]);
    Int128 x = credited[i];
    if (row.amount < 0) x = -(x * policy.score.loss_factor[static_cast<std::size_t>(row.dimension)] / 1'000'000);
    if (x != 0) {
      items.push_back({findings[amounts[i].finding].stamp, static_cast<std::int32_t>(x), row.dimension,
                       static_cast<std::uint32_t>(amounts[i].finding)});
    }
  }
  return items;
}

TEST_F(Evidence, equals_a_plainly_written_version_on_random_cases) {
  std::mt19937_64 random(75);
  const auto below = [&random](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::vector<Kind> kinds;
  for (std::size_t kind = 0; kind < kFindingKinds; ++kind) {
    if (!policy_.evidence[kind].rows.empty()) kinds.push_back(static_cast<Kind>(kind));
  }
  kinds.push_back(Kind::kOutreach);
  const std::array<std::string_view, 10> classes{"", "delivery", "express", "callback", "complaint",
                                                 "claim", "question", "verified", "unverified", "points"};
  std::size_t seen = 0;
  for (int round = 0; round < 20'000; ++round) {
    for (EvidenceRule& rule : policy_.evidence) {  // caps and recovery of all sizes
      for (EvidenceRow& row : rule.rows) {
        if (row.cap) row.cap = below(4) * 333'333;
      }
    }
    for (std::int64_t& share : policy_.recovery) share = below(4) * 777'777;
    policy_.excused_ppm = below(3) * 500'000;
    std::vector<Finding> findings;
    const auto count = static_cast<std::size_t>(below(14));
    const std::size_t few = 1 + static_cast<std::size_t>(below(kinds.size()));
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t magnitude = below(2) == 0 ? below(7) : below(1'000'001);
      findings.push_back(finding(below(8), kinds[static_cast<std::size_t>(below(few))],
                                 classes[static_cast<std::size_t>(below(classes.size()))], magnitude, below(200'000),
                                 below(4) == 0));
    }
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.stamp < b.stamp; });
    const TimeUs t = below(9);
    const Items expected = plain_evidence(findings, t, policy_);
    ASSERT_EQ(items(findings, t), expected) << round;
    seen += expected.size();
  }
  EXPECT_GT(seen, 50'000U);
}

}  // namespace
}  // namespace troth::operators
