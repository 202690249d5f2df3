#include "engine/event/kept_event.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/event/codec.h"

namespace troth::event {
namespace {

Item read_item(base::ByteReader& in) {
  Item item;
  item.dimension = in.u8();
  item.score = static_cast<std::int32_t>(in.varint());
  item.weight = static_cast<std::int32_t>(in.varint());
  return item;
}

}  // namespace

void KeptLabels::Iterator::read() {
  if (left_ == 0) return;
  const auto next = [this] {
    // Lengths were checked when the event was packed; a label's takes one byte or two.
    std::size_t size = static_cast<unsigned char>(*at_++);
    if (size >= 0x80) size = (size & 0x7FU) | static_cast<std::size_t>(static_cast<unsigned char>(*at_++)) << 7U;
    const std::string_view text(at_, size);
    at_ += size;
    return text;
  };
  label_.first = next();
  label_.second = next();
}

KeptEvent::KeptEvent(const Event& event) : spec(event.spec), time(event.time) {
  const EncodedEvent encoded(event);
  const std::string_view bytes = encoded.bytes();
  field_count_ = static_cast<std::uint8_t>(event.fields.size());
  label_count_ = static_cast<std::uint8_t>(event.labels.size());
  stored_begin_ = static_cast<std::uint32_t>(event.fields.size() * sizeof(KeptField));
  stored_size_ = static_cast<std::uint32_t>(bytes.size());
  block_.reset(new char[stored_begin_ + bytes.size()]);
  std::copy_n(bytes.data(), bytes.size(), block_.get() + stored_begin_);

  base::ByteReader in(stored());
  const auto offset = [&] { return static_cast<std::uint32_t>(in.rest().data() - block_.get()); };
  in.u8();
  in.varint();
  source = in.string();
  id = in.string();
  content_begin_ = offset();
  in.varint();
  auto* fields = reinterpret_cast<KeptField*>(block_.get());
  std::size_t place = 0;
  for (std::size_t i = 0; i < field_count_; ++i) {
    const Field& from = event.fields[i];
    in.u8();
    const auto& specs = spec->fields;
    while (specs[place % specs.size()].id != from.id) ++place;  // nearly always in catalogue order
    place %= specs.size();
    auto* field = new (&fields[i]) KeptField{.id = from.id, .place = static_cast<std::uint8_t>(place)};
    switch (specs[place].kind) {
      case FieldKind::kId: {
        const std::string_view text = in.string();
        TROTH_ASSERT(text.size() <= std::numeric_limits<std::uint16_t>::max());
        field->begin = static_cast<std::uint32_t>(text.data() - block_.get());
        field->size = static_cast<std::uint16_t>(text.size());
        break;
      }
      case FieldKind::kItems:
        field->number = static_cast<std::int64_t>(in.count());
        field->begin = offset();
        for (std::int64_t left = field->number; left > 0; --left) read_item(in);
        break;
      default: field->number = in.zigzag();
    }
  }
  fields_ = fields;
  in.varint();
  labels_begin_ = offset();
  for (std::size_t i = 0; i < event.labels.size(); ++i) {
    in.string();
    in.string();
  }
  content_size_ = offset() - content_begin_;
  TROTH_ASSERT(in.ok());
}

std::string KeptEvent::name() const {
  std::string name;
  name.reserve(source.size() + 1 + id.size());
  name += source;
  name += ' ';
  name += id;
  return name;
}

std::vector<Item> KeptEvent::items(std::uint8_t field) const {
  const KeptField* found = find(field);
  if (found == nullptr) return {};
  std::vector<Item> items(static_cast<std::size_t>(found->number));
  base::ByteReader in(stored().substr(found->begin - stored_begin_));
  for (Item& item : items) item = read_item(in);
  return items;
}

Event KeptEvent::unpacked(std::string_view tenant, std::string_view subject) const {
  Event event;
  event.spec = spec;
  event.time = time;
  event.tenant = tenant;
  event.subject = subject;
  event.source = source;
  event.id = id;
  for (const KeptField& each : fields()) {
    Field& field = event.fields.emplace_back();
    field.id = each.id;
    switch (spec->fields[each.place].kind) {
      case FieldKind::kId: field.text = each.text(fields_); break;
      case FieldKind::kItems: field.items = items(each.id); break;
      default: field.number = each.number;
    }
  }
  for (const auto& [key, value] : labels()) event.labels.emplace_back(key, value);
  base::ByteReader in(stored().substr(content_begin_ - stored_begin_ + content_size_));
  event.origin.input = static_cast<std::uint16_t>(in.varint());
  event.origin.partition = static_cast<std::int32_t>(in.zigzag());
  event.origin.offset = in.zigzag();
  TROTH_ASSERT(in.ok() && in.at_end());
  return event;
}

std::strong_ordering canonical_order(const KeptEvent& a, const KeptEvent& b) {
  if (const auto order = a.time <=> b.time; order != 0) return order;
  if (const auto order = a.rank() <=> b.rank(); order != 0) return order;
  if (const auto order = a.source <=> b.source; order != 0) return order;
  if (const auto order = a.id <=> b.id; order != 0) return order;
  // Duplicates are common, different events of one name are not: the JSON is needed for the latter only.
  if (a.stored_content() == b.stored_content()) return std::strong_ordering::equal;
  return canonical_content(a.unpacked({}, {})) <=> canonical_content(b.unpacked({}, {}));
}

}  // namespace troth::event
