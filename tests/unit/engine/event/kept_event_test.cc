// Kept events: packed, they say what they said before.
#include "engine/event/kept_event.h"

#include <gtest/gtest.h>

#include "engine/event/codec.h"
#include "tests/unit/engine/event/small_catalogue.h"

namespace troth::event {
namespace {

TEST(KeptEvent, holds_what_is_stored_of_the_event) {
  for (const Event& event : {thing_made(), thing_gone()}) {
    base::ByteWriter out;
    encode_event(out, event);
    EXPECT_EQ(KeptEvent(event).stored(), out.bytes());
  }
}

TEST(KeptEvent, reads_as_the_event_does) {
  const Event event = thing_made();
  const KeptEvent kept(event);
  EXPECT_EQ(kept.spec, event.spec);
  EXPECT_EQ(kept.time, event.time);
  EXPECT_EQ(kept.name(), event.name());
  for (std::uint8_t field = 0; field <= kAnswers; ++field) {
    EXPECT_EQ(kept.has(field), event.has(field)) << int{field};
    if (field == kAnswers) continue;
    EXPECT_EQ(kept.number(field, 99), event.number(field, 99)) << int{field};
    EXPECT_EQ(kept.text(field), event.text(field)) << int{field};
  }
  EXPECT_EQ(kept.items(kAnswers), event.find(kAnswers)->items);
  EXPECT_TRUE(kept.items(kDueDate).empty());
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [key, value] : kept.labels()) labels.emplace_back(key, value);
  EXPECT_EQ(labels, event.labels);
}

TEST(KeptEvent, unpacks_to_the_event_it_was) {
  for (const Event& event : {thing_made(), thing_gone()}) {
    const Event again = KeptEvent(event).unpacked(event.tenant, event.subject);
    EXPECT_EQ(structured_json(again), structured_json(event));
    EXPECT_EQ(again.fields, event.fields);
    EXPECT_EQ(again.labels, event.labels);
    EXPECT_EQ(again.origin.input, event.origin.input);
    EXPECT_EQ(again.origin.partition, event.origin.partition);
    EXPECT_EQ(again.origin.offset, event.origin.offset);
  }
}

TEST(KeptEvent, keeps_fields_in_the_order_it_was_given_them) {
  Event event = thing_made();
  std::swap(event.fields.front(), event.fields.back());
  const KeptEvent kept(event);
  EXPECT_EQ(kept.text(kName), "a \"name\"");
  EXPECT_EQ(kept.items(kAnswers), event.find(kAnswers)->items);
  EXPECT_EQ(kept.unpacked("default", "c1").fields, event.fields);
}

TEST(KeptEvent, keeps_labels_and_ids_of_the_greatest_length) {
  Event event = thing_made();
  event.fields[0].text = std::string(128, 'n');
  event.labels = {{std::string(32, 'k'), std::string(128, 'v')}, {"z", "last"}};
  const KeptEvent kept(event);
  EXPECT_EQ(kept.text(kName), std::string(128, 'n'));
  EXPECT_EQ(kept.unpacked("default", "c1").labels, event.labels);
}

TEST(KeptEvent, survives_being_moved) {
  KeptEvent kept(thing_made());
  const KeptEvent moved = std::move(kept);
  EXPECT_EQ(moved.text(kName), "a \"name\"");
  EXPECT_EQ(moved.name(), "shop e1");
}

TEST(KeptEvent, is_ordered_as_the_event_is) {
  std::vector<Event> events(8, thing_made());
  events[1].time += 1;
  events[2] = thing_gone();
  events[3].source = "a";
  events[4].id = "e0";
  events[5].fields[2].number = 10;
  events[6].labels.pop_back();
  events[7].origin.offset += 1;  // where it stood makes it no other event
  for (const Event& a : events) {
    for (const Event& b : events) {
      EXPECT_TRUE(canonical_order(KeptEvent(a), KeptEvent(b)) == canonical_order(a, b));
    }
  }
}

}  // namespace
}  // namespace troth::event
