// The stored form: what is written is read, and damaged bytes are nothing or a valid event.
#include "engine/event/codec.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/event/small_catalogue.h"

namespace troth::event {
namespace {

std::string encoded(const Event& event) {
  base::ByteWriter out;
  encode_event(out, event);
  return std::move(out).take();
}

std::optional<Event> decoded(std::string_view bytes) {
  base::ByteReader in(bytes);
  return decode_event(in, small_catalogue(), "default", "c1");
}

void expect_round_trip(const Event& event) {
  const std::optional<Event> read = decoded(encoded(event));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(structured_json(*read), structured_json(event));
  EXPECT_EQ(read->fields, event.fields);
  EXPECT_EQ(read->labels, event.labels);
  EXPECT_EQ(read->origin.input, event.origin.input);
  EXPECT_EQ(read->origin.partition, event.origin.partition);
  EXPECT_EQ(read->origin.offset, event.origin.offset);
}

/// Whether it can be written again, and read again as the same.
void expect_valid(const Event& event) {
  EXPECT_GE(event.time, 0);
  EXPECT_LT(event.time, kEndOfTime);
  EXPECT_NE(event.number(kAmount), 13);
  EXPECT_FALSE(structured_json(event).empty());
  expect_round_trip(event);
}

TEST(Codec, what_is_written_is_read) {
  expect_round_trip(thing_made());
  expect_round_trip(thing_gone());
}

TEST(Codec, reads_one_event_and_leaves_the_rest) {
  const std::string bytes = encoded(thing_made()) + encoded(thing_gone()) + "tail";
  base::ByteReader in(bytes);
  EXPECT_TRUE(decode_event(in, small_catalogue(), "default", "c1").has_value());
  EXPECT_TRUE(decode_event(in, small_catalogue(), "default", "c1").has_value());
  EXPECT_EQ(in.rest(), "tail");
}

TEST(Codec, every_cut_is_noticed) {
  const std::string bytes = encoded(thing_made());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decoded(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
}

TEST(Codec, every_changed_byte_gives_nothing_or_a_valid_event) {
  const std::string good = encoded(thing_made());
  std::size_t read = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(value);
      if (const auto event = decoded(bytes)) {
        expect_valid(*event);
        ++read;
      }
    }
  }
  EXPECT_GT(read, good.size());  // at least the bytes that stayed as they were
}

TEST(Codec, refuses_what_the_catalogue_does_not_have) {
  std::string unknown_type = encoded(thing_gone());
  unknown_type[0] = 2;
  EXPECT_FALSE(decoded(unknown_type).has_value());
  Event field_of_another_type = thing_made();
  field_of_another_type.fields = {textual(kName, "x"), numeric(kAmount, 1)};
  std::string bytes = encoded(field_of_another_type);
  bytes[0] = 1;
  EXPECT_FALSE(decoded(bytes).has_value());
}

TEST(Codec, refuses_what_the_decoder_would_have_refused) {
  const auto reads = [](const auto& change) {
    Event event = thing_made();
    change(event);
    return decoded(encoded(event)).has_value();
  };
  EXPECT_TRUE(reads([](Event&) {}));
  EXPECT_FALSE(reads([](Event& e) { e.time = kEndOfTime; }));
  EXPECT_FALSE(reads([](Event& e) { e.source = "a b"; }));
  EXPECT_FALSE(reads([](Event& e) { e.id = ""; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[0].text = "a\nb"; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[1].number = 2; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[2].number = 1001; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[2].number = 13; }));  // the check of the type
  EXPECT_FALSE(reads([](Event& e) { e.fields[3].number = 3; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[4].number = e.time - 1; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[5].number = -1; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[6].items[0].dimension = 2; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[6].items[0].score = 8; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[6].items[0].weight = 1001; }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[6].items.clear(); }));
  EXPECT_FALSE(reads([](Event& e) { e.fields.erase(e.fields.begin()); }));      // required
  EXPECT_FALSE(reads([](Event& e) { e.fields.erase(e.fields.begin() + 4); }));  // due_at
  EXPECT_FALSE(reads([](Event& e) { std::swap(e.fields[1], e.fields[2]); }));
  EXPECT_FALSE(reads([](Event& e) { e.fields[2] = e.fields[1]; }));
  EXPECT_FALSE(reads([](Event& e) { std::swap(e.labels[0], e.labels[1]); }));
  EXPECT_FALSE(reads([](Event& e) { e.labels[1] = e.labels[0]; }));
  EXPECT_FALSE(reads([](Event& e) { e.labels[0].second = ""; }));
}

TEST(Codec, does_not_reserve_memory_that_damage_asks_for) {
  std::string bytes = encoded(thing_gone());
  const std::size_t count_of_fields = bytes.find("e1") + 2;
  bytes.replace(count_of_fields, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  EXPECT_FALSE(decoded(bytes).has_value());
}

}  // namespace
}  // namespace troth::event
