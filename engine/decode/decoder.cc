#include "engine/decode/decoder.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/base/assert.h"
#include "engine/base/limits.h"
#include "engine/event/rules.h"

namespace troth::decode {
namespace {

using event::Event;
using event::Field;
using event::FieldKind;
using event::FieldSpec;
using event::Reason;
using event::Rejection;
using event::TimeUs;
using event::TypeSpec;

constexpr std::string_view kHeaderPrefix = "ce_";
constexpr std::string_view kBinaryMark = "ce_specversion";

// Due dates keep a day's distance from both ends of time, so that every zone can hold them.
constexpr std::int32_t kFirstDueDate = 1;      // 1970-01-02
constexpr std::int32_t kLastDueDate = 47'480;  // 2099-12-30
static_assert((kLastDueDate + 2) * event::kDay == event::kEndOfTime);

Rejection reject(Reason reason, std::string_view field = {}) { return {reason, std::string(field)}; }

Decoded rejected(Reason reason) {
  Decoded decoded;
  decoded.rejection = reject(reason);
  return decoded;
}

std::optional<std::int64_t> integer(const JsonNode& node) {
  if (node.kind != JsonKind::kInteger) return std::nullopt;
  std::int64_t value = 0;
  const auto read = std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
  if (read.ec != std::errc{}) return std::nullopt;  // beyond int64
  return value;
}

std::optional<std::size_t> index_of(std::string_view word, std::span<const std::string_view> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_same(words[i], word)) return i;
  }
  return std::nullopt;
}

bool is_due_part(FieldKind kind) {
  return kind == FieldKind::kDueAt || kind == FieldKind::kDueDate || kind == FieldKind::kDueZone;
}

}  // namespace

bool is_binary(Headers headers) {
  return std::any_of(headers.begin(), headers.end(), [](const auto& header) { return header.first == kBinaryMark; });
}

Decoder::Decoder(const event::Catalogue& catalogue) {
  for (const TypeSpec& type : catalogue.types) {
    const bool is_new = types_.emplace(type.name, &type).second;
    TROTH_ASSERT(is_new);
    for (const FieldSpec& field : type.fields) {
      TROTH_ASSERT(field.kind != FieldKind::kItems || field.choices.data() == catalogue.item_dimensions.data());
    }
  }
}

Decoded Decoder::structured(std::string_view message) {
  if (message.size() > base::limits::kMessageBytes) return rejected(Reason::kTooLarge);
  if (!reader_.read(message, 0) || reader_.nodes().front().kind != JsonKind::kObject) {
    return rejected(Reason::kMalformed);
  }
  return judge(envelope());
}

Decoded Decoder::binary(Headers headers, std::string_view value) {
  std::size_t bytes = value.size();
  for (const auto& [name, text] : headers) {
    if (name.starts_with(kHeaderPrefix)) bytes += name.size() + text.size();
  }
  if (bytes > base::limits::kMessageBytes) return rejected(Reason::kTooLarge);

  Envelope envelope;
  JsonNode data_header{{}, 0, JsonKind::kString};
  header_names_.clear();
  for (const auto& [name, text] : headers) {
    if (!name.starts_with(kHeaderPrefix)) continue;
    if (!JsonReader::is_utf8(name) || !JsonReader::is_utf8(text)) return rejected(Reason::kMalformed);
    const std::string_view key = std::string_view(name).substr(kHeaderPrefix.size());
    header_names_.push_back(key);
    if (key == "data") envelope.data = &data_header;  // then it is no object, or there is one more in the value
    if (const auto which = attribute(key)) envelope.values[*which] = {text, JsonKind::kString};
  }
  if (!value.empty()) {
    if (!reader_.read(value, 1)) return rejected(Reason::kMalformed);  // the message itself is the level above
    header_names_.push_back("data");
    envelope.data = &reader_.nodes().front();
  }
  if (!JsonReader::are_distinct(header_names_)) return rejected(Reason::kMalformed);
  return judge(envelope);
}

// --------------------------------------------------------------------------------------------------------- envelope

std::optional<Decoder::Attribute> Decoder::attribute(std::string_view name) {
  static constexpr std::array<std::string_view, kAttributes> kNames = {"specversion", "source", "id",  "subject",
                                                                       "tenantid",    "type",   "time"};
  const auto found = index_of(name, kNames);
  return found ? std::optional(static_cast<Attribute>(*found)) : std::nullopt;
}

Decoder::Envelope Decoder::envelope() const {
  Envelope envelope;
  const JsonNode& message = reader_.nodes().front();
  const JsonNode* const end = after(message);
  for (const JsonNode* key = &message + 1; key != end; key = after(key[1])) {
    const JsonNode& value = key[1];
    if (const auto which = attribute(key->text)) envelope.values[*which] = {value.text, value.kind};
    else if (key->text == "data") envelope.data = &value;
  }
  return envelope;
}

Decoded Decoder::judge(const Envelope& envelope) {
  Decoded decoded;
  const auto& time = envelope.values[kTime];
  if (time.kind == JsonKind::kString) decoded.merge_time = event::parse_time(time.text);
  decoded.event.emplace();
  decoded.rejection = fill(envelope, decoded.merge_time, *decoded.event);
  if (decoded.rejection) decoded.event.reset();
  return decoded;
}

std::optional<Rejection> Decoder::fill(const Envelope& envelope, std::optional<TimeUs> time, Event& event) {
  const auto& values = envelope.values;
  const auto is_string = [&values](Attribute which) { return values[which].kind == JsonKind::kString; };
  const auto is_id = [&](Attribute which) {
    return is_string(which) && event::is_name(values[which].text, event::kIdBytesMax);
  };
  const auto malformed = [](std::string_view field) { return reject(Reason::kMalformed, field); };
  if (!is_string(kSpecversion) || values[kSpecversion].text != "1.0") return malformed("specversion");
  if (!is_string(kSource) || !event::is_source(values[kSource].text)) return malformed("source");
  if (!is_id(kId)) return malformed("id");
  if (!is_id(kSubject)) return malformed("subject");
  const bool has_tenant = values[kTenantid].kind != JsonKind::kNull;
  if (has_tenant && !is_id(kTenantid)) return malformed("tenantid");
  if (!is_string(kType) || !event::has_no_control_characters(values[kType].text)) return malformed("type");
  const JsonNode* const data =
      envelope.data != nullptr && envelope.data->kind != JsonKind::kNull ? envelope.data : nullptr;
  if (data != nullptr && data->kind != JsonKind::kObject) return malformed("data");

  const auto type = types_.find(values[kType].text);
  if (type == types_.end()) return reject(Reason::kUnknownType);
  if (!time) return reject(Reason::kBadTime);
  event.spec = type->second;
  event.time = *time;
  event.tenant = has_tenant ? values[kTenantid].text : event::kDefaultTenant;
  event.subject = values[kSubject].text;
  event.source = values[kSource].text;
  event.id = values[kId].text;
  return fill_data(data, event);
}

// ------------------------------------------------------------------------------------------------------------- data

std::optional<Rejection> Decoder::fill_data(const JsonNode* data, Event& event) {
  sort_by_field(data, *event.spec);
  if (auto rejection = fill_fields(event)) return rejection;
  if (event.spec->check != nullptr) {
    if (auto rejection = event.spec->check(event)) return rejection;
  }
  if (values_.labels != nullptr && !read_labels(event)) return reject(Reason::kBadValue, "labels");
  return std::nullopt;
}

void Decoder::sort_by_field(const JsonNode* data, const TypeSpec& spec) {
  values_.by_field.assign(spec.fields.size(), nullptr);
  values_.labels = nullptr;
  if (data == nullptr) return;
  const JsonNode* const end = after(*data);
  for (const JsonNode* key = data + 1; key != end; key = after(key[1])) {
    const JsonNode* const value = key + 1;
    if (value->kind == JsonKind::kNull) continue;
    if (key->text == "labels") {
      values_.labels = value;
      continue;
    }
    for (std::size_t i = 0; i < spec.fields.size(); ++i) {
      if (!is_same(spec.fields[i].name, key->text)) continue;
      values_.by_field[i] = value;
      break;
    }
  }
}

std::optional<Rejection> Decoder::fill_fields(Event& event) {
  const std::vector<FieldSpec>& specs = event.spec->fields;
  const auto absent = std::count(values_.by_field.begin(), values_.by_field.end(), nullptr);
  event.fields.reserve(specs.size() - static_cast<std::size_t>(absent));
  Due due;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const FieldSpec& spec = specs[i];
    if (spec.kind == FieldKind::kDueAt) {
      due.spec = &spec;
      due.position = event.fields.size();
    }
    const JsonNode* const node = values_.by_field[i];
    if (node == nullptr) {
      if (spec.required) return reject(Reason::kMissingField, spec.name);
      continue;
    }
    const bool is_good =
        is_due_part(spec.kind) ? read_due(spec, *node, due) : read_value(spec, *node, event.fields.emplace_back());
    if (!is_good) return reject(Reason::kBadValue, spec.name);
  }
  return due.spec == nullptr ? std::nullopt : finish_due(due, event);
}

bool Decoder::read_due(const FieldSpec& spec, const JsonNode& node, Due& due) {
  if (node.kind != JsonKind::kString) return false;
  if (spec.kind == FieldKind::kDueAt) {
    due.at = event::parse_time(node.text);
    return due.at.has_value();
  }
  if (spec.kind == FieldKind::kDueDate) {
    due.date = event::parse_date(node.text);
    return due.date && *due.date >= kFirstDueDate && *due.date <= kLastDueDate;
  }
  due.zone = zone(node.text);
  return due.zone != nullptr;
}

/// Makes one due_at of the fields that are there, each good in itself.
std::optional<Rejection> Decoder::finish_due(const Due& due, Event& event) {
  const bool has_date = due.date.has_value();
  const bool has_zone = due.zone != nullptr;
  if (!due.at && !has_date && !has_zone) return reject(Reason::kMissingField, due.spec->name);
  if (has_date != has_zone || has_date == due.at.has_value()) return reject(Reason::kBadValue, due.spec->name);
  const TimeUs at = due.at ? *due.at : due.zone->instant(*due.date + 1, 0) - 1;  // the day's end, where the customer is
  if (at < event.time) return reject(Reason::kBadValue, due.spec->name);
  Field field;
  field.id = due.spec->id;
  field.number = at;
  event.fields.insert(event.fields.begin() + static_cast<std::ptrdiff_t>(due.position), std::move(field));
  return std::nullopt;
}

const event::Zone* Decoder::zone(std::string_view name) {
  if (zone_ == nullptr || zone_name_ != name) {
    const event::Zone* const found = event::find_zone(name);
    if (found == nullptr) return nullptr;
    zone_ = found;
    zone_name_ = name;
  }
  return zone_;
}

// ------------------------------------------------------------------------------------------------------------ values

bool Decoder::read_value(const FieldSpec& spec, const JsonNode& node, Field& field) const {
  TROTH_ASSERT(!is_due_part(spec.kind));  // those are read by read_due
  field.id = spec.id;
  switch (spec.kind) {
    case FieldKind::kId:
      field.text = node.text;
      return node.kind == JsonKind::kString && event::is_name(node.text, event::kIdBytesMax);
    case FieldKind::kBool:
      field.number = node.kind == JsonKind::kTrue ? 1 : 0;
      return node.kind == JsonKind::kTrue || node.kind == JsonKind::kFalse;
    case FieldKind::kInteger: {
      const auto value = integer(node);
      field.number = value.value_or(0);
      return value && event::is_in_range(spec, *value);
    }
    case FieldKind::kOneOf: {
      const auto index = node.kind == JsonKind::kString ? index_of(node.text, spec.choices) : std::nullopt;
      field.number = static_cast<std::int64_t>(index.value_or(0));
      return index.has_value();
    }
    case FieldKind::kTime: {
      const auto value = node.kind == JsonKind::kString ? event::parse_time(node.text) : std::nullopt;
      field.number = value.value_or(0);
      return value.has_value();
    }
    case FieldKind::kItems: return read_items(spec, node, field.items);
    case FieldKind::kDueAt:
    case FieldKind::kDueDate:
    case FieldKind::kDueZone: break;
  }
  return false;
}

bool Decoder::read_items(const FieldSpec& spec, const JsonNode& list, std::vector<event::Item>& items) const {
  if (list.kind != JsonKind::kArray) return false;
  const JsonNode* const end = after(list);
  for (const JsonNode* node = &list + 1; node != end; node = after(*node)) {
    if (items.size() == event::kItemsMax || !read_item(spec, *node, items.emplace_back())) return false;
  }
  return !items.empty();
}

bool Decoder::read_item(const FieldSpec& spec, const JsonNode& object, event::Item& item) const {
  if (object.kind != JsonKind::kObject) return false;
  std::optional<std::size_t> dimension;
  std::optional<std::int64_t> score;
  std::optional<std::int64_t> weight = 1;
  const JsonNode* const end = after(object);
  for (const JsonNode* key = &object + 1; key != end; key = after(key[1])) {
    const JsonNode& value = key[1];
    if (value.kind == JsonKind::kNull) continue;  // as if absent
    if (key->text == "dimension" && value.kind == JsonKind::kString) dimension = index_of(value.text, spec.choices);
    else if (key->text == "score") score = integer(value);
    else if (key->text == "weight") weight = integer(value);
  }
  if (!dimension || !score || !weight) return false;
  // Judged before they are narrowed: 2³² + 5 is no score.
  if (*score < event::kItemScoreMin || *score > event::kItemScoreMax) return false;
  if (*weight < event::kItemWeightMin || *weight > event::kItemWeightMax) return false;
  item.dimension = static_cast<std::uint8_t>(*dimension);
  item.score = static_cast<std::int32_t>(*score);
  item.weight = static_cast<std::int32_t>(*weight);
  return true;
}

bool Decoder::read_labels(Event& event) const {
  const JsonNode& labels = *values_.labels;
  if (labels.kind != JsonKind::kObject) return false;
  std::array<const JsonNode*, event::kLabelsMax> keys{};
  std::size_t count = 0;
  const JsonNode* const end = after(labels);
  for (const JsonNode* key = &labels + 1; key != end; key = after(key[1])) {
    const JsonNode& value = key[1];
    if (count == keys.size() || value.kind != JsonKind::kString || !event::is_label(key->text, value.text))
      return false;
    keys[count++] = key;
  }
  const auto last = keys.begin() + static_cast<std::ptrdiff_t>(count);
  const auto is_before = [](const JsonNode* a, const JsonNode* b) { return a->text < b->text; };
  if (!std::is_sorted(keys.begin(), last, is_before)) std::sort(keys.begin(), last, is_before);
  event.labels.reserve(count);
  for (auto key = keys.begin(); key != last; ++key) event.labels.emplace_back((*key)->text, (*key)[1].text);
  return true;
}

}  // namespace troth::decode
