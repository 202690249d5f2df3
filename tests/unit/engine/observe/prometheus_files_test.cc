// The files of deploy/prometheus: valid, tested, and about metrics that there are.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "engine/observe/metric_names.h"
#include "tests/unit/engine/observe/promtool.h"

namespace troth::observe {
namespace {

const std::string kDirectory = TROTH_SOURCE_DIR "/deploy/prometheus/";

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Every word of a text that follows `before`, the words of `[A-Za-z0-9_]`; with `keeps`, `before` is part of the word.
std::vector<std::string> words_behind(const std::string& text, const std::string& before, bool keeps) {
  std::vector<std::string> words;
  for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
    const std::size_t begin = at + before.size();
    std::size_t end = begin;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    words.push_back(keeps ? text.substr(at, end - at) : text.substr(begin, end - begin));
  }
  return words;
}

TEST(PrometheusFiles, configuration_and_rules_are_valid) {
  TROTH_NEEDS_PROMTOOL();
  for (const char* command : {"config prometheus.yml", "rules alerts.yml"}) {
    const CommandResult result = run("cd '" + kDirectory + "' && promtool check " + command);
    EXPECT_EQ(result.status, 0) << result.output;
  }
}

TEST(PrometheusFiles, rules_fire_when_they_should_and_not_otherwise) {
  TROTH_NEEDS_PROMTOOL();
  const CommandResult result = run("cd '" + kDirectory + "' && promtool test rules alerts_test.yml");
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST(PrometheusFiles, every_rule_has_a_test) {
  const std::string rules = text_of(kDirectory + "alerts.yml");
  const std::string tests = text_of(kDirectory + "alerts_test.yml");
  const std::vector<std::string> names = words_behind(rules, "- alert: ", false);
  EXPECT_GE(names.size(), 4U);
  for (const std::string& name : names) {
    EXPECT_NE(tests.find("alertname: " + name + "\n        exp_alerts:\n"), std::string::npos)
        << name << " never fires in a test";
  }
}

TEST(PrometheusFiles, every_metric_that_rules_speak_of_exists) {
  std::set<std::string> names;
  for (const MetricSpec& spec : metric::kAll) names.insert(spec.name);
  const std::vector<std::string> metrics = words_behind(text_of(kDirectory + "alerts.yml"), "troth_", true);
  EXPECT_GE(metrics.size(), 4U);
  for (const std::string& metric : metrics) EXPECT_EQ(names.count(metric), 1U) << metric;
}

}  // namespace
}  // namespace troth::observe
