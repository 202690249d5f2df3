#include "engine/task/dead_letter.h"

#include <gtest/gtest.h>

namespace troth::task {
namespace {

const std::vector<std::string> kInputs = {"orders", "complaints"};

Record record(std::string value) {
  Record out;
  out.origin = {1, 4, 17};
  out.key = "k";
  out.value = std::move(value);
  return out;
}

TEST(DeadLetter, tells_reason_place_field_and_raw_message_in_canonical_json) {
  const Outgoing letter = dead_letter(3, {Reason::kBadValue, "stars"}, {}, record("{\"x\":\n1}"), kInputs);
  EXPECT_EQ(letter.stream, 3);
  EXPECT_EQ(letter.key, "k");
  EXPECT_EQ(letter.value, R"({"field":"stars","offset":17,"partition":4,"raw":"{\"x\":\n1}","reason":"bad_value",)"
                          R"("topic":"complaints"})");
}

TEST(DeadLetter, names_the_event_if_it_was_one) {
  const Outgoing letter = dead_letter(3, {Reason::kLate, {}}, {"shop", "e1", "order.placed"}, record("{}"), kInputs);
  EXPECT_EQ(letter.value, R"({"id":"e1","offset":17,"partition":4,"raw":"{}","reason":"late","source":"shop",)"
                          R"("topic":"complaints","type":"order.placed"})");
}

TEST(DeadLetter, has_no_content_of_erased_customers_and_oversized_messages) {
  for (const Reason reason : {Reason::kErased, Reason::kTooLarge}) {
    const Outgoing letter = dead_letter(3, {reason, {}}, {}, record("secret"), kInputs);
    EXPECT_EQ(letter.value->find("raw"), std::string::npos);
    EXPECT_EQ(letter.value->find("secret"), std::string::npos);
  }
}

TEST(DeadLetter, writes_what_is_not_utf8_in_base64) {
  const auto raw_of = [](std::string bytes) {
    return *dead_letter(0, {Reason::kMalformed, {}}, {}, record(std::move(bytes)), kInputs).value;
  };
  const auto has_base64 = [&](std::string bytes, const std::string& text) {
    return raw_of(std::move(bytes)).find("\"raw_base64\":\"" + text + "\"") != std::string::npos;
  };
  EXPECT_TRUE(has_base64("\xFF", "/w=="));
  EXPECT_TRUE(has_base64("a\xFF", "Yf8="));
  EXPECT_TRUE(has_base64("ab\xFF", "YWL/"));
  EXPECT_TRUE(has_base64("\xC0\x80", "wIA="));                    // overlong
  EXPECT_TRUE(has_base64("\xED\xA0\x80", "7aCA"));                // a surrogate
  EXPECT_TRUE(has_base64("\xF4\x90\x80\x80", "9JCAgA=="));        // beyond U+10FFFF
  EXPECT_TRUE(has_base64("\xE2\x82", "4oI="));                    // cut off
  EXPECT_TRUE(has_base64("\xE0\x9F\xBF", "4J+/"));                // overlong
  EXPECT_TRUE(has_base64("\xF0\x8F\xBF\xBF", "8I+/vw=="));        // overlong
  EXPECT_NE(raw_of("\xE2\x82\xAC \xF0\x9F\x98\x80 \xC3\xA4").find("\"raw\":\"\xE2\x82\xAC"), std::string::npos);
}

TEST(DeadLetter, tells_text_from_bytes_at_every_byte_of_a_character) {
  const auto is_text = [](std::string bytes) {
    const Outgoing letter = dead_letter(0, {Reason::kMalformed, {}}, {}, record(std::move(bytes)), kInputs);
    return letter.value->find("\"raw\":") != std::string::npos;
  };
  // The first and the last of each length, and those beside the surrogates.
  for (const std::string whole : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                  "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_text("a" + whole + "z")) << testing::PrintToString(whole);
    for (std::size_t i = 1; i < whole.size(); ++i) {
      EXPECT_FALSE(is_text("a" + whole.substr(0, i))) << "cut off at " << i << " of " << testing::PrintToString(whole);
      std::string broken = whole;
      broken[i] = 'z';
      EXPECT_FALSE(is_text("a" + broken)) << testing::PrintToString(broken);
      broken[i] = '\xC3';
      EXPECT_FALSE(is_text("a" + broken)) << testing::PrintToString(broken);
    }
  }
  for (const std::string lead : {"\x80", "\xBF", "\xC1", "\xF5", "\xFE"}) {
    EXPECT_FALSE(is_text(lead + "\x80\x80\x80")) << testing::PrintToString(lead);
  }
}

TEST(DeadLetter, of_a_null_message_is_empty) {
  Record null;
  EXPECT_EQ(dead_letter(0, {Reason::kMalformed, "specversion"}, {}, null, kInputs).value,
            R"({"field":"specversion","offset":0,"partition":0,"raw":"","reason":"malformed","topic":"orders"})");
}

TEST(DeadLetter, of_an_event_accepted_earlier_names_it_and_has_no_key) {
  const Refusal refusal{Reason::kConflict, "shop", "e1", "order.placed", "{}", {0, 2, 3}};
  const Outgoing letter = dead_letter(3, refusal, kInputs);
  EXPECT_EQ(letter.key, std::nullopt);
  EXPECT_EQ(letter.value, R"({"id":"e1","offset":3,"partition":2,"raw":"{}","reason":"conflict","source":"shop",)"
                          R"("topic":"orders","type":"order.placed"})");
}

}  // namespace
}  // namespace troth::task
