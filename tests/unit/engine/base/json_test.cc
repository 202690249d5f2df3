// JsonWriter and canonical JSON: equal values are equal bytes.
#include "engine/base/json.h"

#include <gtest/gtest.h>

#include "engine/base/value.h"

namespace troth::base {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, writes_nested_values_without_spaces) {
  JsonWriter out;
  out.begin_map();
  out.key("a");
  out.begin_list();
  out.integer(-1);
  out.boolean(true);
  out.null();
  out.begin_map();
  out.end_map();
  out.end_list();
  out.field("b", "text");
  out.key("c");
  out.raw("{\"x\":1}");
  out.end_map();
  EXPECT_EQ(out.text(), R"({"a":[-1,true,null,{}],"b":"text","c":{"x":1}})");
}

TEST(JsonWriter, writes_the_extremes_of_integers) {
  JsonWriter out;
  out.begin_list();
  out.integer(std::numeric_limits<std::int64_t>::min());
  out.integer(std::numeric_limits<std::int64_t>::max());
  out.end_list();
  EXPECT_EQ(out.text(), "[-9223372036854775808,9223372036854775807]");
}

TEST(JsonWriter, writes_an_absent_optional_as_null) {
  JsonWriter out;
  out.begin_map();
  out.field("a", std::optional<std::int64_t>());
  out.field("b", std::optional<std::int64_t>(7));
  out.end_map();
  EXPECT_EQ(out.text(), R"({"a":null,"b":7})");
}

TEST(JsonWriter, escapes_what_json_must_escape_and_nothing_else) {
  EXPECT_EQ(quoted("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(quoted("\b\t\n\f\r"), R"("\b\t\n\f\r")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(quoted("\x7f"), "\"\x7f\"");
  EXPECT_EQ(quoted("Zürich 💡"), "\"Zürich 💡\"");
}

TEST(JsonWriter, compares_keys_as_bytes) {
  JsonWriter out;
  out.begin_map();
  out.field("Z", 1);
  out.field("a", 2);
  out.field("aa", 3);
  out.field("ä", 4);
  out.end_map();
  EXPECT_EQ(out.text(), R"({"Z":1,"a":2,"aa":3,"ä":4})");
}

TEST(JsonWriter, remembers_the_outer_keys_while_it_writes_inner_ones) {
  JsonWriter out;
  out.begin_map();
  out.key("m");
  out.begin_map();
  out.field("z", 1);
  out.end_map();
  out.field("n", 2);  // after m, though before z
  out.end_map();
  EXPECT_EQ(out.text(), R"({"m":{"z":1},"n":2})");
}

TEST(JsonWriter, compares_keys_with_escapes_as_they_are_and_not_as_they_are_written) {
  JsonWriter out;
  out.begin_map();
  out.field(std::string_view("\n"), 1);
  out.key(std::string_view("\""));
  out.begin_map();
  out.field(std::string_view("\t"), 2);
  out.field("a", 3);
  out.end_map();
  out.field("#", 4);  // written, \" would sort behind it
  out.end_map();
  EXPECT_EQ(out.text(), R"({"\n":1,"\"":{"\t":2,"a":3},"#":4})");
}

TEST(JsonWriter, writes_texts_of_any_length) {
  JsonWriter out;
  std::string expected = "[";
  out.begin_list();
  for (std::size_t size = 0; size < 300; ++size) {
    std::string text(size, 'x');
    if (size % 7 == 3) text[size / 2] = 'n';
    out.string(text);
    expected += (size == 0 ? "\"" : ",\"") + text + '"';
  }
  out.end_list();
  expected += ']';
  EXPECT_EQ(out.text(), expected);
  EXPECT_EQ(std::move(out).take(), expected);
}

TEST(JsonString, escapes_a_character_wherever_it_stands) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const auto& [raw, escaped] : {std::pair('"', "\\\""), std::pair('\\', "\\\\"), std::pair('\x1f', "\\u001f"),
                                         std::pair('\x7f', "\x7f"), std::pair('\xff', "\xff")}) {
        std::string text(size, ' ');
        text[at] = raw;
        std::string got;
        append_json_string(got, text);
        ASSERT_EQ(got, '"' + std::string(at, ' ') + escaped + std::string(size - at - 1, ' ') + '"');
      }
    }
  }
}

TEST(JsonWriter, starts_afresh_after_clear) {
  JsonWriter out;
  out.begin_map();
  out.field("z", 1);
  out.clear();
  out.begin_map();
  out.field("a", 1);
  out.end_map();
  EXPECT_EQ(out.text(), R"({"a":1})");
}

TEST(JsonWriterDeathTest, a_key_out_of_order_is_a_bug) {
  EXPECT_DEATH(
      {
        JsonWriter out;
        out.begin_map();
        out.field("b", 1);
        out.field("a", 2);
      },
      "assertion failed");
}

TEST(JsonWriterDeathTest, a_key_twice_is_a_bug) {
  EXPECT_DEATH(
      {
        JsonWriter out;
        out.begin_map();
        out.field("a", 1);
        out.field("a", 2);
      },
      "assertion failed");
}

TEST(JsonWriterDeathTest, a_key_out_of_order_after_an_inner_map_is_a_bug) {
  EXPECT_DEATH(
      {
        JsonWriter out;
        out.begin_map();
        out.key("m");
        out.begin_map();
        out.field("a", 1);
        out.end_map();
        out.field("b", 2);
      },
      "assertion failed");
}

TEST(JsonWriterDeathTest, a_value_without_a_key_is_a_bug) {
  EXPECT_DEATH(
      {
        JsonWriter out;
        out.begin_map();
        out.integer(1);
      },
      "assertion failed");
}

TEST(Value, canonical_json_sorts_keys_and_leaves_out_spaces) {
  const Value value(Value::Map{{"b", Value(std::int64_t{1})}, {"a", Value::List{Value(true), Value("x")}}});
  EXPECT_EQ(canonical_json(value), R"({"a":[true,"x"],"b":1})");
}

TEST(Value, maps_merge_and_everything_else_is_replaced) {
  const Value under(Value::Map{{"m", Value::Map{{"a", Value(std::int64_t{1})}, {"b", Value(std::int64_t{2})}}},
                               {"l", Value::List{Value(std::int64_t{1}), Value(std::int64_t{2})}}});
  const Value over(Value::Map{{"m", Value::Map{{"b", Value(std::int64_t{3})}}}, {"l", Value::List{Value("x")}}});
  EXPECT_EQ(canonical_json(merged(under, over)), R"({"l":["x"],"m":{"a":1,"b":3}})");
}

TEST(Value, finds_members_of_maps_only) {
  const Value map(Value::Map{{"a", Value("x")}});
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a")->string(), "x");
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(Value("a").find("a"), nullptr);
}

}  // namespace
}  // namespace troth::base
