// Structured mode: which event a message is, or which reason comes first.
#include "engine/decode/decoder.h"

#include <gtest/gtest.h>

#include "engine/event/rules.h"
#include "operators/catalogue/catalogue.h"

namespace troth::decode {
namespace {

using event::Event;
using event::Reason;
using operators::FieldId;

Decoded decode(std::string_view message) { return Decoder(operators::catalogue()).structured(message); }

/// A message of `type` with `data` and, before it, other attributes (each with a comma after it).
std::string message(std::string_view type, std::string_view data, std::string_view more = "") {
  return R"({"specversion":"1.0","source":"shop","id":"e1","subject":"c1","time":"2026-01-05T09:00:00Z",)" +
         std::string(more) + R"("type":")" + std::string(type) + R"(","data":)" + std::string(data) + '}';
}

/// "" for an event, else the reason and after a colon the field.
std::string verdict(const Decoded& decoded) {
  EXPECT_NE(decoded.event.has_value(), decoded.rejection.has_value());
  if (!decoded.rejection) return "";
  std::string text(event::reason_name(decoded.rejection->reason));
  return decoded.rejection->field.empty() ? text : text + ':' + decoded.rejection->field;
}

std::string verdict(std::string_view text) { return verdict(decode(text)); }
std::string verdict(std::string_view type, std::string_view data) { return verdict(message(type, data)); }

std::string content(std::string_view type, std::string_view data) {
  const Decoded decoded = decode(message(type, data));
  return decoded.event ? event::canonical_content(*decoded.event) : verdict(decoded);
}

TEST(Decoder, fills_an_event) {
  const Decoded decoded =
      decode(R"({"specversion":"1.0","source":"shop","id":"e1","type":"order.placed","time":"2026-01-05T09:00:00.5Z",)"
             R"("subject":"c1","tenantid":"t1","data":{"labels":{"team":"north","carrier":"dhl"},"premium":true,)"
             R"("total_minor":5000,"order_id":"o1","discount_purpose":"season"}})");
  ASSERT_TRUE(decoded.event.has_value());
  const Event& event = *decoded.event;
  EXPECT_EQ(operators::type_of(event), operators::Type::kOrderPlaced);
  EXPECT_EQ(event.time, 1'767'603'600'500'000);
  EXPECT_EQ(decoded.merge_time, event.time);
  EXPECT_EQ(event.tenant, "t1");
  EXPECT_EQ(event.subject, "c1");
  EXPECT_EQ(event.source, "shop");
  EXPECT_EQ(event.id, "e1");
  ASSERT_EQ(event.fields.size(), 4U);  // in the order of the catalogue, not of the message
  EXPECT_EQ(operators::text(event, FieldId::kOrderId), "o1");
  EXPECT_EQ(event.fields[1].number, 5000);
  EXPECT_EQ(operators::choice(event, FieldId::kDiscountPurpose), "season");
  EXPECT_TRUE(operators::flag(event, FieldId::kPremium));
  ASSERT_EQ(event.labels.size(), 2U);
  EXPECT_EQ(event.labels[0], (std::pair<std::string, std::string>("carrier", "dhl")));
}

TEST(Decoder, takes_null_for_absent) {
  EXPECT_EQ(content("customer.updated", R"({"segment":null,"ltv_minor":null,"labels":null})"), "[{},{}]");
  EXPECT_EQ(content("customer.updated", "null"), "[{},{}]");
  EXPECT_EQ(verdict("order.placed", R"({"order_id":"o1","total_minor":null})"), "missing_field:total_minor");
  const Decoded decoded = decode(message("customer.updated", "{}", R"("tenantid":null,)"));
  ASSERT_TRUE(decoded.event.has_value());
  EXPECT_EQ(decoded.event->tenant, event::kDefaultTenant);
}

TEST(Decoder, keeps_no_defaults_and_no_unknown_fields) {
  EXPECT_EQ(content("complaint.replied", R"({"complaint_id":"k","public":false,"text":"sorry","by":"human"})"),
            R"([{"by":"human","complaint_id":"k","public":false},{}])");
}

TEST(Decoder, reads_escaped_keys_and_values) {
  EXPECT_EQ(content("customer.updated", R"({"\u0073egment":"g\u00f6ld"})"), R"([{"segment":"göld"},{}])");
}

TEST(Decoder, an_empty_message_is_malformed) {
  EXPECT_EQ(verdict(""), "malformed");
  EXPECT_EQ(verdict(" \n"), "malformed");
}

TEST(Decoder, counts_every_byte_for_too_large) {
  const std::string good = message("customer.referred", "{}");
  const std::string padded = good + std::string(65'536 - good.size(), ' ');
  EXPECT_EQ(verdict(padded), "");
  EXPECT_EQ(verdict(padded + ' '), "too_large");
  EXPECT_EQ(verdict(std::string(65'537, '{')), "too_large");
  EXPECT_EQ(decode(padded + ' ').merge_time, std::nullopt);
}

TEST(Decoder, judges_the_envelope_in_a_fixed_order) {
  EXPECT_EQ(verdict("{}"), "malformed:specversion");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"a b","id":"","type":7,"data":[]})"), "malformed:source");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"","type":7,"data":[]})"), "malformed:id");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","tenantid":"","type":7,"data":[]})"),
            "malformed:subject");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","subject":"c","tenantid":"","type":7,"data":[]})"),
            "malformed:tenantid");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","subject":"c","type":null,"data":[]})"),
            "malformed:type");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","subject":"c","type":"x","data":[]})"),
            "malformed:data");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","subject":"c","type":"x","data":{}})"),
            "unknown_type");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","source":"s","id":"e","subject":"c","type":"order.placed","data":{}})"),
            "bad_time");
}

TEST(Decoder, a_control_character_in_the_type_is_malformed) {
  EXPECT_EQ(verdict("order.placed\\n", "{}"), "malformed:type");
  EXPECT_EQ(verdict("\\u007f", "{}"), "malformed:type");
  EXPECT_EQ(verdict("", "{}"), "unknown_type");
}

TEST(Decoder, gives_the_time_by_which_inputs_merge_whatever_else_is_wrong) {
  const std::string time = R"("time":"2026-01-05T09:00:00Z")";
  EXPECT_TRUE(decode('{' + time + '}').merge_time.has_value());
  EXPECT_TRUE(decode(message("order.eaten", "{}")).merge_time.has_value());
  EXPECT_TRUE(decode(message("order.placed", "{}")).merge_time.has_value());
  EXPECT_TRUE(decode(message("order.placed", "[]")).merge_time.has_value());
  EXPECT_FALSE(decode('{' + time + ",\"a\":1,\"a\":2}").merge_time.has_value());
  EXPECT_FALSE(decode('[' + std::string("{") + time + "}]").merge_time.has_value());
  EXPECT_FALSE(decode(R"({"time":"2026-01-05"})").merge_time.has_value());
  EXPECT_FALSE(decode(R"({"data":{"time":"2026-01-05T09:00:00Z"}})").merge_time.has_value());
}

TEST(Decoder, integers_are_written_without_fraction_or_exponent) {
  const auto total = [](std::string_view number) {
    return verdict("order.placed", R"({"order_id":"o","total_minor":)" + std::string(number) + '}');
  };
  for (const char* good : {"0", "-0", "1", "1000000000000000"}) EXPECT_EQ(total(good), "") << good;
  for (const char* bad : {"1.0", "1e3", "1E0", "-0.0", "1000000000000001", "-1", "9223372036854775808",
                          "18446744073709551616", "123456789012345678901234567890", "1e999", "\"1\"", "true", "[]"}) {
    EXPECT_EQ(total(bad), "bad_value:total_minor") << bad;
  }
  EXPECT_EQ(total("01"), "malformed");
  EXPECT_EQ(total("NaN"), "malformed");
  EXPECT_EQ(content("order.placed", R"({"order_id":"o","total_minor":-0})"),
            R"([{"order_id":"o","total_minor":0},{}])");
}

TEST(Decoder, numbers_of_any_size_may_stand_in_fields_that_nobody_reads) {
  EXPECT_EQ(verdict("customer.referred", R"({"a":1e999,"b":-123456789012345678901234567890,"c":0.1e-400})"), "");
}

TEST(Decoder, judges_field_by_field_in_the_order_of_the_catalogue) {
  EXPECT_EQ(verdict("order.placed", R"({"total_minor":-1})"), "missing_field:order_id");
  EXPECT_EQ(verdict("order.placed", R"({"total_minor":-1,"order_id":"o","captive":1})"), "bad_value:total_minor");
  EXPECT_EQ(verdict("order.placed", R"({"premium":0,"captive":1,"order_id":"o","total_minor":1,"labels":[]})"),
            "bad_value:captive");
}

// -------------------------------------------------------------------------------------------------------- due times

std::string promised(std::string_view due, std::string_view more = "") {
  return verdict("delivery.promised",
                 R"({"order_id":"o","promise_id":"p",)" + std::string(due) + std::string(more) + '}');
}

std::string due_at(std::string_view fields) {
  const Decoded decoded = decode(
      message("delivery.promised", R"({"order_id":"o","promise_id":"p","express":true,)" + std::string(fields) + '}'));
  if (!decoded.event) return verdict(decoded);
  EXPECT_EQ(decoded.event->fields.size(), 4U);
  EXPECT_EQ(decoded.event->fields[2].id, static_cast<std::uint8_t>(FieldId::kDueAt));
  return event::format_time(operators::number(*decoded.event, FieldId::kDueAt));
}

TEST(DueTime, of_a_date_is_the_last_microsecond_of_the_day_there) {
  EXPECT_EQ(due_at(R"("due_at":"2026-01-09T12:00:00+01:00")"), "2026-01-09T11:00:00.000000Z");
  EXPECT_EQ(due_at(R"("due_date":"2026-01-09","due_zone":"UTC")"), "2026-01-09T23:59:59.999999Z");
  EXPECT_EQ(due_at(R"("due_date":"2026-01-09","due_zone":"Europe/Berlin")"), "2026-01-09T22:59:59.999999Z");
  EXPECT_EQ(due_at(R"("due_date":"2026-03-28","due_zone":"Europe/Berlin")"), "2026-03-28T22:59:59.999999Z");
  EXPECT_EQ(due_at(R"("due_date":"2026-03-29","due_zone":"Europe/Berlin")"), "2026-03-29T21:59:59.999999Z");
  EXPECT_EQ(due_at(R"("due_date":"2099-12-30","due_zone":"Pacific/Kiritimati")"), "2099-12-30T09:59:59.999999Z");
  EXPECT_EQ(due_at(R"("due_date":"2099-12-30","due_zone":"Etc/GMT+12")"), "2099-12-31T11:59:59.999999Z");
}

TEST(DueTime, of_a_date_waits_for_a_midnight_that_does_not_occur) {
  // Summer time began at 00:00 in São Paulo on 2018-11-04: that day began at the instant of the transition.
  const std::string event =
      R"({"specversion":"1.0","source":"s","id":"e","subject":"c","time":"2018-01-05T09:00:00Z",)"
      R"("type":"delivery.promised","data":{"order_id":"o","promise_id":"p","due_date":"2018-11-03","due_zone":"America/Sao_Paulo"}})";
  const Decoded decoded = decode(event);
  ASSERT_TRUE(decoded.event.has_value());
  EXPECT_EQ(event::format_time(operators::number(*decoded.event, FieldId::kDueAt)), "2018-11-04T02:59:59.999999Z");
}

TEST(DueTime, is_either_a_time_or_a_date_in_a_zone) {
  EXPECT_EQ(promised(R"("express":true)"), "missing_field:due_at");
  EXPECT_EQ(promised(R"("due_date":"2026-02-01")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_zone":"UTC")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_at":"2026-02-01T00:00:00Z","due_zone":"UTC")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_at":"2026-02-01T00:00:00Z","due_date":"2026-02-01")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_at":"2026-02-01T00:00:00Z","due_date":"2026-02-01","due_zone":"UTC")"),
            "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_at":"2026-02-01T00:00:00Z","due_date":null,"due_zone":null)"), "");
}

TEST(DueTime, is_judged_part_by_part_before_the_combination_and_that_after_all_fields) {
  EXPECT_EQ(promised(R"("due_at":"soon","due_date":"soon","due_zone":"X")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_date":"soon","due_zone":"X")"), "bad_value:due_date");
  EXPECT_EQ(promised(R"("due_date":"2026-02-01","due_zone":"europe/berlin")"), "bad_value:due_zone");
  EXPECT_EQ(promised(R"("due_date":"2026-02-01","due_zone":"")"), "bad_value:due_zone");
  EXPECT_EQ(promised(R"("due_date":"2026-02-01","due_zone":"../UTC")"), "bad_value:due_zone");
  EXPECT_EQ(promised(R"("due_at":"2026-02-01T00:00:00Z","due_zone":"X")"), "bad_value:due_zone");
  EXPECT_EQ(promised(R"("due_zone":"UTC")", R"(,"express":1)"), "bad_value:express");
  EXPECT_EQ(promised(R"("express":1)"), "bad_value:express");
  EXPECT_EQ(promised(R"("due_zone":"UTC")", R"(,"labels":1)"), "bad_value:due_at");
}

TEST(DueTime, is_not_before_the_event) {
  EXPECT_EQ(promised(R"("due_at":"2026-01-05T09:00:00Z")"), "");
  EXPECT_EQ(promised(R"("due_at":"2026-01-05T08:59:59.999999Z")"), "bad_value:due_at");
  EXPECT_EQ(promised(R"("due_date":"2026-01-05","due_zone":"UTC")"), "");
  EXPECT_EQ(promised(R"("due_date":"2026-01-04","due_zone":"UTC")"), "bad_value:due_at");
}

TEST(DueTime, has_dates_from_1970_01_02_to_2099_12_30) {
  EXPECT_EQ(promised(R"("due_date":"1970-01-01","due_zone":"UTC")"), "bad_value:due_date");
  EXPECT_EQ(promised(R"("due_date":"1970-01-02","due_zone":"UTC")"), "bad_value:due_at");  // long before the event
  EXPECT_EQ(promised(R"("due_date":"2099-12-30","due_zone":"UTC")"), "");
  EXPECT_EQ(promised(R"("due_date":"2099-12-31","due_zone":"UTC")"), "bad_value:due_date");
}

TEST(DueTime, does_not_mix_up_the_zones_of_events_in_a_row) {
  Decoder decoder(operators::catalogue());
  const auto due = [&decoder](std::string_view zone) {
    const Decoded decoded = decoder.structured(message(
        "delivery.promised",
        R"({"order_id":"o","promise_id":"p","due_date":"2026-01-09","due_zone":")" + std::string(zone) + "\"}"));
    return decoded.event ? event::format_time(operators::number(*decoded.event, FieldId::kDueAt)) : verdict(decoded);
  };
  EXPECT_EQ(due("Asia/Tokyo"), "2026-01-09T14:59:59.999999Z");
  EXPECT_EQ(due("Asia/Tokyo"), "2026-01-09T14:59:59.999999Z");
  EXPECT_EQ(due("UTC"), "2026-01-09T23:59:59.999999Z");
  EXPECT_EQ(due("Nowhere"), "bad_value:due_zone");
  EXPECT_EQ(due("Asia/Tokyo"), "2026-01-09T14:59:59.999999Z");
}

// --------------------------------------------------------------------------------------------------- labels and items

std::string labelled(std::string_view labels) {
  return verdict("customer.referred", R"({"labels":)" + std::string(labels) + '}');
}

TEST(Labels, are_at_most_eight_short_strings) {
  EXPECT_EQ(labelled("{}"), "");
  EXPECT_EQ(labelled(R"({"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1","h":"1"})"), "");
  EXPECT_EQ(labelled(R"({"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1","h":"1","i":"1"})"),
            "bad_value:labels");
  EXPECT_EQ(labelled("{\"" + std::string(32, 'k') + "\":\"" + std::string(128, 'v') + "\"}"), "");
  EXPECT_EQ(labelled("{\"" + std::string(33, 'k') + "\":\"v\"}"), "bad_value:labels");
  for (const char* bad : {"[]", "\"x\"", "1", "true", R"({"a":1})", R"({"a":null})", R"({"a":""})", R"({"":"a"})",
                          R"({"a":{"b":"c"}})", R"({"a":"b\u0000"})", R"({"a\u007f":"b"})"}) {
    EXPECT_EQ(labelled(bad), "bad_value:labels") << bad;
  }
}

std::string answered(std::string_view items) {
  return content("survey.answered", R"({"survey_id":"s","instrument":"servqual","items":)" + std::string(items) + '}');
}

TEST(Items, are_completed_to_dimension_score_and_weight) {
  EXPECT_EQ(answered(R"([{"weight":null,"score":1,"dimension":"tangibles","note":[1]},)"
                     R"({"dimension":"reliability","score":7,"weight":1000}])"),
            R"([{"instrument":"servqual","items":[{"dimension":"tangibles","score":1,"weight":1},)"
            R"({"dimension":"reliability","score":7,"weight":1000}],"survey_id":"s"},{}])");
}

TEST(Items, are_wrong_if_anything_inside_is) {
  for (const char* bad : {"{}",
                          "[]",
                          "7",
                          "[7]",
                          "[[]]",
                          "[{}]",
                          R"([{"score":1}])",
                          R"([{"dimension":"empathy"}])",
                          R"([{"dimension":null,"score":1}])",
                          R"([{"dimension":"empathy","score":null}])",
                          R"([{"dimension":"Empathy","score":1}])",
                          R"([{"dimension":1,"score":1}])",
                          R"([{"dimension":"empathy","score":0}])",
                          R"([{"dimension":"empathy","score":8}])",
                          R"([{"dimension":"empathy","score":4294967301}])",
                          R"([{"dimension":"empathy","score":1.0}])",
                          R"([{"dimension":"empathy","score":"1"}])",
                          R"([{"dimension":"empathy","score":1,"weight":0}])",
                          R"([{"dimension":"empathy","score":1,"weight":1001}])",
                          R"([{"dimension":"empathy","score":1,"weight":true}])",
                          R"([{"dimension":"empathy","score":1},null])"}) {
    EXPECT_EQ(answered(bad), "bad_value:items") << bad;
  }
}

TEST(Items, are_at_most_fifty) {
  std::string items = R"([{"dimension":"empathy","score":1})";
  for (int i = 1; i < 50; ++i) items += R"(,{"dimension":"empathy","score":1})";
  EXPECT_NE(answered(items + ']'), "bad_value:items");
  EXPECT_EQ(answered(items + R"(,{"dimension":"empathy","score":1}])"), "bad_value:items");
}

TEST(Decoder, judges_fields_then_what_they_say_together_then_labels) {
  EXPECT_EQ(verdict("delivery.delivered", R"({"order_id":"o","qty_delivered":1,"labels":1})"),
            "missing_field:qty_promised");
  EXPECT_EQ(verdict("delivery.delivered", R"({"order_id":"o","qty_delivered":-1})"), "bad_value:qty_delivered");
  EXPECT_EQ(verdict("complaint.proactive_contact", R"({"labels":1})"), "missing_field:order_id");
}

}  // namespace
}  // namespace troth::decode
