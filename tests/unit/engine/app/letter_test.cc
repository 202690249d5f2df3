// Dead letters read back: what is redriven, as what, and why the rest is not.
#include "engine/app/letter.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/task/dead_letter.h"

namespace troth::app {
namespace {

const std::vector<std::string> kInputs{"orders", "reviews"};
constexpr const char* kEvent =
    R"({"specversion":"1.0","id":"1","source":"/s","type":"order.placed","subject":"c é","data":{}})";

/// A letter as the engine writes it.
task::Outgoing letter_of(event::Reason reason, std::string value, std::optional<std::string> key = "k",
                         const task::EventName& name = {}) {
  task::Record record;
  record.origin = {1, 3, 42};
  record.key = std::move(key);
  record.value = std::move(value);
  return task::dead_letter(0, event::Rejection{reason, {}}, name, record, kInputs);
}

Judged judged(const task::Outgoing& letter, const std::set<std::string>& reasons = {},
              const std::vector<std::string>& inputs = kInputs) {
  LetterReader reader;
  const auto read = reader.read_value(*letter.value, letter.key);
  if (!read) return {Fate::kNotALetter, {}};
  return judge(reader, *read, inputs, reasons);
}

std::string line_error(std::string_view line) {
  LetterReader reader;
  const auto letter = reader.read_line(line);
  return letter ? "(read)" : letter.error().message;
}

TEST(Letter, an_event_goes_back_to_its_topic_under_its_customer_and_says_where_it_came_from) {
  const Judged letter = judged(letter_of(event::Reason::kLate, kEvent, "another key"));
  EXPECT_EQ(letter.fate, Fate::kRedriven);
  EXPECT_EQ(letter.record.topic, "reviews");
  EXPECT_EQ(letter.record.key, "c é");
  EXPECT_EQ(letter.record.value, kEvent);
  EXPECT_EQ(letter.record.from, "reviews/3/42");
}

TEST(Letter, what_is_no_event_keeps_its_key_and_without_one_its_partition) {
  EXPECT_EQ(judged(letter_of(event::Reason::kMalformed, "{oh no", "old")).record.key, "old");
  // A subject alone is no event, and one that is no string names nobody.
  EXPECT_EQ(judged(letter_of(event::Reason::kMalformed, R"({"subject":"x"})", "old")).record.key, "old");
  EXPECT_EQ(judged(letter_of(event::Reason::kMalformed, R"({"specversion":"1.0","subject":7})", "old")).record.key,
            "old");
  const Judged keyless = judged(letter_of(event::Reason::kMalformed, "{oh no", std::nullopt));
  EXPECT_EQ(keyless.fate, Fate::kRedriven);
  EXPECT_EQ(keyless.record.key, std::nullopt);
  EXPECT_EQ(keyless.record.partition, 3);
}

TEST(Letter, bytes_that_are_no_text_come_back_as_they_were) {
  for (std::size_t size = 1; size < 9; ++size) {
    std::string bytes = "\xff";
    for (std::size_t i = 1; i < size; ++i) bytes += static_cast<char>(i * 37);
    const Judged letter = judged(letter_of(event::Reason::kMalformed, bytes));
    EXPECT_EQ(letter.fate, Fate::kRedriven);
    EXPECT_EQ(letter.record.value, bytes);
  }
}

TEST(Letter, whose_message_is_not_kept_is_counted_as_without_it) {
  EXPECT_EQ(judged(letter_of(event::Reason::kErased, kEvent)).fate, Fate::kWithoutMessage);
  EXPECT_EQ(judged(letter_of(event::Reason::kTooLarge, kEvent)).fate, Fate::kWithoutMessage);
}

TEST(Letter, of_another_reason_than_those_asked_for_is_passed_over) {
  const task::Outgoing letter = letter_of(event::Reason::kLate, kEvent);
  EXPECT_EQ(judged(letter, {"late", "future"}).fate, Fate::kRedriven);
  EXPECT_EQ(judged(letter, {"future"}).fate, Fate::kPassedOver);
}

TEST(Letter, from_what_is_none_of_the_inputs_is_not_sent_anywhere) {
  EXPECT_EQ(judged(letter_of(event::Reason::kLate, kEvent), {}, {"orders"}).fate, Fate::kUnknownTopic);
}

TEST(Letter, of_an_event_whose_attributes_were_headers_is_not_sent_without_them) {
  const task::EventName name{"/s", "1", "order.placed"};
  EXPECT_EQ(judged(letter_of(event::Reason::kLate, R"({"order_id":"o"})", "k", name)).fate, Fate::kHeadersLost);
  EXPECT_EQ(judged(letter_of(event::Reason::kLate, kEvent, "k", name)).fate, Fate::kRedriven);
}

TEST(Letter, what_the_engine_did_not_write_is_no_letter) {
  LetterReader reader;
  for (const char* value : {"", "[]", "{", R"({"reason":"late","topic":"orders","partition":0})",
                            R"({"reason":"late","topic":"orders","partition":-1,"offset":0})",
                            R"({"reason":"late","topic":7,"partition":0,"offset":0})",
                            R"({"reason":"late","topic":"orders","partition":0,"offset":0,"raw_base64":"???="})",
                            R"({"reason":"late","topic":"orders","partition":0,"offset":0,"raw":{"a":1}})"}) {
    EXPECT_FALSE(reader.read_value(value, std::nullopt)) << value;
  }
}

TEST(Letter, a_line_of_a_file_holds_key_and_letter) {
  LetterReader reader;
  const task::Outgoing written = letter_of(event::Reason::kUnknownType, kEvent, "old");
  const auto letter = reader.read_line(R"( {"key":"old","value":)" + *written.value + "}\r");
  ASSERT_TRUE(letter) << letter.error().message;
  EXPECT_EQ(letter->key, "old");
  EXPECT_EQ(letter->reason, "unknown_type");
  EXPECT_EQ(letter->topic, "reviews");
  EXPECT_EQ(letter->partition, 3);
  EXPECT_EQ(letter->offset, 42);
  EXPECT_EQ(letter->message, kEvent);
  const auto keyless = reader.read_line(R"({"key":null,"value":)" + *written.value + "}");
  ASSERT_TRUE(keyless);
  EXPECT_EQ(keyless->key, std::nullopt);
}

TEST(Letter, a_line_that_was_corrected_wrongly_is_told_what_is_wrong_with_it) {
  const std::string place = R"("reason":"late","topic":"orders","partition":0,"offset":0)";
  EXPECT_EQ(line_error("{\"key\":null,\"value\":{" + place + ",\"raw\":\"x\"}}"), "(read)");
  EXPECT_NE(line_error("{\"key\":null,\"value\":{" + place + ",\"raw\":{}}}").find("`raw` is no string"),
            std::string::npos);
  EXPECT_NE(line_error("{\"key\":null,\"value\":{" + place + ",\"raw\":\"x\",\"raw_base64\":\"eA==\"}}").find("both"),
            std::string::npos);
  EXPECT_NE(line_error("{\"key\":null,\"value\":{\"topic\":\"orders\"}}").find("`reason`"), std::string::npos);
  EXPECT_NE(line_error("{" + place + "}").find("`key` and `value`"), std::string::npos);
  EXPECT_NE(line_error("{").find("not JSON"), std::string::npos);
}

}  // namespace
}  // namespace troth::app
