// The strict reader of JSON: what it refuses, what it keeps, and that a second parser agrees.
#include "engine/decode/json_reader.h"

#include <gtest/gtest.h>

#include <chrono>

namespace troth::decode {
namespace {

bool reads(std::string_view text) { return JsonReader().read(text, 0); }

/// The text of the only string in ["…"].
std::string unescaped(std::string_view json) {
  JsonReader reader;
  const std::string text = '[' + std::string(json) + ']';
  if (!reader.read(text, 0)) return "refused";
  return std::string(reader.nodes()[1].text);
}

JsonKind kind_of(std::string_view json) {
  JsonReader reader;
  EXPECT_TRUE(reader.read(json, 0)) << json;
  return reader.nodes().front().kind;
}

std::string nested(std::size_t levels, char open = '[', char close = ']') {
  return std::string(levels, open) + std::string(levels, close);
}

TEST(JsonReader, reads_every_kind_of_value) {
  EXPECT_EQ(kind_of("null"), JsonKind::kNull);
  EXPECT_EQ(kind_of("true"), JsonKind::kTrue);
  EXPECT_EQ(kind_of("false"), JsonKind::kFalse);
  EXPECT_EQ(kind_of("\"\""), JsonKind::kString);
  EXPECT_EQ(kind_of("[]"), JsonKind::kArray);
  EXPECT_EQ(kind_of(" \t\r\n{ } "), JsonKind::kObject);
}

TEST(JsonReader, keeps_nodes_in_the_order_of_the_text) {
  JsonReader reader;
  ASSERT_TRUE(reader.read(R"({"a":[1,{"b":null}],"c":"x"})", 0));
  const auto nodes = reader.nodes();
  ASSERT_EQ(nodes.size(), 9U);
  EXPECT_EQ(nodes[0].end, 9U);
  EXPECT_EQ(nodes[1].text, "a");
  EXPECT_EQ(nodes[2].kind, JsonKind::kArray);
  EXPECT_EQ(nodes[2].end, 7U);  // where the key c stands
  EXPECT_EQ(nodes[3].text, "1");
  EXPECT_EQ(nodes[4].kind, JsonKind::kObject);
  EXPECT_EQ(nodes[4].end, 7U);
  EXPECT_EQ(nodes[7].text, "c");
  EXPECT_EQ(nodes[8].text, "x");
}

TEST(JsonReader, numbers_with_a_fraction_or_exponent_are_no_integers) {
  for (const char* text : {"0", "-0", "1", "-1", "9223372036854775808", "123456789012345678901234567890"}) {
    EXPECT_EQ(kind_of(text), JsonKind::kInteger) << text;
  }
  for (const char* text : {"1.0", "-0.0", "1e5", "1E5", "1e+5", "1e-5", "1.5e5", "0e0", "1e999", "-1e999"}) {
    EXPECT_EQ(kind_of(text), JsonKind::kOtherNumber) << text;
  }
}

TEST(JsonReader, refuses_what_is_no_number) {
  for (const char* text :
       {"01", "-01",  "00",  "-",    "+1",  ".5",       "1.",        "1.e5", "1e",    "1e+",   "1E-", "--1",
        "1-", "0x10", "NaN", "-NaN", "nan", "Infinity", "-Infinity", "inf",  "1_000", "1,000", "1 2", "１"}) {
    EXPECT_FALSE(reads(text)) << text;
    EXPECT_FALSE(reads(std::string("{\"unread\":") + text + '}')) << text;
  }
}

TEST(JsonReader, refuses_what_is_no_literal) {
  for (const char* text : {"nul", "nulll", "True", "tru", "truex", "fals", "falsey", "undefined", "None"}) {
    EXPECT_FALSE(reads(text)) << text;
  }
}

TEST(JsonReader, refuses_broken_structure) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "]",
                           "{]",
                           "[}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "{:1}",
                           "{a:1}",
                           "{1:1}",
                           "{'a':1}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":1;\"b\":2}",
                           "{\"a\":1}}",
                           "{\"a\":1}{",
                           "{} {}",
                           "{}x",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[1,,2]",
                           "{\"a\":1,,\"b\":2}",
                           "{null:1}",
                           "{\"a\"::1}",
                           "[\"a\"\"b\"]",
                           "{}/**/",
                           "//\n{}",
                           "{\"a\":1",
                           "[1",
                           "[1,",
                           "\"",
                           "\"a",
                           "{\"a",
                           "{\"a\"",
                           "{\"a\":"}) {
    EXPECT_FALSE(reads(text)) << text;
  }
}

TEST(JsonReader, refuses_a_byte_order_mark) { EXPECT_FALSE(reads("\xEF\xBB\xBF{}")); }

TEST(JsonReader, knows_four_characters_of_white_space) {
  EXPECT_TRUE(reads("\t\n\r [ \t\n\r1\t\n\r ,\t\n\r 2\t\n\r ]\t\n\r "));
  for (const std::string& space :
       std::vector<std::string>{"\v", "\f", "\xC2\xA0", "\xE2\x80\xA8", std::string(1, '\0')}) {
    EXPECT_FALSE(reads(space + "{}"));
    EXPECT_FALSE(reads("{}" + space));
    EXPECT_FALSE(reads("[1," + space + "2]"));
  }
}

TEST(JsonReader, unescapes_strings) {
  EXPECT_EQ(unescaped(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"("a\u0041b\u00e4c\u20acd")"), "aAbäc€d");
  EXPECT_EQ(unescaped(R"("\u00E4\u00e4")"), "ää");
  EXPECT_EQ(unescaped(R"("\ud83d\ude00\uDBFF\uDFFF\ud800\udc00")"), "\U0001F600\U0010FFFF\U00010000");
  EXPECT_EQ(unescaped(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(unescaped(R"("\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff")"), "\x7f\u0080\u07ff\u0800\uD7FF\uE000\uFFFF");
}

TEST(JsonReader, unescapes_many_strings_of_one_text) {
  JsonReader reader;
  ASSERT_TRUE(reader.read(R"({"\u0061":"\u0062","\u0063":["\u0064","plain","\u0065"]})", 0));
  std::string all;
  for (const JsonNode& node : reader.nodes()) all += node.text;
  EXPECT_EQ(all, "abcdplaine");
}

TEST(JsonReader, refuses_broken_escapes) {
  for (const char* text : {R"("\x")", R"("\ ")", R"("\u")", R"("\u12")", R"("\u123")", R"("\u12g4")", R"("\U0041")",
                           R"("\u+123")", R"("\u 123")", R"("\")", R"("\a")", R"("\0")", "\"\\", "\"\\u123"}) {
    EXPECT_FALSE(reads(text)) << text;
  }
}

TEST(JsonReader, refuses_unpaired_surrogates) {
  for (const char* text : {R"("\ud800")", R"("\udbff")", R"("\udc00")", R"("\udfff")", R"("\ud800x")", R"("\ud800\n")",
                           R"("\ud800\u0041")", R"("\ud800\ud800")", R"("\ud800\ue000")", R"("\udc00\ud800")",
                           R"("\ud800\udc0")", R"("\ud800\\udc00")", R"("\ud83d\ude00\ude00")"}) {
    EXPECT_FALSE(reads(text)) << text;
    EXPECT_FALSE(reads(std::string("{") + text + ":1}")) << text;
  }
}

TEST(JsonReader, refuses_control_characters_at_every_place_of_a_string) {
  for (std::size_t size = 1; size <= 24; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int value = 0; value < 0x20; ++value) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(value);
        ASSERT_FALSE(reads('"' + text + '"')) << size << ' ' << at << ' ' << value;
      }
    }
  }
  EXPECT_TRUE(reads("\"\x7f\""));
}

TEST(JsonReader, finds_the_end_of_a_string_at_every_place) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (const char* fill : {"x", "\xC3\xA4", "!", "#", "[", "]", "\x7f", " "}) {
      std::string text;
      for (std::size_t i = 0; i < size; ++i) text += fill;
      ASSERT_EQ(unescaped('"' + text + '"'), text);
      ASSERT_EQ(unescaped('"' + text + "\\n" + text + '"'), text + '\n' + text);
    }
  }
}

TEST(JsonReader, refuses_what_is_not_utf8) {
  for (const char* text : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE2\x82",
                           "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
                           "\xF8\x88\x80\x80\x80", "\xFE", "\xFF"}) {
    EXPECT_FALSE(reads('"' + std::string(text) + '"'));
    EXPECT_FALSE(reads("{\"unread\":[\"" + std::string(text) + "\"]}"));
  }
  EXPECT_TRUE(reads("\"\xF4\x8F\xBF\xBF\""));
}

TEST(JsonReader, finds_keys_twice_at_any_level) {
  EXPECT_FALSE(reads(R"({"a":1,"a":1})"));
  EXPECT_FALSE(reads(R"({"a":1,"b":2,"a":3})"));
  EXPECT_FALSE(reads(R"({"":1,"":2})"));
  EXPECT_FALSE(reads(R"({"x":[{"y":{"a":1,"a":2}}]})"));
  EXPECT_FALSE(reads(R"({"abc":1,"\u0061bc":2})"));
  EXPECT_FALSE(reads(R"({"\/":1,"/":2})"));
  EXPECT_FALSE(reads(R"({"a":{"b":1},"a":{"c":1}})"));
}

TEST(JsonReader, takes_keys_of_different_objects_or_letters_for_different) {
  EXPECT_TRUE(reads(R"({"a":{"a":{"a":1}},"b":{"a":1}})"));
  EXPECT_TRUE(reads(R"([{"a":1},{"a":1}])"));
  EXPECT_TRUE(reads(R"({"a":1,"A":1,"a ":1,"":1,"\u0000":1,"\u0000\u0000":1})"));
  EXPECT_TRUE(reads("{\"\xC3\xA4\":1,\"a\xCC\x88\":2}"));  // one letter, composed and not: two keys
}

TEST(JsonReader, finds_one_of_many_keys_twice_wherever_it_is) {
  for (const int count : {2, 15, 16, 17, 18, 500}) {
    for (const int twin : {0, count / 2, count - 1}) {
      std::string text = "{";
      for (int i = 0; i < count; ++i) text += "\"key" + std::to_string(i) + "\":{\"key\":1},";
      EXPECT_TRUE(reads(text + "\"last\":1}")) << count;
      EXPECT_FALSE(reads(text + "\"key" + std::to_string(twin) + "\":1}")) << count;
    }
  }
}

TEST(JsonReader, reads_64_levels_and_not_65) {
  EXPECT_TRUE(reads(nested(64)));
  EXPECT_FALSE(reads(nested(65)));
  std::string objects = "1";
  for (int i = 0; i < 64; ++i) objects = "{\"a\":" + objects + '}';
  EXPECT_TRUE(reads(objects));
  EXPECT_FALSE(reads("{\"a\":" + objects + '}'));
  EXPECT_FALSE(reads('[' + objects + ']'));
  EXPECT_TRUE(JsonReader().read(nested(63), 1));
  EXPECT_FALSE(JsonReader().read(nested(64), 1));
}

TEST(JsonReader, survives_any_depth) {
  EXPECT_FALSE(reads(nested(30'000)));
  EXPECT_FALSE(reads(std::string(65'536, '[')));
  std::string objects;
  while (objects.size() < 65'000) objects += "{\"a\":";
  EXPECT_FALSE(reads(objects));
}

TEST(JsonReader, forgets_the_text_before) {
  JsonReader reader;
  EXPECT_FALSE(reader.read(R"({"a":1,"b":{"c":1,)", 0));  // leaves three keys open
  EXPECT_TRUE(reader.read(R"({"a":1,"c":2})", 0));
  EXPECT_EQ(reader.nodes().size(), 5U);
  EXPECT_TRUE(reader.read("[]", 0));
  EXPECT_EQ(reader.nodes().size(), 1U);
}

/// Not a benchmark: quadratic work on 65,536 bytes would take minutes here, n log n takes a fraction of a second.
TEST(JsonReader, takes_no_quadratic_time) {
  std::string many_keys = "{";
  for (int i = 0; many_keys.size() < 65'000; ++i) many_keys += '"' + std::to_string(i) + "\":0,";
  many_keys += "\"\":0}";
  std::string alike = "{";  // long keys that differ at their end only
  for (int i = 100; alike.size() < 65'000; ++i) alike += '"' + std::string(200, 'k') + std::to_string(i) + "\":0,";
  alike += "\"\":0}";
  std::string escapes = "[\"";
  while (escapes.size() < 65'000) escapes += "\\u00e4";
  escapes += "\"]";
  std::string small = "[";
  while (small.size() < 65'000) small += "{},";
  small += "0]";
  JsonReader reader;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    for (const std::string& text : {many_keys, alike, escapes, small}) ASSERT_TRUE(reader.read(text, 0));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace troth::decode
