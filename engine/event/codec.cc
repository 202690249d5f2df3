// The stored form, in order:
//   rank u8 · time varint · source · id · fields: count, each id u8 and its value (text, items or zigzag number) ·
//   labels: count, each key and value · input varint · partition zigzag · offset zigzag
// Reading checks all that the decoder checked: damage that still reads as an event must read as one that is valid.
#include "engine/event/codec.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/event/rules.h"

namespace troth::event {
namespace {

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kItemBytesMax = 1 + 2 * kVarintBytesMax;

/// As ByteWriter, into memory that is large enough.
class BoundedWriter {
 public:
  explicit BoundedWriter(char* at) : at_(at) {}
  void u8(std::uint8_t value) { *at_++ = static_cast<char>(value); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) u8(static_cast<std::uint8_t>(value | 0x80U));
    u8(static_cast<std::uint8_t>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void string(std::string_view value) {
    varint(value.size());
    at_ = std::copy_n(value.data(), value.size(), at_);
  }
  [[nodiscard]] char* at() const { return at_; }

 private:
  char* at_;
};

/// Looks behind `previous` first: fields come in catalogue order.
const FieldSpec* find_spec(const TypeSpec& type, std::uint8_t id, const FieldSpec* previous) {
  const FieldSpec* const begin = type.fields.data();
  const FieldSpec* const end = begin + type.fields.size();
  const auto is_it = [id](const FieldSpec& each) { return each.id == id; };
  if (const auto* found = previous == nullptr ? end : std::find_if(previous, end, is_it); found != end) return found;
  const auto* const found = std::find_if(begin, end, is_it);
  TROTH_ASSERT(found != end);
  return found;
}

void write_field(BoundedWriter& out, const FieldSpec& spec, const Field& field) {
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

namespace {

std::size_t encoded_bytes_max(const Event& event) {
  std::size_t bytes = 1 + 8 * kVarintBytesMax + event.source.size() + event.id.size();
  for (const Field& field : event.fields) {
    bytes += 1 + kVarintBytesMax + field.text.size() + kItemBytesMax * field.items.size();
  }
  for (const auto& [key, value] : event.labels) bytes += 2 * kVarintBytesMax + key.size() + value.size();
  return bytes;
}

/// Answers the end.
char* write_event(char* at, const Event& event) {
  BoundedWriter out(at);
  out.u8(event.rank());
  out.varint(static_cast<std::uint64_t>(event.time));
  out.string(event.source);
  out.string(event.id);
  out.varint(event.fields.size());
  const FieldSpec* spec = nullptr;
  for (const Field& field : event.fields) {
    spec = find_spec(*event.spec, field.id, spec);
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
  return out.at();
}

}  // namespace

EncodedEvent::EncodedEvent(const Event& event) {
  const std::size_t bytes_max = encoded_bytes_max(event);
  if (bytes_max > usual_.size()) large_.reset(new char[bytes_max]);
  char* const begin = large_ ? large_.get() : usual_.data();
  bytes_ = {begin, static_cast<std::size_t>(write_event(begin, event) - begin)};
}

void encode_event(base::ByteWriter& out, const Event& event) { out.raw(EncodedEvent(event).bytes()); }

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
