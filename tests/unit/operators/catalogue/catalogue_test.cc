// The catalogue: 55 types, and what their fields say together.
#include "operators/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace troth::operators {
namespace {

Event event_of(Type type) {
  Event event;
  event.spec = &catalogue().types[static_cast<std::size_t>(type)];
  return event;
}

void say(Event& event, FieldId field, std::int64_t number) {
  event::Field said;
  said.id = static_cast<std::uint8_t>(field);
  said.number = number;
  event.fields.push_back(said);
}

/// "" if the check of the type passes, else the reason and the field.
std::string checked(const Event& event) {
  const auto rejection = event.spec->check(event);
  return rejection ? std::string(event::reason_name(rejection->reason)) + ':' + rejection->field : "";
}

// The table of TRUST_MODEL's catalogue as it stands there, without defaults.
struct Row {
  std::string_view type;
  std::string_view fields;
};
// clang-format off
constexpr Row kTable[] = {
    {"customer.updated", "segment, ltv_minor money"},
    {"order.placed",
     "order_id!, total_minor! money, discount_minor money, discount_purpose "
     "acquisition|retention|clearance|season|compensation|other, captive bool, new_category bool, premium bool"},
    {"delivery.promised", "order_id!, promise_id!, DUE, express bool"},
    {"order.charged", "order_id!, amount_minor! money, quoted_minor! money, consented bool"},
    {"order.terms_changed", "order_id, adverse! bool, consented! bool"},
    {"order.refund_promised", "order_id!, promise_id!, DUE"},
    {"delivery.repromised", "order_id!, promise_id!, DUE, notified bool, by_customer bool"},
    {"delivery.notified", "order_id!, promise_id, kind! delay|progress, option_offered bool"},
    {"delivery.excused", "order_id!, promise_id, cause! weather|strike|customs|authority|customer"},
    {"delivery.dispatched", "order_id!, promise_id"},
    {"delivery.scanned", "order_id!, promise_id"},
    {"delivery.out_for_delivery", "order_id!, promise_id"},
    {"delivery.attempted", "order_id!, promise_id, fault! carrier|customer|other"},
    {"delivery.delivered", "order_id!, promise_id, qty_delivered int 0..1000000, qty_promised int 1..1000000"},
    {"delivery.lost", "order_id!, promise_id"},
    {"delivery.damaged", "order_id!, promise_id, part basic|auxiliary"},
    {"delivery.wrong_item", "order_id!, promise_id"},
    {"promise.made",
     "promise_id!, kind! refund|compensation|replacement|warranty|repair|callback|update, DUE, order_id, "
     "complaint_id"},
    {"promise.changed", "promise_id!, DUE, notified bool, by_customer bool, order_id, complaint_id"},
    {"promise.excused", "promise_id!, cause! weather|strike|customs|authority|customer, order_id, complaint_id"},
    {"promise.kept", "promise_id!, order_id, complaint_id"},
    {"promise.withdrawn", "promise_id!, order_id, complaint_id"},
    {"order.refunded", "order_id!, promise_id"},
    {"order.cancelled",
     "order_id!, by! customer|merchant|system, reason! late|distrust|price|changed_mind|stock|fraud|other"},
    {"order.return_requested",
     "order_id!, reason! defect|damaged|not_as_described|wrong_item|late|no_need|other, part basic|auxiliary"},
    {"order.payment_disputed", "order_id!"},
    {"complaint.opened",
     "complaint_id!, order_id, kind complaint|question|claim, category "
     "delivery|quality|billing|misrepresentation|rude_staff|other, priority low|normal|high|urgent, loss_minor "
     "money, part basic|auxiliary"},
    {"complaint.acknowledged", "complaint_id!, order_id"},
    {"complaint.replied",
     "complaint_id!, order_id, by human|auto, public bool, apology bool, reason_given bool, personalised bool"},
    {"complaint.customer_replied", "complaint_id!, order_id, sentiment_ppm sppm, confidence_ppm ppm"},
    {"complaint.status_changed",
     "complaint_id!, order_id, status! new|open|awaiting_customer|awaiting_third_party|on_hold"},
    {"complaint.priority_changed", "complaint_id!, order_id, priority! low|normal|high|urgent"},
    {"complaint.reassigned", "complaint_id!, order_id, channel_switch bool"},
    {"complaint.compensation_promised",
     "complaint_id!, promise_id!, order_id, kind! cash|replacement|points|coupon, DUE"},
    {"complaint.compensation_paid",
     "complaint_id!, promise_id, order_id, kind! cash|replacement|points|coupon, amount_minor money"},
    {"complaint.resolved", "complaint_id!, order_id"},
    {"complaint.customer_confirmed", "complaint_id!, order_id"},
    {"complaint.customer_rejected", "complaint_id!, order_id"},
    {"complaint.reopened", "complaint_id!, order_id"},
    {"complaint.closed", "complaint_id!, order_id"},
    {"complaint.escalated_external", "complaint_id!, order_id, body! regulator|ombudsman|court|press|chargeback"},
    {"complaint.proactive_contact", "order_id, complaint_id"},
    {"review.submitted",
     "review_id!, order_id, stars! int 1..5, verified bool, sentiment_ppm sppm, confidence_ppm ppm"},
    {"review.updated", "review_id!, order_id, stars! int 1..5, sentiment_ppm sppm, confidence_ppm ppm"},
    {"review.removed", "review_id!, order_id"},
    {"review.replied", "review_id!, order_id, by human|auto"},
    {"survey.answered",
     "survey_id!, order_id, complaint_id, instrument! nps|csat|ces|servqual, score int 0..10, items items"},
    {"customer.referred", ""},
    {"customer.status_checked", "order_id"},
    {"customer.subscription_cancelled", ""},
    {"customer.account_closed", ""},
    {"outreach.sent", "order_id, complaint_id, kind thanks|aftercare|other"},
    {"coupon.issued", "order_id, complaint_id"},
    {"alert.acted",
     "alert_id!, action! acknowledge|snooze|assign|mute|close, actor, assignee, until time, note_code"},
    {"customer.erased", ""},
};
// clang-format on

/// The kind of a field in the words of the table, after a space; an id has none.
std::string kind_as_in_the_table(const event::FieldSpec& field) {
  const auto is_range = [&field](std::int64_t min, std::int64_t max) { return field.min == min && field.max == max; };
  std::string words;
  switch (field.kind) {
    case event::FieldKind::kBool: return " bool";
    case event::FieldKind::kTime: return " time";
    case event::FieldKind::kItems: return " items";
    case event::FieldKind::kInteger:
      if (is_range(0, 1'000'000'000'000'000)) return " money";
      if (is_range(0, 1'000'000) && field.name.ends_with("_ppm")) return " ppm";
      if (is_range(-1'000'000, 1'000'000)) return " sppm";
      return " int " + std::to_string(field.min) + ".." + std::to_string(field.max);
    case event::FieldKind::kOneOf:
      for (const std::string_view choice : field.choices) {
        words += words.empty() ? ' ' : '|';
        words += choice;
      }
      return words;
    default: return words;
  }
}

std::string fields_as_in_the_table(const event::TypeSpec& type) {
  std::string text;
  for (const event::FieldSpec& field : type.fields) {
    if (field.name == "due_date" || field.name == "due_zone") continue;
    if (!text.empty()) text += ", ";
    if (field.kind == event::FieldKind::kDueAt) {
      text += "DUE";
      continue;
    }
    text += field.name;
    if (field.required) text += '!';
    text += kind_as_in_the_table(field);
  }
  return text;
}

TEST(Catalogue, ranks_are_places) {
  const auto& types = catalogue().types;
  ASSERT_EQ(types.size(), kTypeCount);
  for (std::size_t i = 0; i < types.size(); ++i) EXPECT_EQ(types[i].rank, i);
  EXPECT_EQ(types[0].name, "customer.updated");
  EXPECT_EQ(types[17].name, "promise.made");
  EXPECT_EQ(types[42].name, "review.submitted");
  EXPECT_EQ(types[54].name, "customer.erased");
}

TEST(Catalogue, names_are_unique_and_found) {
  std::set<std::string_view> names;
  for (const auto& type : catalogue().types) {
    EXPECT_TRUE(names.insert(type.name).second);
    EXPECT_EQ(catalogue().find(type.name), &type);
  }
}

TEST(Catalogue, fields_are_unique_and_one_id_has_one_name) {
  std::map<std::uint8_t, std::string_view> names;
  for (const auto& type : catalogue().types) {
    std::set<std::uint8_t> ids;
    for (const auto& field : type.fields) {
      EXPECT_TRUE(ids.insert(field.id).second) << type.name << ' ' << field.name;
      EXPECT_EQ(names.emplace(field.id, field.name).first->second, field.name);
      EXPECT_EQ(field.choices.empty(),
                field.kind != event::FieldKind::kOneOf && field.kind != event::FieldKind::kItems);
    }
  }
  EXPECT_EQ(names.size(), 55U);
  EXPECT_EQ(names[static_cast<std::uint8_t>(FieldId::kNoteCode)], "note_code");
  EXPECT_EQ(names[static_cast<std::uint8_t>(FieldId::kComplaintId)], "complaint_id");
}

TEST(Catalogue, is_the_table_of_the_model) {
  ASSERT_EQ(std::size(kTable), catalogue().types.size());
  for (std::size_t i = 0; i < std::size(kTable); ++i) {
    const event::TypeSpec& type = catalogue().types[i];
    EXPECT_EQ(type.name, kTable[i].type);
    EXPECT_EQ(fields_as_in_the_table(type), kTable[i].fields) << type.name;
  }
}

TEST(Catalogue, six_types_have_a_due_time) {
  std::set<std::string_view> with_due;
  for (const auto& type : catalogue().types) {
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (type.fields[i].kind != event::FieldKind::kDueAt) continue;
      with_due.insert(type.name);
      ASSERT_LT(i + 2, type.fields.size());
      EXPECT_EQ(type.fields[i + 1].kind, event::FieldKind::kDueDate);
      EXPECT_EQ(type.fields[i + 2].kind, event::FieldKind::kDueZone);
    }
  }
  EXPECT_EQ(with_due,
            (std::set<std::string_view>{"delivery.promised", "order.refund_promised", "delivery.repromised",
                                        "promise.made", "promise.changed", "complaint.compensation_promised"}));
}

TEST(Catalogue, quantities_stand_only_together) {
  Event event = event_of(Type::kDeliveryDelivered);
  EXPECT_EQ(checked(event), "");
  say(event, FieldId::kQtyDelivered, 0);
  EXPECT_EQ(checked(event), "missing_field:qty_promised");
  say(event, FieldId::kQtyPromised, 1);
  EXPECT_EQ(checked(event), "");
  event.fields.erase(event.fields.begin());
  EXPECT_EQ(checked(event), "missing_field:qty_delivered");
}

TEST(Catalogue, a_proactive_contact_needs_an_order_or_a_complaint) {
  EXPECT_EQ(checked(event_of(Type::kComplaintProactiveContact)), "missing_field:order_id");
  for (const FieldId field : {FieldId::kOrderId, FieldId::kComplaintId}) {
    Event event = event_of(Type::kComplaintProactiveContact);
    say(event, field, 0);
    EXPECT_EQ(checked(event), "");
  }
}

std::string survey(std::int64_t instrument, std::optional<std::int64_t> score, bool has_items) {
  Event event = event_of(Type::kSurveyAnswered);
  say(event, FieldId::kInstrument, instrument);
  if (score) say(event, FieldId::kScore, *score);
  if (has_items) say(event, FieldId::kItems, 0);
  return checked(event);
}

TEST(Catalogue, each_instrument_has_its_scale) {
  struct Scale {
    std::int64_t instrument, least, greatest;
  };
  for (const Scale& scale : {Scale{0, 0, 10}, Scale{1, 1, 5}, Scale{2, 1, 7}}) {
    for (std::int64_t score = 0; score <= 10; ++score) {
      const bool is_good = score >= scale.least && score <= scale.greatest;
      EXPECT_EQ(survey(scale.instrument, score, false), is_good ? "" : "bad_value:score");
    }
  }
}

TEST(Catalogue, a_survey_is_judged_by_what_it_needs_then_by_what_it_must_not_have_then_by_its_scale) {
  EXPECT_EQ(survey(1, std::nullopt, true), "missing_field:score");
  EXPECT_EQ(survey(1, 9, true), "bad_value:items");
  EXPECT_EQ(survey(1, 9, false), "bad_value:score");
  EXPECT_EQ(survey(3, 9, false), "missing_field:items");
  EXPECT_EQ(survey(3, 9, true), "bad_value:score");
  EXPECT_EQ(survey(3, std::nullopt, true), "");
}

TEST(Catalogue, choice_gives_the_word) {
  Event event = event_of(Type::kOrderCancelled);
  EXPECT_EQ(choice(event, FieldId::kReason), "");
  say(event, FieldId::kReason, 1);
  EXPECT_EQ(choice(event, FieldId::kReason), "distrust");
}

}  // namespace
}  // namespace troth::operators
