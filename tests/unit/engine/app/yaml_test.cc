// YAML as a policy or configuration may be written, and everything that must be refused with its line instead of being
// read in one of two ways.
#include "engine/app/yaml.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace troth::app {
namespace {

using base::canonical_json;
using base::Value;

/// The tree as canonical JSON, or the error after an exclamation mark.
std::string read(std::string_view text) {
  const auto value = read_yaml(text, "file");
  return value.ok() ? canonical_json(*value) : "! " + value.error().message;
}

void expect_refused(std::string_view text, std::string_view where, std::string_view why) {
  const std::string result = read(text);
  EXPECT_TRUE(result.starts_with("! file" + std::string(where))) << text << "\n" << result;
  EXPECT_NE(result.find(why), std::string::npos) << text << "\n" << result;
}

TEST(Yaml, plain_scalars_have_the_types_of_the_core_schema) {
  EXPECT_EQ(read("[0, 7, -7, +7, 007, 0o17, 0x1F, 9223372036854775807, -9223372036854775808]"),
            "[0,7,-7,7,7,15,31,9223372036854775807,-9223372036854775808]");
  EXPECT_EQ(read("[true, True, TRUE, false, False, FALSE]"), "[true,true,true,false,false,false]");
  EXPECT_EQ(
      read("[yes, no, on, off, y, n, tRUE, Null1, 0b1, 0O7, 1_000, 12:30, 2026-01-01, 45d, 1.2.3, -, 0xg, e5, .e5]"),
      R"(["yes","no","on","off","y","n","tRUE","Null1","0b1","0O7","1_000","12:30","2026-01-01","45d","1.2.3","-","0xg","e5",".e5"])");
}

TEST(Yaml, off_is_a_key_like_any_other) { EXPECT_EQ(read("off: true\n"), R"({"off":true})"); }

TEST(Yaml, quoted_scalars_are_strings) {
  EXPECT_EQ(read(R"(['1', "true", '~', "", 'null', "1.5"])"), R"(["1","true","~","","null","1.5"])");
  EXPECT_EQ(read("a: |\n  1\n"), R"({"a":"1\n"})");
}

TEST(Yaml, quotes_that_are_not_closed_are_refused_and_swallow_nothing) {
  expect_refused("a: 1\nb: \"2\nc: 3\n", ":2", "quotes that are not closed");
  expect_refused("a: 1\nb: '2\n", ":2", "quotes that are not closed");
  expect_refused("a: 1\nb: '2", ":", "EOF in scalar");
  expect_refused("{\"a\": \"\\u00e4", ":1", "");
  EXPECT_EQ(read("a: \"1\n  ...2\"\nb: it's\nc: 5\"\n"), R"({"a":"1 ...2","b":"it's","c":"5\""})");
  EXPECT_EQ(read("a: 'b'\n...\n"), R"({"a":"b"})");
  EXPECT_EQ(read("a: |\n  'b\n"), "{\"a\":\"'b\\n\"}");
}

TEST(Yaml, tags_of_the_core_schema_say_what_a_scalar_is) {
  EXPECT_EQ(read("[!!str 1, !!int '2', !!bool 'true', ! 3]"), R"(["1",2,true,"3"])");
  EXPECT_EQ(read("!!map {a: !!seq [1]}"), R"({"a":[1]})");
  expect_refused("a: 1\nb: !!float 1\n", ":2", "tag");
  expect_refused("a: !!int x", ":1", "tag");
  expect_refused("a: !mine {b: 1}", ":1", "tag");
}

TEST(Yaml, a_number_with_fraction_or_exponent_is_refused) {
  for (const char* number : {"1.5", "-1.", ".5", "1e3", "1E+3", "1.5e-3", ".inf", "-.INF", ".nan"}) {
    expect_refused(std::string("a: 1\nb: ") + number, ":2", "fraction");
  }
}

TEST(Yaml, an_integer_beyond_64_bits_is_refused) {
  expect_refused("a: 9223372036854775808", ":1", "64 bits");
  expect_refused("a: -9223372036854775809", ":1", "64 bits");
  expect_refused("a: 0xFFFFFFFFFFFFFFFF", ":1", "64 bits");
}

TEST(Yaml, nulls_are_refused_with_their_key) {
  for (const char* null : {"", "~", "null", "Null", "NULL"})
    expect_refused(std::string("a: 1\nb: ") + null + "\nc: 2", ":2", "'b'");
  expect_refused("[1, ~]", ":1", "null");
}

TEST(Yaml, a_key_twice_is_refused) {
  expect_refused("a: 1\nb: 2\na: 3\n", ":3", "'a'");
  expect_refused("x: {a: 1, 'a': 2}", ":1", "'a'");
}

TEST(Yaml, keys_are_strings) {
  EXPECT_EQ(read("{'1': a}"), R"({"1":"a"})");
  expect_refused("a: b\n1: c", ":2", "key");
  expect_refused("true: c", ":1", "key");
  expect_refused("~: c", ":1", "key");
  expect_refused("? [a]\n: c", ":1", "key");
  expect_refused("? {a: b}\n: c", ":1", "key");
}

TEST(Yaml, merge_keys_are_refused_and_a_quoted_one_is_a_key) {
  expect_refused("base: &b {x: 1}\nd:\n  <<: *b\n  y: 2\n", ":3", "merge key");
  EXPECT_EQ(read("'<<': 1"), R"({"<<":1})");
}

TEST(Yaml, aliases_stand_for_what_they_name) {
  EXPECT_EQ(read("a: &x {k: [1, &y two]}\nb: *x\nc: *y\n&k key: 3\nd: {*k : 4}"),
            R"({"a":{"k":[1,"two"]},"b":{"k":[1,"two"]},"c":"two","d":{"key":4},"key":3})");
  EXPECT_EQ(read("a: &x 1\nb: &x 2\nc: *x"), R"({"a":1,"b":2,"c":2})");
  expect_refused("a: *x", ":1", "anchor is not defined");
  expect_refused("a: &x [*x]", ":1", "alias");
}

TEST(Yaml, aliases_cannot_expand_without_end) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += before + ", ";
    bomb += "]\n";
  }
  expect_refused(bomb, ":5", "aliases");
  std::string heavy = "a: &a " + std::string(900'000, 'x') + "\nb: [";
  for (int i = 0; i < 1'000; ++i) heavy += "*a, ";
  expect_refused(heavy + "]", ":2", "bytes");
}

TEST(Yaml, depth_is_bounded_with_aliases_and_without) {
  const std::string deepest = std::string(64, '[') + "1" + std::string(64, ']');
  EXPECT_EQ(read(deepest), deepest);
  expect_refused("[" + deepest + "]", ":1", "levels");
  std::string block;
  for (int i = 0; i < 65; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  expect_refused(block + std::string(66, ' ') + "b: 1\n", ":65", "levels");
  std::string chain = "a0: &a0 [1]\n";
  for (int i = 1; i < 80; ++i)
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  expect_refused(chain, ":64", "levels");
  expect_refused(std::string(500'000, '['), "", "");
  expect_refused(std::string(500'000, '{'), "", "");
}

TEST(Yaml, one_document_only) {
  EXPECT_EQ(read("---\na: 1\n...\n"), R"({"a":1})");
  EXPECT_EQ(read("%YAML 1.2\n---\na: 1\n"), R"({"a":1})");
  expect_refused("a: 1\n---\nb: 2\n", "", "second document");
  for (const char* empty : {"", "  \n", "# only a comment\n", "---\n", "---\n...\n", "~"})
    expect_refused(empty, "", "empty");
}

TEST(Yaml, size_and_characters_are_bounded) {
  expect_refused("a: " + std::string(kYamlBytesMax, 'x'), "", "1048576");
  expect_refused("a: 1\nb: \"\xff\"", ":2", "UTF-8");
  for (const char* bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\xaf", "\xc3",
                          "\x80", "\xfe\xff"}) {
    expect_refused(std::string("a: ") + bad, ":1", "UTF-8");
  }
  expect_refused(std::string("a: x\0y", 6), ":1", "control");
  expect_refused("a: \x1b[0m", ":1", "control");
  EXPECT_EQ(read("a: \"é€😀\"\r\nb: 1\r\n"), R"({"a":"é€😀","b":1})");
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a: 1"),
            R"({"a":1})");
}

TEST(Yaml, what_is_no_yaml_is_refused_with_its_line) {
  expect_refused("a: 1\nb: [1, 2\nc: 3", ":3", "not valid YAML");
  expect_refused("a: 1\n  b: 2\n", ":2", "not valid YAML");
  expect_refused("a: \"\\q\"", ":1", "not valid YAML");
  expect_refused("a: @b", ":1", "not valid YAML");
}

TEST(Yaml, json_is_yaml) {
  EXPECT_EQ(read(R"({"a":1,"b":[true,false,"x"],"c":{"d":{}},"e":[]})"),
            R"({"a":1,"b":[true,false,"x"],"c":{"d":{}},"e":[]})");
  EXPECT_EQ(read("{\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t1,\n\t\t\t2\n\t\t]\n\t}\n}\n"), R"({"a":{"b":[1,2]}})");
  EXPECT_EQ(read(R"({"a": "\"\\\/\b\f\n\r\t\u00e9", "b": "x: y, #z"})"), R"({"a":"\"\\/\b\f\n\r\té","b":"x: y, #z"})");
  EXPECT_EQ(read(R"({"a": "\ud83d\ude00", "b": "\\ud83d\\ude00"})"), R"({"a":"😀","b":"\\ud83d\\ude00"})");
  expect_refused(R"({"a": "\ud83d"})", ":1", "not valid YAML");
  expect_refused(R"({"a": null})", ":1", "null");
  expect_refused(R"({"a": 1, "a": 2})", ":1", "'a'");
  expect_refused(R"({"a": 1.0})", ":1", "fraction");
}

TEST(Yaml, every_value_knows_its_line) {
  const auto tree = read_yaml("# comment\na: 1\nb:\n  c:\n    - x\n    - y\nd: {e: 2,\n  f: 3}\n", "file");
  ASSERT_TRUE(tree.ok()) << tree.error().message;
  EXPECT_EQ(tree->line(), 2);
  EXPECT_EQ(tree->find("a")->line(), 2);
  EXPECT_EQ(tree->find("b")->line(), 3);
  EXPECT_EQ(tree->find("b")->find("c")->line(), 4);
  EXPECT_EQ((*tree->find("b")->find("c")->list())[1].line(), 6);
  EXPECT_EQ(tree->find("d")->find("f")->line(), 8);
}

TEST(Yaml, broken_texts_never_throw_and_never_crash) {
  const std::string seed =
      "a: &x [1, 'two', \"\\u00e9\"]\nb: {c: *x, ? d : e}\nf: |\n  text\n- g: !!str 1\n---\n<<: ~\n...\n";
  std::mt19937_64 dice(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    for (std::uint64_t edits = dice() % 6; edits > 0; --edits) {
      const std::size_t at = dice() % (text.size() + 1);
      switch (dice() % 3) {
        case 0:
          text.insert(at, 1, "[]{}:,-?&*!|>'\"%@`#\n\t \\"[dice() % 23]);
          break;
        case 1:
          text.erase(at, dice() % 5);
          break;
        default:
          text.insert(at, text.substr(dice() % text.size(), dice() % 12));
          break;
      }
      if (text.empty()) text = "x";
    }
    (void)read(text);
  }
}

}  // namespace
}  // namespace troth::app
