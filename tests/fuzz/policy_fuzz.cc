// Any text as a policy, and as an overlay over the built-in one, by which short inputs reach deep. What YAML accepts
// must come back equal from its canonical JSON; what the policy accepts must keep its hash.
#include "engine/app/policy_source.h"
#include "engine/app/yaml.h"
#include "engine/base/value.h"
#include "operators/policy/policy.h"
#include "tests/fuzz/fuzz.h"

namespace troth::fuzz {
namespace {

void check_document(const base::Value& document) {
  const std::string canonical = base::canonical_json(document);
  const auto policy = operators::Policy::parse(document);
  if (!policy) {
    require_readable(policy.error().message);
    return;
  }
  const auto again = app::read_yaml(canonical, "canonical");
  require(again.ok(), "the canonical JSON of a policy is YAML");
  require(*again == document, "the canonical JSON of a policy says the same");
  const auto same = operators::Policy::parse(*again);
  require(same.ok(), "the canonical JSON of a policy is a policy");
  require((*same)->hash() == (*policy)->hash(), "the hash of a policy is stable");
}

void check(std::string_view text) {
  static const base::Value built_in = [] {
    auto read = app::read_yaml(app::default_policy_yaml(), "built-in");
    require(read.ok(), "the built-in policy is YAML");
    return *read;
  }();
  const auto document = app::read_yaml(text, "fuzz");
  if (!document) {
    require_readable(document.error().message);
    require(document.error().message.starts_with("fuzz:"), "an error names the file");
    return;
  }
  check_document(*document);
  check_document(base::merged(built_in, *document));
}

}  // namespace
}  // namespace troth::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troth::fuzz::check(troth::fuzz::view(data, size));
  return 0;
}
