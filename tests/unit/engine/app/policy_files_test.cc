// Policies as they are written, in YAML: the shipped one, the examples beside its schema, and every single value taken
// away. This is where operators/policy is tested with whole documents.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "engine/app/yaml.h"
#include "operators/policy/policy.h"

namespace troth::operators {
namespace {

using base::Value;
using event::kDay;
using event::kHour;
using event::kMinute;

const std::filesystem::path kSchemas = std::filesystem::path(TROTH_SOURCE_DIR) / "schemas";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Value tree_of(const std::filesystem::path& path) {
  auto tree = app::read_yaml(text_of(path), path.filename().string());
  EXPECT_TRUE(tree.ok()) << tree.error().message;
  return tree.ok() ? *tree : Value();
}

const Value& default_document() {
  static const Value document = tree_of(kSchemas / "policy.default.yaml");
  return document;
}

std::shared_ptr<const Policy> parsed(const Value& document) {
  auto policy = Policy::parse(document);
  EXPECT_TRUE(policy.ok()) << policy.error().message;
  return policy.ok() ? *policy : nullptr;
}

std::vector<std::filesystem::path> examples(std::string_view which) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kSchemas / "examples" / "policy" / which))
    paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(DefaultPolicy, has_the_hash_that_the_model_names) {
  const auto policy = parsed(default_document());
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->hash(), "f3f36fbc2319c5b62d5a2b74d1fbe67f20081d0a38ce9f0dca8242a434c62854");
}

TEST(DefaultPolicy, is_read_into_the_units_of_the_code) {
  const auto policy = parsed(default_document());
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->global().lateness_us, 45 * kDay);
  EXPECT_EQ(policy->global().skew_us, 5 * kMinute);
  EXPECT_EQ(policy->global().case_events, 512);
  EXPECT_EQ(policy->global().half_life_us[static_cast<std::size_t>(Dimension::H)], 180 * kDay);

  const SegmentPolicy& plain = policy->segment("");
  EXPECT_EQ(plain.score.loss_factor[static_cast<std::size_t>(Dimension::E)], 1'500'000);
  EXPECT_EQ(plain.score.weight[0], 300'000);
  EXPECT_EQ(plain.score.floor_eroding, 40'000'000);
  EXPECT_EQ(plain.score.rhythm.at(4'000), 750'000);
  EXPECT_EQ(plain.promise_stages_us.size(), 6U);
  EXPECT_EQ(plain.promise_stages_us[5], 168 * kHour);
  EXPECT_EQ(plain.pace[static_cast<std::size_t>(PromiseKind::kCallback)], 12);
  EXPECT_EQ(plain.thanks, 300'000);
  EXPECT_TRUE(plain.reply_reopens);
  EXPECT_EQ(plain.neutral_discounts, (std::vector<std::string>{"clearance", "season"}));
  EXPECT_EQ(plain.recovery[static_cast<std::size_t>(Dimension::H)], 200'000);
  EXPECT_EQ(plain.levels, (std::array<std::int64_t, 3>{2, 4, 6}));
  EXPECT_EQ(plain.low_tier, Tier::kEroding);

  const ClockPolicy& reply = plain.clocks[static_cast<std::size_t>(ClockId::kFirstReply)];
  EXPECT_EQ(reply.pause, 1U << static_cast<unsigned>(Status::kAwaitingCustomer));
  EXPECT_EQ(reply.target_us[static_cast<std::size_t>(Priority::kUrgent)], kHour);
  EXPECT_EQ(reply.stages_ppm, (std::vector<std::int64_t>{1'000'000, 2'000'000, 4'000'000}));
  const TimeUs friday = *event::parse_time("2026-03-06T17:30:00Z");
  EXPECT_EQ(event::format_time(reply.calendar->advance(friday, kHour)), "2026-03-09T08:30:00.000000Z");

  const EvidenceRule& late = plain.evidence[static_cast<std::size_t>(Kind::kPromiseLate)];
  ASSERT_EQ(late.rows.size(), 2U);
  EXPECT_EQ(late.weight("callback"), 500'000);
  EXPECT_EQ(late.rows[0].amount, -1'000'000);
  EXPECT_EQ(late.rows[0].steps.size(), 6U);
  EXPECT_FALSE(late.rows[0].curve.has_value());
  EXPECT_EQ(late.rows[0].relief->at(43'200), 750'000);
  EXPECT_FALSE(late.rows[0].cap.has_value());

  const CaseRulePolicy& broken = plain.case_rules[static_cast<std::size_t>(CaseRule::kPromiseBroken)];
  EXPECT_TRUE(broken.exists);
  EXPECT_EQ(broken.escalate, (std::vector<std::int64_t>{3, 5}));
  EXPECT_EQ(broken.hold_us, 2 * kHour);
  const CustomerRulePolicy& leaving =
      plain.customer_rules[static_cast<std::size_t>(CustomerRule::kSatisfiedButLeaving)];
  EXPECT_EQ(leaving.silence, 3'000);
  EXPECT_EQ(leaving.mass, 250'000);
}

TEST(DefaultPolicy, a_segment_replaces_what_it_names_and_keeps_the_rest) {
  const auto policy = parsed(default_document());
  ASSERT_NE(policy, nullptr);
  const auto first_reply = static_cast<std::size_t>(ClockId::kFirstReply);
  const auto urgent = static_cast<std::size_t>(Priority::kUrgent);
  EXPECT_EQ(policy->segment("priority").clocks[first_reply].target_us[urgent], 30 * kMinute);
  EXPECT_EQ(policy->segment("priority").clocks[first_reply].warn_ppm, 800'000);
  EXPECT_EQ(&policy->segment("unheard of"), &policy->segment(""));
  EXPECT_EQ(policy->segment("").clocks[first_reply].target_us[urgent], kHour);
}

TEST(PolicyExamples, valid_ones_are_accepted) {
  for (const auto& path : examples("valid")) {
    SCOPED_TRACE(path.filename());
    (void)parsed(base::merged(default_document(), tree_of(path)));
  }
}

TEST(PolicyExamples, invalid_ones_are_refused_and_the_message_names_the_path) {
  constexpr std::string_view kExpect = "# expect: ";
  const auto paths = examples("invalid");
  EXPECT_GT(paths.size(), 70U);
  for (const auto& path : paths) {
    const std::string text = text_of(path);
    ASSERT_TRUE(text.starts_with(kExpect)) << path;
    const std::string expected = text.substr(kExpect.size(), text.find('\n') - kExpect.size());
    const auto policy = Policy::parse(base::merged(default_document(), tree_of(path)));
    ASSERT_FALSE(policy.ok()) << path << " is accepted";
    const std::string& message = policy.error().message;
    EXPECT_TRUE(message.starts_with(expected + " (line ")) << path << "\n" << message;
  }
}

TEST(PolicyExamples, rules_that_are_off_or_absent_do_not_exist) {
  const auto policy =
      parsed(base::merged(default_document(), tree_of(kSchemas / "examples/policy/valid/rules_off.yaml")));
  ASSERT_NE(policy, nullptr);
  const SegmentPolicy& plain = policy->segment("");
  EXPECT_FALSE(plain.case_rules[static_cast<std::size_t>(CaseRule::kReviewUnanswered)].exists);
  EXPECT_FALSE(plain.customer_rules[static_cast<std::size_t>(CustomerRule::kBriberyPattern)].exists);
  EXPECT_TRUE(plain.case_rules[static_cast<std::size_t>(CaseRule::kPriceFault)].exists);
  Value document = default_document();
  document.map()->at("alerts").map()->at("case").map()->erase("PRICE_FAULT");
  EXPECT_FALSE(parsed(document)->segment("").case_rules[static_cast<std::size_t>(CaseRule::kPriceFault)].exists);
}

TEST(PolicyExamples, segments_have_their_own_numbers) {
  const auto policy =
      parsed(base::merged(default_document(), tree_of(kSchemas / "examples/policy/valid/segments.yaml")));
  ASSERT_NE(policy, nullptr);
  const auto broken = static_cast<std::size_t>(CaseRule::kPromiseBroken);
  EXPECT_EQ(policy->segment("vip").case_rules[broken].hold_us, 0);
  EXPECT_FALSE(policy->segment("wholesale").case_rules[broken].exists);
  EXPECT_TRUE(policy->segment("priority").case_rules[broken].exists);
  EXPECT_TRUE(policy->segment("wholesale").evidence[static_cast<std::size_t>(Kind::kCheckingUp)].rows.empty());
  EXPECT_EQ(
      policy->segment("wholesale").evidence[static_cast<std::size_t>(Kind::kPromiseLate)].rows[0].relief->at(172'800),
      250'000);
}

// ------------------------------------------------------------------------------------- every value that can be missing

/// Paths of all members of maps, at any depth.
void list_members(const Value& value, std::vector<std::string> path, std::vector<std::vector<std::string>>& paths) {
  if (value.map() == nullptr) return;
  for (const auto& [key, member] : *value.map()) {
    path.push_back(key);
    paths.push_back(path);
    list_members(member, path, paths);
    path.pop_back();
  }
}

/// The default policy with a few kinds of findings: what holds for their rows holds for all.
const Value& small_document() {
  static const Value document = [] {
    Value small = default_document();
    std::erase_if(*small.map()->at("evidence").map(), [](const auto& kind) {
      return kind.first != "promise_late" && kind.first != "stars" && kind.first != "not_in_full" &&
             kind.first != "effort";
    });
    return small;
  }();
  return document;
}

std::string joined(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& key : path) text += (text.empty() ? "" : ".") + key;
  return text;
}

/// What a policy may leave out: curves that no row uses, kinds and their class weights, rules and what only some have,
/// its own names.
bool is_optional(const std::vector<std::string>& path) {
  if (path.size() < 2) return false;
  const std::string& section = path.front();
  const std::string& last = path.back();
  if (section == "curves") return last != "notice" && last != "share";
  if (section == "evidence") return last != "rows";
  if (section == "alerts" && path[1] != "severity") return path.size() == 3 || last == "escalate" || last == "hold";
  return section == "segments";
}

TEST(Policy, every_value_that_is_missing_is_asked_for_by_its_path) {
  std::vector<std::vector<std::string>> paths;
  list_members(small_document(), {}, paths);
  std::size_t required = 0;
  for (const auto& path : paths) {
    Value document = small_document();
    Value* parent = &document;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) parent = &parent->map()->at(path[i]);
    parent->map()->erase(path.back());
    const auto policy = Policy::parse(document);
    if (is_optional(path)) {
      EXPECT_TRUE(policy.ok()) << joined(path) << ": " << policy.error().message;
      continue;
    }
    ++required;
    ASSERT_FALSE(policy.ok()) << joined(path) << " can be left out";
    if (joined(path) == "calendars.support" || path.front() == "curves") continue;  // asked for where they are used
    EXPECT_TRUE(policy.error().message.starts_with(joined(path))) << policy.error().message;
  }
  EXPECT_GT(required, 150U);
}

TEST(Policy, every_value_of_a_wrong_type_is_refused_by_its_path) {
  std::vector<std::vector<std::string>> paths;
  list_members(small_document(), {}, paths);
  for (const auto& path : paths) {
    for (const Value& wrong :
         {Value(), Value(Value::List{Value(Value::List{})}), Value("\x7fnonsense"), Value(std::int64_t{-9})}) {
      Value document = small_document();
      Value* value = &document;
      for (const std::string& key : path) value = &value->map()->at(key);
      *value = wrong;
      if (joined(path) == "complaints.thanks" && wrong.integer() != nullptr) continue;  // may be negative
      const auto policy = Policy::parse(document);
      ASSERT_FALSE(policy.ok()) << joined(path) << " may be " << wrong.kind_name();
      EXPECT_TRUE(policy.error().message.starts_with(joined(path))) << policy.error().message;
    }
  }
}

TEST(Policy, an_unknown_key_is_refused_at_any_depth) {
  std::vector<std::vector<std::string>> paths;
  list_members(small_document(), {}, paths);
  for (const auto& path : paths) {
    Value document = small_document();
    Value* value = &document;
    for (const std::string& key : path) value = &value->map()->at(key);
    if (value->map() == nullptr) continue;
    value->map()->emplace("unheard_of", std::int64_t{1});
    const auto policy = Policy::parse(document);
    ASSERT_FALSE(policy.ok()) << joined(path);
    EXPECT_TRUE(policy.error().message.starts_with(joined(path) + ".unheard_of")) << policy.error().message;
  }
}

}  // namespace
}  // namespace troth::operators
