// The stored form, in order:
//   rank u8 · time varint · source · id · fields: count, each id u8 and its value (text, items or zigzag number) ·
//   labels: count, each key and value · input varint · partition zigzag · offset zigzag
// Reading checks all that the decoder checked: damage that still reads as an event must read as one that is valid.
#include "engine/event/codec.h"

#include "engine/base/assert.h"
#include "engine/event/rules.h"

namespace troth::event {
namespace {

const FieldSpec* find_spec(const TypeSpec& type, std::uint8_t id) {
  for (const FieldSpec& each : type.fields) {
    if (each.id == id) return &each;
  }
  return nullptr;
}

void write_field(base::ByteWriter& out, const FieldSpec& spec, const Field& field) {
  out.u8(field.id);
  if (spec.kind == FieldKind::kId) {
    out.string(field.text);
  } else if (spec.kind == FieldKind::kItems) {
    out.varint(field.items.size());
    for (const Item& item : field.items) {
      out.u8(item.dimension);
      out.varint(static_cast<std::uint64_t>(item.score));
      out.varint(static_cast<std::uint64_t>(item.weight));
    }
  } else {
    out.zigzag(field.number);
  }
}

/// A varint that must fit; what does not is damage and comes out as a value that no rule allows.
std::int32_t read_small(base::ByteReader& in) {
  const std::uint64_t value = in.varint();
  return value <= static_cast<std::uint64_t>(kItemWeightMax) ? static_cast<std::int32_t>(value) : -1;
}

bool read_items(base::ByteReader& in, const FieldSpec& spec, std::vector<Item>& items) {
  const std::size_t count = in.count();
  if (count == 0 || count > kItemsMax) return false;
  items.resize(count);
  for (Item& item : items) {
    item.dimension = in.u8();
    item.score = read_small(in);
    item.weight = read_small(in);
    if (!is_item(spec, item)) return false;
  }
  return true;
}

bool read_field(base::ByteReader& in, const FieldSpec& spec, Field& field) {
  field.id = spec.id;
  if (spec.kind == FieldKind::kId) {
    field.text = in.string();
    return is_name(field.text, kIdBytesMax);
  }
  if (spec.kind == FieldKind::kItems) return read_items(in, spec, field.items);
  field.number = in.zigzag();
  return is_in_range(spec, field.number);
}

bool read_fields(base::ByteReader& in, Event& event) {
  const std::size_t count = in.count();
  if (count > event.spec->fields.size()) return false;
  event.fields.resize(count);
  auto spec = event.spec->fields.begin();
  const auto end = event.spec->fields.end();
  for (Field& field : event.fields) {  // in catalogue order, so that one pass over the specs finds all
    const std::uint8_t id = in.u8();
    while (spec != end && spec->id != id) ++spec;
    if (spec == end || !read_field(in, *spec, field)) return false;
    ++spec;
  }
  return in.ok();
}

bool read_labels(base::ByteReader& in, Event& event) {
  const std::size_t count = in.count();
  if (count > kLabelsMax) return false;
  event.labels.resize(count);
  const std::string* previous = nullptr;
  for (auto& [key, value] : event.labels) {
    key = in.string();
    value = in.string();
    if (!is_label(key, value) || (previous != nullptr && !(*previous < key))) return false;
    previous = &key;
  }
  return in.ok();
}

bool read_origin(base::ByteReader& in, Origin& origin) {
  const std::uint64_t input = in.varint();
  const std::int64_t partition = in.zigzag();
  origin.offset = in.zigzag();
  if (!in.ok() || input > 0xFFFFU || partition != static_cast<std::int32_t>(partition)) return false;
  origin.input = static_cast<std::uint16_t>(input);
  origin.partition = static_cast<std::int32_t>(partition);
  return true;
}

/// What the decoder judged of the fields together.
bool is_complete(const Event& event) {
  for (const FieldSpec& spec : event.spec->fields) {
    const bool is_due = spec.kind == FieldKind::kDueAt;
    if (!spec.required && !is_due) continue;
    const Field* field = event.find(spec.id);
    if (field == nullptr || (is_due && field->number < event.time)) return false;
  }
  return event.spec->check == nullptr || !event.spec->check(event);
}

}  // namespace

void encode_event(base::ByteWriter& out, const Event& event) {
  out.u8(event.rank());
  out.varint(static_cast<std::uint64_t>(event.time));
  out.string(event.source);
  out.string(event.id);
  out.varint(event.fields.size());
  for (const Field& field : event.fields) {
    const FieldSpec* spec = find_spec(*event.spec, field.id);
    TROTH_ASSERT(spec != nullptr);
    write_field(out, *spec, field);
  }
  out.varint(event.labels.size());
  for (const auto& [key, value] : event.labels) {
    out.string(key);
    out.string(value);
  }
  out.varint(event.origin.input);
  out.zigzag(event.origin.partition);
  out.zigzag(event.origin.offset);
}

std::optional<Event> decode_event(base::ByteReader& in, const Catalogue& catalogue, std::string_view tenant,
                                  std::string_view subject) {
  const std::size_t rank = in.u8();
  const std::uint64_t time = in.varint();
  if (!in.ok() || rank >= catalogue.types.size() || time >= static_cast<std::uint64_t>(kEndOfTime)) return std::nullopt;
  std::optional<Event> event(std::in_place);
  event->spec = &catalogue.types[rank];
  event->time = static_cast<TimeUs>(time);
  event->tenant = tenant;
  event->subject = subject;
  event->source = in.string();
  event->id = in.string();
  if (!is_source(event->source) || !is_name(event->id, kIdBytesMax)) return std::nullopt;
  if (!read_fields(in, *event) || !read_labels(in, *event) || !read_origin(in, event->origin)) return std::nullopt;
  if (!is_complete(*event)) return std::nullopt;
  return event;
}

}  // namespace troth::event
