// Canonical content and order, and the form in which an event is shown again.
#include "engine/event/event.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/event/small_catalogue.h"

namespace troth::event {
namespace {

TEST(Reason, has_the_name_that_dead_letters_show) {
  EXPECT_EQ(reason_name(Reason::kTooLarge), "too_large");
  EXPECT_EQ(reason_name(Reason::kMalformed), "malformed");
  EXPECT_EQ(reason_name(Reason::kUnknownType), "unknown_type");
  EXPECT_EQ(reason_name(Reason::kBadTime), "bad_time");
  EXPECT_EQ(reason_name(Reason::kMissingField), "missing_field");
  EXPECT_EQ(reason_name(Reason::kBadValue), "bad_value");
  EXPECT_EQ(reason_name(Reason::kErased), "erased");
  EXPECT_EQ(reason_name(Reason::kFuture), "future");
  EXPECT_EQ(reason_name(Reason::kLate), "late");
  EXPECT_EQ(reason_name(Reason::kCap), "cap");
  EXPECT_EQ(reason_name(Reason::kConflict), "conflict");
}

TEST(Catalogue, finds_types_by_their_whole_name) {
  ASSERT_NE(small_catalogue().find("thing.gone"), nullptr);
  EXPECT_EQ(small_catalogue().find("thing.gone")->rank, 1);
  EXPECT_EQ(small_catalogue().find("thing"), nullptr);
  EXPECT_EQ(small_catalogue().find(""), nullptr);
}

TEST(CanonicalContent, sorts_fields_by_name_and_writes_times_as_numbers) {
  EXPECT_EQ(canonical_content(thing_made()),
            R"([{"amount":-5,"answers":[{"dimension":"warmth","score":7,"weight":1000},)"
            R"({"dimension":"speed","score":1,"weight":1}],"colour":"blue","due_at":86400000000,"is_new":true,)"
            R"("name":"a \"name\"","until":172800000000},{"carrier":"dhl","region":"süd"}])");
}

TEST(CanonicalContent, of_nothing_is_two_empty_objects) { EXPECT_EQ(canonical_content(thing_gone()), "[{},{}]"); }

TEST(CanonicalContent, does_not_fill_in_what_was_not_said) {
  Event event = thing_gone();
  event.fields = {textual(kName, "x")};
  EXPECT_EQ(canonical_content(event), R"([{"name":"x"},{}])");
}

TEST(CanonicalOrder, is_time_then_rank_then_source_then_id_then_content) {
  const Event base = thing_gone();
  const auto is_before = [&base](const auto& change) {
    Event other = base;
    change(other);
    return canonical_order(base, other) < 0 && canonical_order(other, base) > 0;
  };
  EXPECT_TRUE(
      is_before([](Event& e) { e.time += 1, e.source = "a", e.id = "a", e.spec = &small_catalogue().types[0]; }));
  Event lower_rank = base;
  lower_rank.spec = &small_catalogue().types[0];
  lower_rank.source = "z";
  EXPECT_TRUE(canonical_order(lower_rank, base) < 0);
  EXPECT_TRUE(is_before([](Event& e) { e.source = "shop2", e.id = "a"; }));
  EXPECT_TRUE(is_before([](Event& e) { e.id = "e10"; }));
  Event labelled = base;
  labelled.labels = {{"a", "b"}};
  EXPECT_TRUE(canonical_order(labelled, base) < 0);  // {"a… before {}: the quote is less than the brace
}

TEST(CanonicalOrder, compares_strings_as_bytes) {
  Event z = thing_gone();
  z.source = "z";
  Event umlaut = thing_gone();
  umlaut.source = "ä";  // a byte above 127 sorts after every ASCII character
  EXPECT_TRUE(canonical_order(z, umlaut) < 0);
  Event upper = thing_gone();
  upper.source = "Z";
  EXPECT_TRUE(canonical_order(upper, z) < 0);
}

TEST(CanonicalOrder, of_contents_is_that_of_their_json_and_not_of_their_numbers) {
  Event nine = thing_made();
  nine.fields[2].number = 9;
  Event ten = thing_made();
  ten.fields[2].number = 10;
  EXPECT_TRUE(canonical_order(ten, nine) < 0);  // "10" < "9"
}

TEST(CanonicalOrder, takes_events_that_differ_in_origin_or_customer_only_for_duplicates) {
  Event other = thing_made();
  other.origin = {};
  EXPECT_EQ(canonical_order(thing_made(), other), std::strong_ordering::equal);
}

TEST(StructuredJson, writes_times_as_text_and_the_attributes_in_order) {
  EXPECT_EQ(structured_json(thing_made()),
            R"({"data":{"amount":-5,"answers":[{"dimension":"warmth","score":7,"weight":1000},)"
            R"({"dimension":"speed","score":1,"weight":1}],"colour":"blue","due_at":"1970-01-02T00:00:00.000000Z",)"
            R"("is_new":true,"labels":{"carrier":"dhl","region":"süd"},"name":"a \"name\"",)"
            R"("until":"1970-01-03T00:00:00.000000Z"},"id":"e1","source":"shop","specversion":"1.0","subject":"c1",)"
            R"("tenantid":"default","time":"1970-01-01T00:00:05.000000Z","type":"thing.made"})");
}

TEST(StructuredJson, leaves_out_empty_data) {
  EXPECT_EQ(structured_json(thing_gone()),
            R"({"id":"e1","source":"shop","specversion":"1.0","subject":"c1","tenantid":"default",)"
            R"("time":"1970-01-01T00:00:05.000000Z","type":"thing.gone"})");
}

TEST(Event, answers_otherwise_for_what_it_does_not_have) {
  const Event event = thing_made();
  EXPECT_EQ(event.number(kAmount, 7), -5);
  EXPECT_EQ(event.text(kName), "a \"name\"");
  EXPECT_EQ(thing_gone().number(kAmount, 7), 7);
  EXPECT_EQ(thing_gone().text(kName), "");
  EXPECT_FALSE(thing_gone().has(kName));
  EXPECT_EQ(event.name(), "shop e1");
}

TEST(Event, counts_the_bytes_that_it_holds) {
  Event event = thing_gone();
  const std::size_t before = event.bytes();
  event.id = std::string(100, 'x');
  EXPECT_GE(event.bytes(), before + 100);
  event.labels.emplace_back("key", std::string(100, 'x'));
  EXPECT_GE(event.bytes(), before + 200);
}

}  // namespace
}  // namespace troth::event
