// The examples beside the schemas, the schemas themselves and the golden scenarios: all say what the decoder says.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/decode/decoder.h"
#include "engine/event/codec.h"
#include "operators/catalogue/catalogue.h"
#include "tests/unit/engine/decode/messages.h"

namespace troth::decode {
namespace {

std::string verdict(const Decoded& decoded) {
  EXPECT_NE(decoded.event.has_value(), decoded.rejection.has_value());
  return decoded.rejection ? std::string(event::reason_name(decoded.rejection->reason)) : "";
}

TEST(Examples, every_valid_one_is_an_event_of_the_type_in_its_name) {
  Decoder decoder(operators::catalogue());
  std::set<std::string_view> seen;
  for (const auto& path : json_files(examples("valid"))) {
    const Decoded decoded = decoder.structured(read_file(path));
    ASSERT_EQ(verdict(decoded), "") << path << ' ' << decoded.rejection->field;
    EXPECT_TRUE(path.filename().string().starts_with(std::string(decoded.event->spec->name) + '.')) << path;
    EXPECT_EQ(decoded.merge_time, decoded.event->time);
    seen.insert(decoded.event->spec->name);
  }
  EXPECT_EQ(seen.size(), operators::kTypeCount);
}

TEST(Examples, every_invalid_one_is_refused_for_the_reason_in_its_name) {
  Decoder decoder(operators::catalogue());
  std::set<std::string> seen;
  for (const auto& path : json_files(examples("invalid"))) {
    const InvalidExample example = invalid_example(path);
    EXPECT_TRUE(path.filename().string().starts_with(example.reason + '-')) << path;
    const Decoded decoded = decoder.structured(example.message);
    EXPECT_EQ(verdict(decoded), example.reason) << path;
    ASSERT_TRUE(decoded.rejection.has_value()) << path;
    EXPECT_EQ(decoded.rejection->field, example.field) << path;
    seen.insert(example.reason);
  }
  EXPECT_EQ(seen.size(), 6U);  // every reason that one event alone can give
}

TEST(Examples, every_valid_one_survives_being_shown_and_being_stored) {
  Decoder decoder(operators::catalogue());
  for (const std::string& message : valid_messages()) {
    const Decoded first = decoder.structured(message);
    ASSERT_TRUE(first.event.has_value());
    const std::string shown = event::structured_json(*first.event);
    const Decoded again = decoder.structured(shown);
    ASSERT_TRUE(again.event.has_value()) << shown;
    EXPECT_EQ(event::structured_json(*again.event), shown);
    EXPECT_TRUE(event::canonical_order(*first.event, *again.event) == 0) << shown;

    base::ByteWriter out;
    event::encode_event(out, *first.event);
    base::ByteReader in(out.bytes());
    const auto stored = event::decode_event(in, operators::catalogue(), first.event->tenant, first.event->subject);
    ASSERT_TRUE(stored.has_value()) << shown;
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(event::structured_json(*stored), shown);
  }
}

TEST(Examples, stored_bytes_that_are_damaged_are_nothing_or_a_valid_event) {
  Decoder decoder(operators::catalogue());
  for (const std::string& message : valid_messages()) {
    const Decoded first = decoder.structured(message);
    base::ByteWriter out;
    event::encode_event(out, *first.event);
    const std::string& good = out.bytes();
    for (std::size_t at = 0; at < good.size(); ++at) {
      base::ByteReader cut(std::string_view(good).substr(0, at));
      EXPECT_FALSE(event::decode_event(cut, operators::catalogue(), "t", "c").has_value());
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
        base::ByteReader in(bytes);
        const auto read = event::decode_event(in, operators::catalogue(), "t", "c");
        if (!read) continue;
        base::ByteWriter rewritten;
        event::encode_event(rewritten, *read);
        base::ByteReader second(rewritten.bytes());
        ASSERT_TRUE(event::decode_event(second, operators::catalogue(), "t", "c").has_value());
      }
    }
  }
}

TEST(Schemas, name_the_types_and_the_fields_of_the_catalogue) {
  for (const event::TypeSpec& type : operators::catalogue().types) {
    const auto path = std::filesystem::path(TROTH_SOURCE_DIR) / "schemas/events" / (std::string(type.name) + ".json");
    simdjson::dom::parser parser;
    const simdjson::dom::element schema = parser.load(path.string());
    const std::string rank = "Rank " + std::to_string(type.rank) + " in the canonical order.";
    EXPECT_TRUE(std::string(std::string_view(schema["$comment"])).starts_with(rank)) << path;

    std::set<std::string> in_schema;
    std::set<std::string> required_in_schema;
    simdjson::dom::element data;
    if (schema["properties"]["data"].get(data) == simdjson::SUCCESS) {
      simdjson::dom::object properties;
      if (data["properties"].get(properties) == simdjson::SUCCESS) {
        for (const auto member : properties) in_schema.emplace(member.key);
      }
      simdjson::dom::array required;
      if (data["required"].get(required) == simdjson::SUCCESS) {
        for (const auto name : required) required_in_schema.emplace(std::string_view(name));
      }
    }
    std::set<std::string> in_catalogue;
    std::set<std::string> required_in_catalogue;
    for (const event::FieldSpec& field : type.fields) {
      const bool is_due = field.name.starts_with("due_");  // in common.json
      if (!is_due) in_catalogue.emplace(field.name);
      if (field.required) required_in_catalogue.emplace(field.name);
    }
    EXPECT_EQ(in_schema, in_catalogue) << path;
    EXPECT_EQ(required_in_schema, required_in_catalogue) << path;
  }
}

/// The dead letters of a scenario that rows 1 to 5 of validation give, by line (from 1): "reason:field".
std::map<std::int64_t, std::string> expected_rejections(simdjson::dom::element scenario) {
  static const std::set<std::string_view> kOfOneEvent = {"too_large", "malformed",     "unknown_type",
                                                         "bad_time",  "missing_field", "bad_value"};
  std::map<std::int64_t, std::string> expected;
  for (const auto letter : simdjson::dom::array(scenario["dead_letters"])) {
    const std::string_view reason = letter["reason"];
    if (!kOfOneEvent.contains(reason)) continue;
    std::string_view field;
    if (letter["field"].get(field) != simdjson::SUCCESS) field = {};
    expected[std::int64_t(letter["line"])] = std::string(reason) + ':' + std::string(field);
  }
  return expected;
}

std::vector<std::string> messages_of(const std::filesystem::path& path) {
  const simdjson::padded_string text(read_file(path));
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document = parser.iterate(text);
  std::vector<std::string> messages;
  for (auto element : document["events"].get_array()) messages.push_back(message_of(element.value()));
  return messages;
}

TEST(GoldenScenarios, have_the_dead_letters_that_one_event_alone_gives) {
  const std::filesystem::path folder = golden_folder();
  if (folder.empty())
    GTEST_SKIP() << "no golden scenarios: put them at tests/golden or name their folder in TROTH_VECTORS";
  Decoder decoder(operators::catalogue());
  std::size_t rejected = 0;
  for (const auto& path : json_files(folder)) {
    simdjson::dom::parser parser;
    const auto expected = expected_rejections(parser.load(path.string()));
    std::int64_t line = 0;
    for (const std::string& message : messages_of(path)) {
      ++line;
      const Decoded decoded = decoder.structured(message);
      const auto found = expected.find(line);
      const std::string wanted = found == expected.end() ? "" : found->second;
      const std::string given = decoded.rejection ? verdict(decoded) + ':' + decoded.rejection->field : "";
      EXPECT_EQ(given, wanted) << path << ':' << line;
    }
    rejected += expected.size();
  }
  EXPECT_GT(rejected, 10U);
}

}  // namespace
}  // namespace troth::decode
