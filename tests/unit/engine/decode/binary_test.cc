// Binary mode: headers and value are judged as the structured event made of both.
#include <gtest/gtest.h>

#include "engine/decode/decoder.h"
#include "operators/catalogue/catalogue.h"

namespace troth::decode {
namespace {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

HeaderList headers(std::string type = "order.placed") {
  return {{"ce_specversion", "1.0"}, {"ce_source", "shop"}, {"ce_id", "e1"},
          {"ce_subject", "c1"},      {"ce_type", type},     {"ce_time", "2026-01-05T09:00:00Z"}};
}

constexpr std::string_view kData = R"({"order_id":"o1","total_minor":5000})";

Decoded decode(const HeaderList& list, std::string_view value) {
  return Decoder(operators::catalogue()).binary(list, value);
}

std::string verdict(const HeaderList& list, std::string_view value) {
  const Decoded decoded = decode(list, value);
  EXPECT_NE(decoded.event.has_value(), decoded.rejection.has_value());
  if (!decoded.rejection) return "";
  std::string text(event::reason_name(decoded.rejection->reason));
  return decoded.rejection->field.empty() ? text : text + ':' + decoded.rejection->field;
}

HeaderList with(std::string name, std::string value) {
  HeaderList list = headers();
  list.emplace_back(std::move(name), std::move(value));
  return list;
}

HeaderList with_changed(std::string_view name, std::string value) {
  HeaderList list = headers();
  for (auto& header : list) {
    if (header.first == name) header.second = value;
  }
  return list;
}

TEST(BinaryMode, is_known_by_its_specversion_header) {
  EXPECT_TRUE(is_binary(headers()));
  EXPECT_FALSE(is_binary(HeaderList{}));
  EXPECT_FALSE(is_binary(HeaderList{{"content-type", "application/cloudevents+json"}}));
  EXPECT_FALSE(is_binary(HeaderList{{"ce_id", "e1"}}));
}

TEST(BinaryMode, gives_the_event_that_structured_mode_gives) {
  const Decoded binary = decode(with("ce_tenantid", "t1"), kData);
  Decoder decoder(operators::catalogue());
  const Decoded structured =
      decoder.structured(R"({"specversion":"1.0","source":"shop","id":"e1","subject":"c1","type":"order.placed",)"
                         R"("time":"2026-01-05T09:00:00Z","tenantid":"t1","data":)" +
                         std::string(kData) + '}');
  ASSERT_TRUE(binary.event.has_value());
  ASSERT_TRUE(structured.event.has_value());
  EXPECT_EQ(event::structured_json(*binary.event), event::structured_json(*structured.event));
  EXPECT_EQ(binary.merge_time, structured.merge_time);
}

TEST(BinaryMode, takes_an_empty_or_null_value_for_no_data) {
  EXPECT_EQ(verdict(headers("customer.referred"), ""), "");
  EXPECT_EQ(verdict(headers("customer.referred"), "null"), "");
  EXPECT_EQ(verdict(headers(), ""), "missing_field:order_id");
  EXPECT_EQ(verdict(headers("customer.referred"), " "), "malformed");
}

TEST(BinaryMode, wants_an_object_as_data) {
  for (const char* value : {"[]", "7", "\"text\"", "true"}) EXPECT_EQ(verdict(headers(), value), "malformed:data");
  EXPECT_EQ(verdict(with_changed("ce_source", ""), "[]"), "malformed:source");  // which comes first
}

TEST(BinaryMode, refuses_a_value_that_is_not_json) {
  for (const char* value : {"{", "{}{}", "\xFF", "{\"a\":1,\"a\":2}", "{\"a\":NaN}", "{\"a\":\"\\ud800\"}"}) {
    EXPECT_EQ(verdict(headers(), value), "malformed") << value;
    EXPECT_FALSE(decode(headers(), value).merge_time.has_value());
  }
}

TEST(BinaryMode, counts_the_message_as_the_first_level) {
  const auto nested = [](std::size_t levels) {
    return R"({"order_id":"o","total_minor":1,"pad":)" + std::string(levels, '[') + std::string(levels, ']') + '}';
  };
  EXPECT_EQ(verdict(headers(), nested(62)), "");
  EXPECT_EQ(verdict(headers(), nested(63)), "malformed");
}

TEST(BinaryMode, takes_a_header_twice_for_a_key_twice) {
  EXPECT_EQ(verdict(with("ce_id", "e1"), kData), "malformed");
  EXPECT_EQ(verdict(with("ce_id", "e2"), kData), "malformed");
  HeaderList extension_twice = with("ce_traceparent", "x");
  extension_twice.emplace_back("ce_traceparent", "y");
  EXPECT_EQ(verdict(extension_twice, kData), "malformed");
  HeaderList other_twice = with("trace", "x");
  other_twice.emplace_back("trace", "y");
  EXPECT_EQ(verdict(other_twice, kData), "");
  EXPECT_EQ(verdict(with("ce_data", "x"), kData), "malformed");
  EXPECT_EQ(verdict(with("ce_data", "{}"), ""), "malformed:data");  // a string, as every header is
}

TEST(BinaryMode, refuses_headers_that_are_not_utf8) {
  EXPECT_EQ(verdict(with_changed("ce_subject", "m\xFCller"), kData), "malformed");
  EXPECT_EQ(verdict(with("ce_extension", "\xFF"), kData), "malformed");
  EXPECT_EQ(verdict(with("ce_\xFF", "x"), kData), "malformed");
  EXPECT_EQ(verdict(with("other", "\xFF"), kData), "");
}

TEST(BinaryMode, judges_attributes_as_structured_mode_does) {
  EXPECT_EQ(verdict(with_changed("ce_specversion", "0.3"), kData), "malformed:specversion");
  EXPECT_EQ(verdict(with_changed("ce_id", "a\nb"), kData), "malformed:id");
  EXPECT_EQ(verdict(with("ce_tenantid", ""), kData), "malformed:tenantid");
  EXPECT_EQ(verdict(with_changed("ce_type", "order.eaten"), kData), "unknown_type");
  EXPECT_EQ(verdict(with_changed("ce_time", "now"), kData), "bad_time");
  EXPECT_EQ(verdict(with("CE_TENANTID", ""), kData), "");  // names are case-sensitive: not an attribute
}

TEST(BinaryMode, counts_the_value_and_its_own_headers_for_too_large) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers()) bytes += name.size() + value.size();
  const std::string fits = std::string(kData) + std::string(65'536 - bytes - kData.size(), ' ');
  EXPECT_EQ(verdict(headers(), fits), "");
  EXPECT_EQ(verdict(headers(), fits + ' '), "too_large");
  EXPECT_EQ(verdict(with("other", std::string(100'000, 'x')), fits), "");
  EXPECT_EQ(verdict(with("ce_x", ""), fits), "too_large");
}

TEST(BinaryMode, survives_thousands_of_headers) {
  HeaderList many = headers();
  for (int i = 0; i < 5'000; ++i) many.emplace_back("ce_" + std::to_string(i), "");
  EXPECT_EQ(verdict(many, kData), "");
  many.emplace_back("ce_77", "");
  EXPECT_EQ(verdict(many, kData), "malformed");
}

}  // namespace
}  // namespace troth::decode
