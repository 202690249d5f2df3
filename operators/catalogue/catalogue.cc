#include "operators/catalogue/catalogue.h"

#include <vector>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

using event::FieldKind;
using event::FieldSpec;
using event::Reason;
using event::Rejection;
using event::TypeSpec;
using Words = std::span<const std::string_view>;
using F = FieldId;

static_assert(static_cast<std::size_t>(Type::kCustomerErased) == 54, "the ranks are those of the trust model");
static_assert(static_cast<std::size_t>(Type::kCustomerErased) + 1 == kTypeCount);

// ------------------------------------------------------------------------------------------------------------ words

// clang-format off
constexpr std::array<std::string_view, 55> kFieldNames = {
    "segment",        "ltv_minor",      "order_id",      "total_minor",    "discount_minor", "discount_purpose",
    "captive",        "new_category",   "premium",       "promise_id",     "due_at",         "due_date",
    "due_zone",       "express",        "amount_minor",  "quoted_minor",   "consented",      "adverse",
    "notified",       "by_customer",    "kind",          "option_offered", "cause",          "fault",
    "qty_delivered",  "qty_promised",   "part",          "complaint_id",   "by",             "reason",
    "category",       "priority",       "loss_minor",    "public",         "apology",        "reason_given",
    "personalised",   "sentiment_ppm",  "confidence_ppm", "status",       "channel_switch", "body",
    "review_id",      "stars",          "verified",      "survey_id",      "instrument",     "score",
    "items",          "alert_id",       "action",        "actor",          "assignee",       "until",
    "note_code"};
// clang-format on
static_assert(static_cast<std::size_t>(FieldId::kNoteCode) + 1 == kFieldNames.size());

constexpr std::string_view kDiscountPurposes[] = {"acquisition", "retention",    "clearance",
                                                  "season",      "compensation", "other"};
constexpr std::string_view kNoticeKinds[] = {"delay", "progress"};
constexpr std::string_view kCauses[] = {"weather", "strike", "customs", "authority", "customer"};
constexpr std::string_view kFaults[] = {"carrier", "customer", "other"};
constexpr std::string_view kParts[] = {"basic", "auxiliary"};
constexpr std::string_view kPromiseKindWords[] = {"refund", "compensation", "replacement", "warranty",
                                                  "repair", "callback",     "update"};
constexpr std::string_view kCancelledBy[] = {"customer", "merchant", "system"};
constexpr std::string_view kCancelReasons[] = {"late", "distrust", "price", "changed_mind", "stock", "fraud", "other"};
constexpr std::string_view kReturnReasons[] = {"defect",  "damaged", "not_as_described", "wrong_item", "late",
                                               "no_need", "other"};
constexpr std::string_view kComplaintKinds[] = {"complaint", "question", "claim"};
constexpr std::string_view kComplaintCategories[] = {"delivery",          "quality",    "billing",
                                                     "misrepresentation", "rude_staff", "other"};
constexpr std::string_view kPriorities[] = {"low", "normal", "high", "urgent"};
constexpr std::string_view kAuthors[] = {"human", "auto"};
constexpr std::string_view kStatuses[] = {"new", "open", "awaiting_customer", "awaiting_third_party", "on_hold"};
constexpr std::string_view kCompensations[] = {"cash", "replacement", "points", "coupon"};
constexpr std::string_view kBodies[] = {"regulator", "ombudsman", "court", "press", "chargeback"};
constexpr std::string_view kInstruments[] = {"nps", "csat", "ces", "servqual"};
constexpr std::string_view kItemDimensions[] = {"reliability", "responsiveness", "assurance", "empathy", "tangibles"};
constexpr std::string_view kOutreachKinds[] = {"thanks", "aftercare", "other"};
constexpr std::string_view kActions[] = {"acknowledge", "snooze", "assign", "mute", "close"};

// ----------------------------------------------------------------------------------------------------------- fields

constexpr std::int64_t kMoneyMax = 1'000'000'000'000'000;
constexpr std::int64_t kMillion = 1'000'000;

constexpr FieldSpec optional(F id, FieldKind kind) {
  const auto number = static_cast<std::uint8_t>(id);
  return {number, kFieldNames[number], kind, false, 0, 0, {}};
}
constexpr FieldSpec required(FieldSpec spec) {
  spec.required = true;
  return spec;
}
constexpr FieldSpec id(F field) { return optional(field, FieldKind::kId); }
constexpr FieldSpec boolean(F field) { return optional(field, FieldKind::kBool); }
constexpr FieldSpec time(F field) { return optional(field, FieldKind::kTime); }
constexpr FieldSpec integer(F field, std::int64_t min, std::int64_t max) {
  FieldSpec spec = optional(field, FieldKind::kInteger);
  spec.min = min;
  spec.max = max;
  return spec;
}
constexpr FieldSpec money(F field) { return integer(field, 0, kMoneyMax); }
constexpr FieldSpec ppm(F field) { return integer(field, 0, kMillion); }
constexpr FieldSpec sppm(F field) { return integer(field, -kMillion, kMillion); }
constexpr FieldSpec one_of(F field, Words words) {
  FieldSpec spec = optional(field, FieldKind::kOneOf);
  spec.choices = words;
  return spec;
}
constexpr FieldSpec items(F field) {
  FieldSpec spec = optional(field, FieldKind::kItems);
  spec.choices = kItemDimensions;
  return spec;
}

/// The fields of one type, in catalogue order; `due()` puts in the three of a due time.
class Fields {
 public:
  Fields(std::initializer_list<FieldSpec> specs) : specs_(specs) {}
  Fields& due() {
    specs_.push_back(optional(F::kDueAt, FieldKind::kDueAt));
    specs_.push_back(optional(F::kDueDate, FieldKind::kDueDate));
    specs_.push_back(optional(F::kDueZone, FieldKind::kDueZone));
    return *this;
  }
  Fields& then(std::initializer_list<FieldSpec> specs) {
    specs_.insert(specs_.end(), specs);
    return *this;
  }
  [[nodiscard]] std::vector<FieldSpec> take() { return std::move(specs_); }

 private:
  std::vector<FieldSpec> specs_;
};

// ----------------------------------------------------------------------------------------------------------- checks

Rejection missing(F field) {
  return {Reason::kMissingField, std::string(kFieldNames[static_cast<std::size_t>(field)])};
}
Rejection bad(F field) { return {Reason::kBadValue, std::string(kFieldNames[static_cast<std::size_t>(field)])}; }

/// Quantities say something only together.
std::optional<Rejection> check_quantities(const Event& event) {
  const bool has_delivered = has(event, F::kQtyDelivered);
  if (has_delivered == has(event, F::kQtyPromised)) return std::nullopt;
  return missing(has_delivered ? F::kQtyPromised : F::kQtyDelivered);
}

/// A contact must be about something.
std::optional<Rejection> check_contact(const Event& event) {
  if (has(event, F::kOrderId) || has(event, F::kComplaintId)) return std::nullopt;
  return missing(F::kOrderId);
}

struct ScoreRange {
  std::int64_t min;
  std::int64_t max;
};
constexpr std::array<ScoreRange, 3> kScoreRanges = {{{0, 10}, {1, 5}, {1, 7}}};  // nps, csat, ces
constexpr std::int64_t kServqual = 3;
static_assert(kInstruments[kServqual] == "servqual" && kScoreRanges.size() == kServqual);

/// What the instrument needs, then what it must not have, then the range of the score.
std::optional<Rejection> check_survey(const Event& event) {
  const std::int64_t instrument = number(event, F::kInstrument);
  const F needed = instrument == kServqual ? F::kItems : F::kScore;
  const F forbidden = instrument == kServqual ? F::kScore : F::kItems;
  if (!has(event, needed)) return missing(needed);
  if (has(event, forbidden)) return bad(forbidden);
  if (instrument == kServqual) return std::nullopt;
  const ScoreRange range = kScoreRanges[static_cast<std::size_t>(instrument)];
  const std::int64_t score = number(event, F::kScore);
  if (score < range.min || score > range.max) return bad(F::kScore);
  return std::nullopt;
}

// ------------------------------------------------------------------------------------------------------------ types

class Builder {
 public:
  void add(Type type, std::string_view name, Fields fields, std::optional<Rejection> (*check)(const Event&) = nullptr) {
    TROTH_ASSERT(static_cast<std::size_t>(type) == catalogue_.types.size());  // listed in the order of ranks
    catalogue_.types.push_back({name, static_cast<std::uint8_t>(type), fields.take(), check});
  }
  event::Catalogue take() {
    TROTH_ASSERT(catalogue_.types.size() == kTypeCount);
    catalogue_.item_dimensions = kItemDimensions;
    return std::move(catalogue_);
  }

 private:
  event::Catalogue catalogue_;
};

void add_orders_and_deliveries(Builder& b) {
  const FieldSpec order = required(id(F::kOrderId));
  const FieldSpec promise = required(id(F::kPromiseId));
  const FieldSpec of_promise = id(F::kPromiseId);
  b.add(Type::kCustomerUpdated, "customer.updated", {id(F::kSegment), money(F::kLtvMinor)});
  b.add(
      Type::kOrderPlaced, "order.placed",
      {order, required(money(F::kTotalMinor)), money(F::kDiscountMinor), one_of(F::kDiscountPurpose, kDiscountPurposes),
       boolean(F::kCaptive), boolean(F::kNewCategory), boolean(F::kPremium)});
  b.add(Type::kDeliveryPromised, "delivery.promised", Fields{order, promise}.due().then({boolean(F::kExpress)}));
  b.add(Type::kOrderCharged, "order.charged",
        {order, required(money(F::kAmountMinor)), required(money(F::kQuotedMinor)), boolean(F::kConsented)});
  b.add(Type::kOrderTermsChanged, "order.terms_changed",
        {id(F::kOrderId), required(boolean(F::kAdverse)), required(boolean(F::kConsented))});
  b.add(Type::kOrderRefundPromised, "order.refund_promised", Fields{order, promise}.due());
  b.add(Type::kDeliveryRepromised, "delivery.repromised",
        Fields{order, promise}.due().then({boolean(F::kNotified), boolean(F::kByCustomer)}));
  b.add(Type::kDeliveryNotified, "delivery.notified",
        {order, of_promise, required(one_of(F::kKind, kNoticeKinds)), boolean(F::kOptionOffered)});
  b.add(Type::kDeliveryExcused, "delivery.excused", {order, of_promise, required(one_of(F::kCause, kCauses))});
  b.add(Type::kDeliveryDispatched, "delivery.dispatched", {order, of_promise});
  b.add(Type::kDeliveryScanned, "delivery.scanned", {order, of_promise});
  b.add(Type::kDeliveryOutForDelivery, "delivery.out_for_delivery", {order, of_promise});
  b.add(Type::kDeliveryAttempted, "delivery.attempted", {order, of_promise, required(one_of(F::kFault, kFaults))});
  b.add(Type::kDeliveryDelivered, "delivery.delivered",
        {order, of_promise, integer(F::kQtyDelivered, 0, kMillion), integer(F::kQtyPromised, 1, kMillion)},
        check_quantities);
  b.add(Type::kDeliveryLost, "delivery.lost", {order, of_promise});
  b.add(Type::kDeliveryDamaged, "delivery.damaged", {order, of_promise, one_of(F::kPart, kParts)});
  b.add(Type::kDeliveryWrongItem, "delivery.wrong_item", {order, of_promise});
}

void add_promises_and_returns(Builder& b) {
  const FieldSpec order = required(id(F::kOrderId));
  const FieldSpec promise = required(id(F::kPromiseId));
  const FieldSpec of_order = id(F::kOrderId);
  const FieldSpec of_complaint = id(F::kComplaintId);
  b.add(Type::kPromiseMade, "promise.made",
        Fields{promise, required(one_of(F::kKind, kPromiseKindWords))}.due().then({of_order, of_complaint}));
  b.add(Type::kPromiseChanged, "promise.changed",
        Fields{promise}.due().then({boolean(F::kNotified), boolean(F::kByCustomer), of_order, of_complaint}));
  b.add(Type::kPromiseExcused, "promise.excused",
        {promise, required(one_of(F::kCause, kCauses)), of_order, of_complaint});
  b.add(Type::kPromiseKept, "promise.kept", {promise, of_order, of_complaint});
  b.add(Type::kPromiseWithdrawn, "promise.withdrawn", {promise, of_order, of_complaint});
  b.add(Type::kOrderRefunded, "order.refunded", {order, id(F::kPromiseId)});
  b.add(Type::kOrderCancelled, "order.cancelled",
        {order, required(one_of(F::kBy, kCancelledBy)), required(one_of(F::kReason, kCancelReasons))});
  b.add(Type::kOrderReturnRequested, "order.return_requested",
        {order, required(one_of(F::kReason, kReturnReasons)), one_of(F::kPart, kParts)});
  b.add(Type::kOrderPaymentDisputed, "order.payment_disputed", {order});
}

void add_complaints(Builder& b) {
  const FieldSpec complaint = required(id(F::kComplaintId));
  const FieldSpec of_order = id(F::kOrderId);
  b.add(Type::kComplaintOpened, "complaint.opened",
        {complaint, of_order, one_of(F::kKind, kComplaintKinds), one_of(F::kCategory, kComplaintCategories),
         one_of(F::kPriority, kPriorities), money(F::kLossMinor), one_of(F::kPart, kParts)});
  b.add(Type::kComplaintAcknowledged, "complaint.acknowledged", {complaint, of_order});
  b.add(Type::kComplaintReplied, "complaint.replied",
        {complaint, of_order, one_of(F::kBy, kAuthors), boolean(F::kPublic), boolean(F::kApology),
         boolean(F::kReasonGiven), boolean(F::kPersonalised)});
  b.add(Type::kComplaintCustomerReplied, "complaint.customer_replied",
        {complaint, of_order, sppm(F::kSentimentPpm), ppm(F::kConfidencePpm)});
  b.add(Type::kComplaintStatusChanged, "complaint.status_changed",
        {complaint, of_order, required(one_of(F::kStatus, kStatuses))});
  b.add(Type::kComplaintPriorityChanged, "complaint.priority_changed",
        {complaint, of_order, required(one_of(F::kPriority, kPriorities))});
  b.add(Type::kComplaintReassigned, "complaint.reassigned", {complaint, of_order, boolean(F::kChannelSwitch)});
  b.add(Type::kComplaintCompensationPromised, "complaint.compensation_promised",
        Fields{complaint, required(id(F::kPromiseId)), of_order, required(one_of(F::kKind, kCompensations))}.due());
  b.add(Type::kComplaintCompensationPaid, "complaint.compensation_paid",
        {complaint, id(F::kPromiseId), of_order, required(one_of(F::kKind, kCompensations)), money(F::kAmountMinor)});
  b.add(Type::kComplaintResolved, "complaint.resolved", {complaint, of_order});
  b.add(Type::kComplaintCustomerConfirmed, "complaint.customer_confirmed", {complaint, of_order});
  b.add(Type::kComplaintCustomerRejected, "complaint.customer_rejected", {complaint, of_order});
  b.add(Type::kComplaintReopened, "complaint.reopened", {complaint, of_order});
  b.add(Type::kComplaintClosed, "complaint.closed", {complaint, of_order});
  b.add(Type::kComplaintEscalatedExternal, "complaint.escalated_external",
        {complaint, of_order, required(one_of(F::kBody, kBodies))});
  b.add(Type::kComplaintProactiveContact, "complaint.proactive_contact", {of_order, id(F::kComplaintId)},
        check_contact);
}

void add_voice_and_behaviour(Builder& b) {
  const FieldSpec review = required(id(F::kReviewId));
  const FieldSpec stars = required(integer(F::kStars, 1, 5));
  const FieldSpec of_order = id(F::kOrderId);
  const FieldSpec of_complaint = id(F::kComplaintId);
  b.add(Type::kReviewSubmitted, "review.submitted",
        {review, of_order, stars, boolean(F::kVerified), sppm(F::kSentimentPpm), ppm(F::kConfidencePpm)});
  b.add(Type::kReviewUpdated, "review.updated",
        {review, of_order, stars, sppm(F::kSentimentPpm), ppm(F::kConfidencePpm)});
  b.add(Type::kReviewRemoved, "review.removed", {review, of_order});
  b.add(Type::kReviewReplied, "review.replied", {review, of_order, one_of(F::kBy, kAuthors)});
  b.add(Type::kSurveyAnswered, "survey.answered",
        {required(id(F::kSurveyId)), of_order, of_complaint, required(one_of(F::kInstrument, kInstruments)),
         integer(F::kScore, 0, 10), items(F::kItems)},
        check_survey);
  b.add(Type::kCustomerReferred, "customer.referred", {});
  b.add(Type::kCustomerStatusChecked, "customer.status_checked", {of_order});
  b.add(Type::kCustomerSubscriptionCancelled, "customer.subscription_cancelled", {});
  b.add(Type::kCustomerAccountClosed, "customer.account_closed", {});
  b.add(Type::kOutreachSent, "outreach.sent", {of_order, of_complaint, one_of(F::kKind, kOutreachKinds)});
  b.add(Type::kCouponIssued, "coupon.issued", {of_order, of_complaint});
  b.add(Type::kAlertActed, "alert.acted",
        {required(id(F::kAlertId)), required(one_of(F::kAction, kActions)), id(F::kActor), id(F::kAssignee),
         time(F::kUntil), id(F::kNoteCode)});
  b.add(Type::kCustomerErased, "customer.erased", {});
}

event::Catalogue build() {
  Builder builder;
  add_orders_and_deliveries(builder);
  add_promises_and_returns(builder);
  add_complaints(builder);
  add_voice_and_behaviour(builder);
  return builder.take();
}

}  // namespace

std::string_view choice(const Event& e, FieldId f) {
  const event::Field* field = e.find(static_cast<std::uint8_t>(f));
  if (field == nullptr) return {};
  for (const FieldSpec& spec : e.spec->fields) {
    if (spec.id != field->id) continue;
    TROTH_ASSERT(spec.kind == FieldKind::kOneOf);
    return spec.choices[static_cast<std::size_t>(field->number)];
  }
  return {};
}

std::string_view choice(const KeptEvent& e, FieldId f) {
  const event::KeptField* field = e.find(static_cast<std::uint8_t>(f));
  if (field == nullptr) return {};
  const FieldSpec& spec = e.spec->fields[field->place];
  TROTH_ASSERT(spec.kind == FieldKind::kOneOf);
  return spec.choices[static_cast<std::size_t>(field->number)];
}

const event::Catalogue& catalogue() {
  static const event::Catalogue built = build();
  return built;
}

}  // namespace troth::operators
