#include "tests/bench/small/small_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <utility>

#include "engine/base/bytes.h"

namespace troth::bench {
namespace {

constexpr std::array<std::string_view, 2> kStreams = {"scores", "alerts"};
enum Stream : std::uint8_t { kScores, kAlerts };
enum FieldId : std::uint8_t { kPromiseId, kDueAt, kComplaintId, kStars };
enum Type : std::uint8_t { kPlaced, kPromised, kDelivered, kOpened, kReplied, kReviewed, kOthers };

// Whatever else tests/bench/story.cc tells: it counts, and that is all.
constexpr std::string_view kOtherTypes[] = {"order.charged",          "delivery.dispatched",
                                            "delivery.scanned",       "delivery.out_for_delivery",
                                            "complaint.acknowledged", "complaint.customer_replied",
                                            "complaint.resolved",     "complaint.customer_confirmed"};

constexpr TimeUs kHalfLife = 30 * event::kDay;
constexpr TimeUs kReplyWithin = event::kDay;
constexpr std::int64_t kScoreMoved = 10;  // hundredths

void open(SmallState& state, TimeUs due, bool is_reply, std::string_view object) {
  const auto place = std::upper_bound(state.open.begin(), state.open.end(), due,
                                      [](TimeUs time, const Open& each) { return time < each.due; });
  state.open.insert(place, Open{due, is_reply, std::string(object)});
}

/// Whether it was open.
bool close(SmallState& state, bool is_reply, std::string_view object) {
  const auto found = std::find_if(state.open.begin(), state.open.end(), [&](const Open& each) {
    return each.is_reply == is_reply && each.object == object;
  });
  if (found == state.open.end()) return false;
  state.open.erase(found);
  return true;
}

}  // namespace

SmallModel::SmallModel() {
  using event::FieldKind;
  const event::FieldSpec promise{kPromiseId, "promise_id", FieldKind::kId, true};
  const event::FieldSpec complaint{kComplaintId, "complaint_id", FieldKind::kId, true};
  const event::FieldSpec due{kDueAt, "due_at", FieldKind::kDueAt};
  const event::FieldSpec stars{kStars, "stars", FieldKind::kInteger, true, 1, 5};
  catalogue_.types = {{"order.placed", kPlaced, {}},           {"delivery.promised", kPromised, {promise, due}},
                      {"delivery.delivered", kDelivered, {promise}}, {"complaint.opened", kOpened, {complaint}},
                      {"complaint.replied", kReplied, {complaint}},  {"review.submitted", kReviewed, {stars}}};
  for (const std::string_view name : kOtherTypes) {
    catalogue_.types.push_back({name, static_cast<std::uint8_t>(catalogue_.types.size()), {}});
  }
  // 2^-(i/steps) as the product of the roots that the bits of i stand for.
  for (std::size_t i = 0; i <= kSteps; ++i) {
    double power = 1.0;
    double root = 0.5;
    for (std::size_t bit = kSteps; bit != 0; bit /= 2) {
      if ((i & bit) != 0) power *= root;
      root = std::sqrt(root);
    }
    powers_[i] = power;
  }
}

std::span<const std::string_view> SmallModel::streams() const { return kStreams; }

// ----------------------------------------------------------------------------------------------------------- judgement

double SmallModel::decay(TimeUs time) const {
  constexpr TimeUs kStep = kHalfLife / kSteps;
  const TimeUs rest = time % kHalfLife;
  const auto step = static_cast<std::size_t>(rest / kStep);
  const double part = static_cast<double>(rest % kStep) / static_cast<double>(kStep);
  double power = powers_[step] + (powers_[step + 1] - powers_[step]) * part;
  for (TimeUs halvings = std::min<TimeUs>(time / kHalfLife, 64); halvings > 0; --halvings) power *= 0.5;
  return power;
}

void SmallModel::add(SmallState& state, TimeUs at, double good, double bad, task::Effects& effects) const {
  if (at > state.at) {
    const double power = decay(at - state.at);
    state.good *= power;
    state.bad *= power;
    state.at = at;
  }
  state.good += good;
  state.bad += bad;
  const double score = 10'000.0 * (state.good + 1.0) / (state.good + state.bad + 2.0);
  const auto hundredths = static_cast<std::int64_t>(std::floor(score + 0.5));
  if (std::abs(hundredths - state.sent) < kScoreMoved) return;
  state.sent = hundredths;
  effects.outputs.push_back({kScores, state.customer,
                             fmt::format(R"({{"customer":"{}","score_hundredths":{},"events":{},"as_of_us":{}}})",
                                         state.customer, hundredths, state.events, state.at)});
}

/// What is due, in order: before whatever comes later changes the sums, and however late we come to it.
void SmallModel::fire(SmallState& state, TimeUs until, task::Effects& effects) const {
  while (!state.open.empty() && state.open.front().due <= until) {
    const Open open = std::move(state.open.front());
    state.open.erase(state.open.begin());
    state.is_changed = true;
    const std::string_view rule = open.is_reply ? "REPLY_OVERDUE" : "PROMISE_BROKEN";
    effects.outputs.push_back({kAlerts, state.customer,
                               fmt::format(R"({{"customer":"{}","rule":"{}","object":"{}","due_us":{}}})",
                                           state.customer, rule, open.object, open.due)});
    add(state, open.due, 0.0, open.is_reply ? 2.0 : 3.0, effects);
  }
}

task::Verdict SmallModel::apply(task::KeyState& state, event::Event event, std::string_view, TimeUs,
                                task::Effects& effects) const {
  auto& customer = static_cast<SmallState&>(state);
  fire(customer, event.time, effects);
  ++customer.events;
  customer.is_changed = true;
  switch (event.rank()) {
    case kPlaced: add(customer, event.time, 0.2, 0.0, effects); break;
    case kPromised:
      open(customer, event.number(kDueAt, event.time), false, event.text(kPromiseId));
      fire(customer, event.time, effects);
      break;
    case kDelivered:
      if (close(customer, false, event.text(kPromiseId))) add(customer, event.time, 1.0, 0.0, effects);
      break;
    case kOpened:
      open(customer, event.time + kReplyWithin, true, event.text(kComplaintId));
      add(customer, event.time, 0.0, 1.0, effects);
      break;
    case kReplied:
      if (close(customer, true, event.text(kComplaintId))) add(customer, event.time, 0.5, 0.0, effects);
      break;
    case kReviewed: {
      const auto stars = static_cast<double>(event.number(kStars));
      add(customer, event.time, stars / 5.0, (5.0 - stars) / 5.0, effects);
      break;
    }
    default: break;
  }
  return {task::Verdict::Kind::kApplied, {}};
}

void SmallModel::settle(task::KeyState& state, TimeUs tau, task::Effects& effects) const {
  auto& customer = static_cast<SmallState&>(state);
  fire(customer, tau, effects);
  effects.next_timer = customer.open.empty() ? event::kNever : customer.open.front().due;
}

// -------------------------------------------------------------------------------------------------------------- stored

std::unique_ptr<task::KeyState> SmallModel::create(std::string_view key) const {
  return std::make_unique<SmallState>(key);
}

void SmallModel::encode(task::KeyState& state, task::PartWriter& out) const {
  auto& customer = static_cast<SmallState&>(state);
  if (!std::exchange(customer.is_changed, false)) return;  // a timer fired too early, and that was all
  base::ByteWriter head;
  head.reserve(64 + customer.open.size() * 32);
  head.be64(std::bit_cast<std::uint64_t>(customer.good));
  head.be64(std::bit_cast<std::uint64_t>(customer.bad));
  head.zigzag(customer.at);
  head.varint(customer.events);
  head.zigzag(customer.sent);
  head.varint(customer.open.size());
  for (const Open& each : customer.open) {
    head.zigzag(each.due);
    head.boolean(each.is_reply);
    head.string(each.object);
  }
  out.put("", head.bytes());
}

base::Result<std::unique_ptr<task::KeyState>> SmallModel::decode(std::string_view key, const task::Parts& parts) const {
  auto state = std::make_unique<SmallState>(key);
  bool is_whole = true;
  parts.for_each([&](std::string_view, std::string_view bytes) {
    base::ByteReader in(bytes);
    state->good = std::bit_cast<double>(in.be64());
    state->bad = std::bit_cast<double>(in.be64());
    state->at = in.zigzag();
    state->events = in.varint();
    state->sent = in.zigzag();
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      Open& each = state->open.emplace_back();
      each.due = in.zigzag();
      each.is_reply = in.boolean();
      each.object = in.string();
    }
    is_whole = is_whole && in.ok() && in.at_end();
  });
  if (!is_whole) return base::Error{"a part has an odd length"};
  return std::unique_ptr<task::KeyState>(std::move(state));
}

}  // namespace troth::bench
