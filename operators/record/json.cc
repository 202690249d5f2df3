#include "operators/record/json.h"

#include <algorithm>
#include <array>

#include "engine/base/assert.h"
#include "engine/event/time.h"
#include "operators/record/digest.h"
#include "operators/record/sort_few.h"

namespace troth::operators {
namespace {

using base::JsonWriter;

void time_field(JsonWriter& json, base::JsonName name, TimeUs time) {
  json.key(name);
  if (time == kNever) return json.null();
  const auto text = event::time_text(time);
  json.plain_string({text.data(), text.size()});
}

/// Where in a record the fields stand that move by themselves; asked for only if it is to be compared.
class Moving {
 public:
  /// Writes a field that moves.
  template <typename Write>
  static void field(Moving* moving, const JsonWriter& json, const Write& write) {
    const std::size_t begin = json.text().size();
    write();
    if (moving != nullptr) moving->pieces_.push_back({begin, json.text().size()});
  }
  /// Of all that does not move.
  [[nodiscard]] std::uint64_t digest_without(std::string_view text) const {
    Digest digest;
    std::size_t done = 0;
    for (const Piece& piece : pieces_) {
      digest.add(text.substr(done, piece.begin - done));
      done = piece.end;
    }
    digest.add(text.substr(done));
    return digest.value();
  }

 private:
  struct Piece {
    std::size_t begin, end;
  };
  std::vector<Piece> pieces_;  // in order
};

void names_field(JsonWriter& json, base::JsonName name, const std::vector<std::string>& names) {
  json.key(name);
  json.begin_list();
  for (const std::string& each : names) json.string(each);
  json.end_list();
}

template <typename AnyLabels>
void labels_field(JsonWriter& json, const AnyLabels& labels) {
  json.key("labels");
  json.begin_map();
  for (const auto& [key, value] : labels) json.field(key, value);
  json.end_map();
}

void optional_text(JsonWriter& json, base::JsonName name, std::string_view value) {
  json.key(name);
  if (value.empty()) {
    json.null();
  } else {
    json.string(value);
  }
}

// ---------------------------------------------------------------------------------------------- parts of the score

void write_promise(JsonWriter& json, const CasePromise& each, TimeUs t, Moving* moving) {
  const Promise& promise = *each.promise;
  json.begin_map();
  json.field("case", each.one->bucket->key);
  json.field("changes", promise.changes);
  json.field("class", promise.promise_class);
  time_field(json, "due_at", promise.due_at);
  time_field(json, "ended_at", promise.ended_at);
  json.field("excused", promise.excused);
  time_field(json, "first_due_at", promise.first_due_at);
  json.field("kind", name_of(promise.kind));
  labels_field(json, each.one->events[promise.made_by]->labels());
  const TimeUs until = promise.ended_at == kNever ? t : promise.ended_at;
  const TimeUs late_s = std::max<TimeUs>(0, event::floor_div(until - promise.first_due_at, event::kSecond));
  Moving::field(moving, json, [&] { json.field("lateness_s", late_s); });
  time_field(json, "made_at", promise.made_at);
  json.field("outcome", each.outcome(t));
  json.field("promise_id", promise.promise_id);
  json.field("told_before_due", promise.told_before_due);
  json.end_map();
}

void write_clock(JsonWriter& json, const CaseClock& each, TimeUs t, Moving* moving) {
  const ClockRun& run = *each.run;
  json.begin_map();
  json.field("case", each.one->bucket->key);
  json.field("clock", name_of(run.clock));
  json.field("complaint_id", run.complaint_id);
  time_field(json, "due_at", run.due_at);
  Moving::field(moving, json, [&] { json.field("elapsed_s", elapsed_at(run, t) / event::kSecond); });
  json.field("paused", run.paused);
  time_field(json, "started_at", run.started_at);
  json.field("target_s", run.target_us / event::kSecond);
  json.end_map();
}

void write_finding(JsonWriter& json, const Case& one, const Finding& finding) {
  json.begin_map();
  json.field("case", one.bucket->key);
  json.field("class", finding.finding_class);
  names_field(json, "events", one.names(finding.events));
  json.field("excused", finding.excused);
  json.field("kind", name_of(finding.kind));
  json.field("lead_s", finding.lead_s);
  json.field("magnitude", finding.magnitude);
  json.field("object", finding.object.str());
  time_field(json, "stamp", finding.stamp);
  json.end_map();
}

void write_explanation_row(JsonWriter& json, const ExplanationRow& row) {
  json.begin_map();
  if (!row.case_key.empty()) json.field("case", row.case_key);
  if (!row.dimension.empty()) json.field("dimension", row.dimension);
  if (!row.case_key.empty()) names_field(json, "events", row.events);
  json.field("kind", row.kind);
  if (!row.case_key.empty()) json.field("object", row.object);
  json.field("points", row.points);
  json.end_map();
}

void write_acted(JsonWriter& json, const KeptEvent& action) {
  json.key("acted");
  json.begin_map();
  json.field("action", choice(action, FieldId::kAction));
  optional_text(json, "actor", text(action, FieldId::kActor));
  optional_text(json, "assignee", text(action, FieldId::kAssignee));
  time_field(json, "at", action.time);
  optional_text(json, "note_code", text(action, FieldId::kNoteCode));
  time_field(json, "until", number(action, FieldId::kUntil, kNever));
  json.end_map();
}

void write_interval(JsonWriter& json, const View& view, const CaseInterval& each) {
  const Customer& customer = *view.customer;
  const std::string object = each.interval->object.str();
  const std::string_view rule = name_of(each.interval->rule);
  json.begin_map();
  json.field("alert_id", alert_id(customer.tenant(), rule, customer.id(), object));
  json.field("case", each.one->bucket->key);
  json.field("object", object);
  time_field(json, "opened_at", each.interval->start);
  time_field(json, "resolved_at", each.end() <= view.t ? each.end() : kNever);
  json.field("rule", rule);
  json.field("state", each.state(view.t));
  json.end_map();
}

// ------------------------------------------------------------------------------------------- parts of trust.scores

/// At most kStreamedListMax open promises: least due first, then case, then making.
std::vector<CasePromise> streamed_promises(const View& view) {
  std::vector<const CasePromise*> open;  // into one list: of equal ones the earlier there comes first
  for (const CasePromise& each : view.promises) {
    if (each.is_open(view.t)) open.push_back(&each);
  }
  const auto end = open.begin() + static_cast<std::ptrdiff_t>(std::min(open.size(), kStreamedListMax));
  std::partial_sort(open.begin(), end, open.end(), [](const CasePromise* a, const CasePromise* b) {
    return a->promise->due_at != b->promise->due_at ? a->promise->due_at < b->promise->due_at : a < b;
  });
  std::vector<CasePromise> listed;
  listed.reserve(static_cast<std::size_t>(end - open.begin()));
  for (auto at = open.begin(); at != end; ++at) listed.push_back(**at);
  return listed;
}

std::vector<CaseClock> streamed_clocks(const View& view) {
  std::vector<CaseClock> clocks = view.clocks;
  sort_few(clocks, [](const CaseClock& a, const CaseClock& b) { return a.run->due_at < b.run->due_at; });
  if (clocks.size() > kStreamedListMax) clocks.resize(kStreamedListMax);
  return clocks;
}

void write_dimensions(JsonWriter& json, const Score& score) {
  static constexpr std::array<Dimension, kDimensions> kByName{Dimension::B, Dimension::C, Dimension::E, Dimension::H,
                                                              Dimension::K, Dimension::R, Dimension::S, Dimension::V};
  json.key("dimensions");
  json.begin_map();
  for (const Dimension dimension : kByName) {
    const auto d = static_cast<std::size_t>(dimension);
    json.key(name_of(dimension));
    json.begin_map();
    json.field("negative", score.masses.losses[d]);
    json.field("positive", score.masses.gains[d]);
    json.field("ppm", score.p[d]);
    json.end_map();
  }
  json.end_map();
}

void write_active_alerts(JsonWriter& json, const View& view, const std::vector<CaseInterval>& intervals) {
  json.key("alerts");
  json.begin_list();
  for (const CaseInterval& each : intervals) {
    if (each.is_active(view.t)) json.raw(alert_json(fields_of(view, each)));
  }
  for (const CustomerAlert& each : view.customer_alerts) json.raw(alert_json(fields_of(view, each)));
  json.end_list();
}

void write_score(JsonWriter& json, const View& view, Detail detail, Moving* moving) {
  const Customer& customer = *view.customer;
  const Score& score = view.score;
  const bool is_full = detail == Detail::kFull;
  const std::vector<CaseInterval> intervals = is_full ? view.intervals() : std::vector<CaseInterval>{};
  json.begin_map();
  if (is_full) write_active_alerts(json, view, intervals);
  Moving::field(moving, json, [&] { time_field(json, "as_of", view.t); });
  json.key("clocks");
  json.begin_list();
  for (const CaseClock& each : detail == Detail::kStreamed ? streamed_clocks(view) : view.clocks) {
    write_clock(json, each, view.t, moving);
  }
  json.end_list();
  json.field("clocks_open", view.clocks.size());
  json.key("counts");
  json.begin_map();
  json.field("broken", view.broken);
  json.field("kept", view.kept);
  json.end_map();
  json.field("customer", customer.id());
  write_dimensions(json, score);
  if (is_full) {
    json.key("explanation");
    json.begin_list();
    for (const ExplanationRow& row : view.explanation()) write_explanation_row(json, row);
    json.end_list();
    json.key("findings");
    json.begin_list();
    customer.for_each_case(view.t, [&](const Case& one) {
      for (const Finding& finding : one.fold.findings) {
        if (finding.stamp <= view.t) write_finding(json, one, finding);
      }
    });
    json.end_list();
  }
  json.field("high", score.high);
  if (is_full) {
    json.key("intervals");
    json.begin_list();
    for (const CaseInterval& each : intervals) write_interval(json, view, each);
    json.end_list();
  }
  json.key("layers");
  json.begin_map();
  json.field("behavioural", score.behavioural);
  json.field("cognitive", score.cognitive);
  json.field("emotional", score.emotional);
  json.end_map();
  json.field("low", score.low);
  time_field(json, "next_change_at", view.next_change);
  json.field("policy", customer.policy().hash());
  json.key("promises");
  json.begin_list();
  for (const CasePromise& each : detail == Detail::kStreamed ? streamed_promises(view) : view.promises) {
    write_promise(json, each, view.t, moving);
  }
  json.end_list();
  json.field("promises_open", view.promises_open());
  json.field("quadrant", name_of(score.quadrant));
  json.key("rhythm");
  json.begin_map();
  time_field(json, "last_order_at", view.orders.count > 0 ? view.orders.last : kNever);
  json.field("orders", view.orders.count);
  json.field("ppm", score.rhythm.ppm);
  json.field("silence", score.rhythm.silence);
  json.end_map();
  json.field("score", score.score);
  json.field("sd", score.sd);
  json.field("segment", view.segment);
  json.field("tenant", customer.tenant());
  json.field("tier", name_of(score.tier));
  json.field("uncertain", score.uncertain);
  json.field("weakest", name_of(score.weakest));
  json.end_map();
}

void add_labels(Digest& digest, const Labels& labels) {
  digest.add(static_cast<std::int64_t>(labels.size()));
  for (const auto& [key, value] : labels) {
    digest.add(key);
    digest.add(value);
  }
}

void add_event(Digest& digest, const KeptEvent& event) {
  digest.add(event.source);
  digest.add(event.id);
}

void add_action(Digest& digest, const KeptEvent* action) {
  digest.add(action == nullptr ? 0 : 1);
  if (action == nullptr) return;
  digest.add(choice(*action, FieldId::kAction));
  digest.add(action->time);
  digest.add(number(*action, FieldId::kUntil, kNever));
  for (const FieldId field : {FieldId::kActor, FieldId::kAssignee, FieldId::kNoteCode}) {
    digest.add(text(*action, field));
  }
}

/// What was done about an alert; its id is worked out only if anything was.
const KeptEvent* action_on(const Customer& customer, std::string_view rule, std::string_view object, TimeUs from,
                       TimeUs to) {
  if (customer.actions().empty()) return nullptr;
  return last_action(customer, alert_id(customer.tenant(), rule, customer.id(), object), from, to);
}

}  // namespace

std::string score_record(const View& view, Detail detail) {
  JsonWriter json;
  write_score(json, view, detail, nullptr);
  return std::move(json).take();
}

StreamedRecord streamed_score(const View& view) {
  JsonWriter json;
  Moving moving;
  write_score(json, view, Detail::kStreamed, &moving);
  const std::uint64_t digest = moving.digest_without(json.text());
  return {std::move(json).take(), digest};
}

std::string promise_record(const CasePromise& promise, TimeUs t) {
  JsonWriter json;
  write_promise(json, promise, t, nullptr);
  return std::move(json).take();
}

std::uint64_t promise_digest(const CasePromise& each, TimeUs t) {
  const Promise& promise = *each.promise;
  Digest digest;
  for (const std::int64_t number : {promise.changes, promise.due_at, promise.ended_at, promise.first_due_at,
                                    promise.made_at, static_cast<std::int64_t>(promise.kind)}) {
    digest.add(number);
  }
  digest.add((promise.excused ? 1 : 0) + (promise.told_before_due ? 2 : 0));
  digest.add(promise.promise_class);
  digest.add(each.outcome(t));
  for (const auto& [key, value] : each.one->events[promise.made_by]->labels()) {
    digest.add(key);
    digest.add(value);
  }
  return digest.value();
}

AlertFields fields_of(const View& view, const CaseInterval& each) {
  const Customer& customer = *view.customer;
  AlertFields fields;
  fields.rule = name_of(each.interval->rule);
  fields.case_key = each.one->bucket->key;
  fields.object = each.interval->object.str();
  fields.alert_id = alert_id(customer.tenant(), fields.rule, customer.id(), fields.object);
  fields.opened_at = each.interval->start;
  if (each.is_active(view.t)) {
    fields.severity = severity_of(*each.one, *each.interval, view.t, view.severity);
    fields.level = level_of(*fields.severity, *view.policy);
  }
  fields.labels = alert_labels(*each.one, each.interval->object);
  fields.events = each.one->names(each.interval->events);
  fields.acted = last_action(customer, fields.alert_id, fields.opened_at, std::min(view.t, each.end()));
  return fields;
}

AlertFields fields_of(const View& view, const CustomerAlert& alert) {
  const Customer& customer = *view.customer;
  AlertFields fields;
  fields.rule = name_of(alert.rule);
  fields.alert_id = alert_id(customer.tenant(), fields.rule, customer.id(), {});
  fields.opened_at = alert.since;
  fields.severity = severity_of(alert.rule, view.severity);
  fields.level = level_of(*fields.severity, *view.policy);
  fields.events = alert.events;
  fields.acted = last_action(customer, fields.alert_id, alert.since, view.t);
  return fields;
}

std::uint64_t alert_digest(const View& view, const CaseInterval& each) {
  const Interval& interval = *each.interval;
  const bool is_active = each.is_active(view.t);
  Digest digest;
  digest.add(interval.start);
  digest.add(is_active ? severity_of(*each.one, interval, view.t, view.severity) : -1);
  digest.add(is_active ? level_of(severity_of(*each.one, interval, view.t, view.severity), *view.policy) : "");
  digest.add(is_active ? kNever : each.end());
  digest.add(each.one->bucket->key);
  for (const std::uint32_t index : interval.events) add_event(digest, *each.one->events[index]);
  add_labels(digest, alert_labels(*each.one, interval.object));
  const bool may_be_shown = !view.customer->actions().empty();
  add_action(digest, may_be_shown ? action_on(*view.customer, name_of(interval.rule), interval.object.str(),
                                              interval.start, std::min(view.t, each.end()))
                                  : nullptr);
  return digest.value();
}

std::uint64_t alert_digest(const View& view, const CustomerAlert& alert) {
  const std::int64_t severity = severity_of(alert.rule, view.severity);
  Digest digest;
  digest.add(alert.since);
  digest.add(severity);
  digest.add(level_of(severity, *view.policy));
  for (const std::string& name : alert.events) digest.add(name);
  add_action(digest, action_on(*view.customer, name_of(alert.rule), {}, alert.since, view.t));
  return digest.value();
}

std::string alert_json(const AlertFields& fields) {
  JsonWriter json;
  json.begin_map();
  if (fields.acted != nullptr) write_acted(json, *fields.acted);
  json.field("alert_id", fields.alert_id);
  json.field("case", fields.case_key);
  names_field(json, "events", fields.events);
  labels_field(json, fields.labels);
  optional_text(json, "level", fields.level);
  json.field("object", fields.object);
  time_field(json, "opened_at", fields.opened_at);
  json.field("rule", fields.rule);
  json.field("severity", fields.severity);
  json.end_map();
  return std::move(json).take();
}

std::string alert_record(const View& view, const AlertFields& fields, const AlertEmission& emission) {
  const Customer& customer = *view.customer;
  JsonWriter json;
  json.begin_map();
  if (fields.acted != nullptr) write_acted(json, *fields.acted);
  json.field("alert_id", fields.alert_id);
  time_field(json, "as_of", view.t);
  json.field("case", fields.case_key);
  optional_text(json, "cause", emission.cause);
  json.field("customer", customer.id());
  names_field(json, "events", fields.events);
  labels_field(json, fields.labels);
  optional_text(json, "level", fields.level);
  json.field("object", fields.object);
  time_field(json, "opened_at", fields.opened_at);
  json.field("policy", customer.policy().hash());
  time_field(json, "resolved_at", emission.resolved_at.value_or(kNever));
  json.field("revision", emission.revision);
  json.field("rule", fields.rule);
  json.field("severity", fields.severity);
  json.field("state", emission.state);
  json.field("tenant", customer.tenant());
  json.end_map();
  return std::move(json).take();
}

}  // namespace troth::operators
