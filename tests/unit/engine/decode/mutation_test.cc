// Damaged messages, tens of thousands of them from a fixed seed: the decoder never crashes, what it accepts is valid
// through and through, and on what is JSON it agrees with a second parser that shares no code with it.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/decode/decoder.h"
#include "engine/event/codec.h"
#include "operators/catalogue/catalogue.h"
#include "tests/unit/engine/decode/messages.h"

namespace troth::decode {
namespace {

constexpr int kMutations = 40'000;

/// Whether keys are distinct everywhere and nesting is at most 64 levels; the slow and obvious way.
bool is_allowed(simdjson::dom::element element, int level) {
  simdjson::dom::object object;
  simdjson::dom::array array;
  if (element.get(object) == simdjson::SUCCESS) {
    if (level > 64) return false;
    std::set<std::string_view> keys;
    for (const auto member : object) {
      if (!keys.insert(member.key).second || !is_allowed(member.value, level + 1)) return false;
    }
  } else if (element.get(array) == simdjson::SUCCESS) {
    if (level > 64) return false;
    for (const auto each : array) {
      if (!is_allowed(each, level + 1)) return false;
    }
  }
  return true;
}

/// What simdjson's DOM says; nothing where it may refuse a number for its size, which JSON allows.
std::optional<bool> second_opinion(simdjson::dom::parser& parser, const std::string& text) {
  simdjson::dom::element element;
  const simdjson::error_code error = parser.parse(text).get(element);
  if (error == simdjson::NUMBER_ERROR) return std::nullopt;
  return error == simdjson::SUCCESS && element.is_object() && is_allowed(element, 1);
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  void damage(std::string& text) {
    static const std::vector<std::string> kPieces = {"\"",
                                                     "\\",
                                                     "{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     ",",
                                                     ":",
                                                     "\\u00",
                                                     "\\ud83d",
                                                     "\\ude00",
                                                     "\\u0061",
                                                     "null",
                                                     "true",
                                                     "NaN",
                                                     "-",
                                                     "1e9",
                                                     "0.5",
                                                     "00",
                                                     "\x80",
                                                     "\xC3",
                                                     "\xF0\x9F\x98\x80",
                                                     "\xEF\xBB\xBF",
                                                     std::string(1, '\0'),
                                                     "\x1f",
                                                     "\x7f",
                                                     "\"id\":1,",
                                                     "\"data\":null,",
                                                     "\"a\":{\"a\":{}},",
                                                     "[[[[[[[[[[[[",
                                                     "99999999999999999999",
                                                     " ",
                                                     "\n"};
    const std::size_t at = below(text.size() + 1);
    switch (below(6)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 1: text.erase(at, 1 + below(4)); break;
      case 2: text.insert(at, kPieces[below(kPieces.size())]); break;
      case 3: text.insert(at, text.substr(below(text.size() + 1), below(40))); break;  // keys twice
      case 4: text.resize(at); break;
      default:
        if (at < text.size()) text.replace(at, 1, kPieces[below(kPieces.size())]);
    }
  }

 private:
  std::mt19937_64 random_;
};

void expect_valid(Decoder& decoder, const Decoded& decoded) {
  const event::Event& event = *decoded.event;
  ASSERT_EQ(decoded.merge_time, event.time);
  const std::string shown = event::structured_json(event);
  const Decoded again = decoder.structured(shown);
  ASSERT_TRUE(again.event.has_value()) << shown;
  ASSERT_TRUE(event::canonical_order(event, *again.event) == 0) << shown;
  base::ByteWriter out;
  event::encode_event(out, event);
  base::ByteReader in(out.bytes());
  ASSERT_TRUE(event::decode_event(in, operators::catalogue(), event.tenant, event.subject).has_value()) << shown;
}

TEST(DamagedMessages, never_crash_and_are_judged_as_a_second_parser_judges) {
  Mutator mutator(20'260'105);
  Decoder decoder(operators::catalogue());
  JsonReader reader;
  simdjson::dom::parser parser;
  const std::vector<std::string> seeds = valid_messages();
  int accepted = 0;
  int well_formed = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::string text = seeds[mutator.below(seeds.size())];
    for (std::size_t damages = 1 + mutator.below(3); damages > 0; --damages) mutator.damage(text);
    const Decoded decoded = decoder.structured(text);
    ASSERT_NE(decoded.event.has_value(), decoded.rejection.has_value());
    const bool is_object = reader.read(text, 0) && reader.nodes().front().kind == JsonKind::kObject;
    ASSERT_EQ(is_object, second_opinion(parser, text).value_or(is_object)) << text;
    const bool has_no_object =
        decoded.rejection && decoded.rejection->field.empty() && decoded.rejection->reason == event::Reason::kMalformed;
    ASSERT_EQ(is_object, !has_no_object) << text;
    if (decoded.event) expect_valid(decoder, decoded);
    if (HasFatalFailure()) return;
    accepted += decoded.event ? 1 : 0;
    well_formed += is_object ? 1 : 0;
  }
  EXPECT_GT(accepted, kMutations / 50);  // the damage is not so great that nothing is tested
  EXPECT_GT(well_formed, accepted);
  EXPECT_LT(well_formed, kMutations / 2);
}

TEST(DamagedMessages, never_crash_in_binary_mode) {
  Mutator mutator(7);
  Decoder decoder(operators::catalogue());
  for (int i = 0; i < kMutations / 4; ++i) {
    std::vector<std::pair<std::string, std::string>> headers = {
        {"ce_specversion", "1.0"}, {"ce_source", "shop"},       {"ce_id", "e1"},
        {"ce_subject", "c1"},      {"ce_type", "order.placed"}, {"ce_time", "2026-01-05T09:00:00Z"}};
    std::string value = R"({"order_id":"o1","total_minor":5000,"labels":{"team":"north"}})";
    mutator.damage(mutator.below(2) == 0 ? value : headers[mutator.below(headers.size())].second);
    if (mutator.below(4) == 0) mutator.damage(headers[mutator.below(headers.size())].first);
    const Decoded decoded = decoder.binary(headers, value);
    ASSERT_NE(decoded.event.has_value(), decoded.rejection.has_value());
    if (decoded.event) expect_valid(decoder, decoded);
    if (HasFatalFailure()) return;
  }
}

TEST(DamagedMessages, every_cut_of_every_example_is_refused) {
  Decoder decoder(operators::catalogue());
  for (const std::string& message : valid_messages()) {
    if (message.size() > 4'000) continue;
    const std::size_t end = message.find_last_of('}');
    for (std::size_t size = 0; size <= end; ++size) {
      const Decoded decoded = decoder.structured(std::string_view(message).substr(0, size));
      ASSERT_TRUE(decoded.rejection.has_value());
      ASSERT_EQ(decoded.rejection->reason, event::Reason::kMalformed);
      ASSERT_EQ(decoded.rejection->field, "");
    }
  }
}

}  // namespace
}  // namespace troth::decode
