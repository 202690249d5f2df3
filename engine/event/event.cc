#include "engine/event/event.h"

#include <algorithm>
#include <array>

#include "engine/base/assert.h"
#include "engine/base/json.h"

namespace troth::event {
namespace {

constexpr std::array<std::string_view, kReasonCount> kReasonNames = {
    "too_large", "malformed", "unknown_type", "bad_time", "missing_field", "bad_value",
    "wrong_partition", "erased", "future",    "late",         "cap",      "conflict"};

/// How times stand in `data`: as numbers when events are compared, as text when they are shown to be read again.
enum class Times { kMicroseconds, kText };

const FieldSpec& spec_of(const Event& event, const Field& field) {
  const std::vector<FieldSpec>& specs = event.spec->fields;
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const FieldSpec& spec) { return spec.id == field.id; });
  TROTH_ASSERT(found != specs.end());
  return *found;
}

void write_items(base::JsonWriter& out, const FieldSpec& spec, const std::vector<Item>& items) {
  out.begin_list();
  for (const Item& item : items) {
    TROTH_ASSERT(item.dimension < spec.choices.size());
    out.begin_map();
    out.field("dimension", spec.choices[item.dimension]);
    out.field("score", item.score);
    out.field("weight", item.weight);
    out.end_map();
  }
  out.end_list();
}

void write_value(base::JsonWriter& out, const FieldSpec& spec, const Field& field, Times times) {
  TROTH_ASSERT(spec.kind != FieldKind::kDueDate && spec.kind != FieldKind::kDueZone);  // they became due_at
  switch (spec.kind) {
    case FieldKind::kId: out.string(field.text); return;
    case FieldKind::kBool: out.boolean(field.number != 0); return;
    case FieldKind::kInteger: out.integer(field.number); return;
    case FieldKind::kOneOf:
      TROTH_ASSERT(field.number >= 0 && static_cast<std::size_t>(field.number) < spec.choices.size());
      out.string(spec.choices[static_cast<std::size_t>(field.number)]);
      return;
    case FieldKind::kTime:
    case FieldKind::kDueAt:
      if (times == Times::kText) out.string(format_time(field.number));
      else out.integer(field.number);
      return;
    case FieldKind::kItems: write_items(out, spec, field.items); return;
    case FieldKind::kDueDate:
    case FieldKind::kDueZone: return;
  }
}

void write_labels(base::JsonWriter& out, const Event& event) {
  out.begin_map();
  for (const auto& [key, value] : event.labels) out.field(key, value);
  out.end_map();
}

/// The members of `data` in byte order of their names; the labels among them if asked for.
void write_data(base::JsonWriter& out, const Event& event, Times times, bool with_labels) {
  struct Member {
    std::string_view name;
    const FieldSpec* spec;  // null: the labels
    const Field* field;
  };
  std::vector<Member> members;
  members.reserve(event.fields.size() + 1);
  for (const Field& field : event.fields) {
    const FieldSpec& spec = spec_of(event, field);
    members.push_back({spec.name, &spec, &field});
  }
  if (with_labels) members.push_back({"labels", nullptr, nullptr});
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  out.begin_map();
  for (const Member& member : members) {
    out.key(member.name);
    if (member.spec == nullptr) write_labels(out, event);
    else write_value(out, *member.spec, *member.field, times);
  }
  out.end_map();
}

/// What a string holds beside itself; short ones live inside the object.
std::size_t heap_bytes(const std::string& text) {
  return text.capacity() >= sizeof(std::string) / 2 ? text.capacity() + 1 : 0;
}

}  // namespace

std::string_view reason_name(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  TROTH_ASSERT(index < kReasonNames.size());
  return kReasonNames[index];
}

const TypeSpec* Catalogue::find(std::string_view name) const {
  for (const TypeSpec& type : types) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

std::size_t Event::bytes() const {
  std::size_t sum = sizeof(Event) + heap_bytes(tenant) + heap_bytes(subject) + heap_bytes(source) + heap_bytes(id);
  sum += fields.capacity() * sizeof(Field) + labels.capacity() * sizeof(labels[0]);
  for (const Field& field : fields) sum += heap_bytes(field.text) + field.items.capacity() * sizeof(Item);
  for (const auto& [key, value] : labels) sum += heap_bytes(key) + heap_bytes(value);
  return sum;
}

std::string canonical_content(const Event& event) {
  base::JsonWriter out;
  out.begin_list();
  write_data(out, event, Times::kMicroseconds, false);
  write_labels(out, event);
  out.end_list();
  return std::move(out).take();
}

std::strong_ordering canonical_order(const Event& a, const Event& b) {
  if (const auto order = a.time <=> b.time; order != 0) return order;
  if (const auto order = a.rank() <=> b.rank(); order != 0) return order;
  if (const auto order = a.source <=> b.source; order != 0) return order;
  if (const auto order = a.id <=> b.id; order != 0) return order;
  // Duplicates are common, different events of one name are not: the JSON is needed for the latter only.
  if (a.fields == b.fields && a.labels == b.labels) return std::strong_ordering::equal;
  return canonical_content(a) <=> canonical_content(b);
}

std::string structured_json(const Event& event) {
  base::JsonWriter out;
  out.begin_map();
  if (!event.fields.empty() || !event.labels.empty()) {
    out.key("data");
    write_data(out, event, Times::kText, !event.labels.empty());
  }
  out.field("id", event.id);
  out.field("source", event.source);
  out.field("specversion", "1.0");
  out.field("subject", event.subject);
  out.field("tenantid", event.tenant);
  out.field("time", format_time(event.time));
  out.field("type", event.spec->name);
  out.end_map();
  return std::move(out).take();
}

}  // namespace troth::event
