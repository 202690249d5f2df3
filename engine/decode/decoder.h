// Decoder: from the bytes of a record to an Event, or to the reason why it is none. It judges one record alone
// (TRUST_MODEL: validation, rows 1 to 5) and reads all that it judges from a Catalogue: it knows no event type itself.
// Nothing else in the program sees JSON of events.
// One Decoder, one thread: it reuses its buffers. It does no I/O, apart from the time zone database at first use. No byte
// sequence makes it crash, recurse without bound or take quadratic time (README.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/decode/json_reader.h"
#include "engine/event/event.h"
#include "engine/event/zone.h"

namespace troth::decode {

/// Name and value of each header of a record, in its order.
using Headers = std::span<const std::pair<std::string, std::string>>;

/// Exactly one of `event` and `rejection` is there.
struct Decoded {
  std::optional<event::Event> event;  // all of it but `origin`
  std::optional<event::Rejection> rejection;
  /// The time by which inputs are merged: that of the message, whatever else is wrong with it, if it is one JSON object
  /// (of at most 65,536 bytes, and none of what is `malformed` without a field) whose `time` is a time.
  std::optional<event::TimeUs> merge_time;
};

/// Whether a record is a CloudEvent in binary mode: it has a header `ce_specversion`, which that mode requires and no
/// other sets. Any other record is taken for one in structured mode, whatever its `content-type`
/// (application/cloudevents+json, application/json or none).
[[nodiscard]] bool is_binary(Headers headers);

class Decoder {
 public:
  /// `catalogue` must outlive the decoder and all its events.
  explicit Decoder(const event::Catalogue& catalogue);

  /// A CloudEvent in structured mode: one JSON object.
  [[nodiscard]] Decoded structured(std::string_view message);

  /// A CloudEvent in binary mode: an attribute in each header `ce_*`, `data` in the value (absent if that is null or
  /// empty). It is judged as the structured event made of both; other headers are ignored.
  [[nodiscard]] Decoded binary(Headers headers, std::string_view value);

 private:
  enum Attribute : std::uint8_t { kSpecversion, kSource, kId, kSubject, kTenantid, kType, kTime, kAttributes };

  /// The attributes of one message, from wherever they came.
  struct Envelope {
    struct Value {
      std::string_view text;
      JsonKind kind = JsonKind::kNull;  // null stands for absent, too
    };
    Value values[kAttributes];
    const JsonNode* data = nullptr;  // null: absent
  };

  /// The values of `data` by their place in the fields of the type; null: absent or null.
  struct Values {
    std::vector<const JsonNode*> by_field;
    const JsonNode* labels = nullptr;
  };

  /// A due time on its way: which of its three fields are there, what they say, and where due_at will stand.
  struct Due {
    const event::FieldSpec* spec = nullptr;  // of due_at; null: the type has no due time
    std::size_t position = 0;
    std::optional<event::TimeUs> at;
    std::optional<std::int32_t> date;
    const event::Zone* zone = nullptr;
  };

  static std::optional<Attribute> attribute(std::string_view name);
  Envelope envelope() const;
  Decoded judge(const Envelope& envelope);
  std::optional<event::Rejection> fill(const Envelope& envelope, std::optional<event::TimeUs> time,
                                       event::Event& event);
  std::optional<event::Rejection> fill_data(const JsonNode* data, event::Event& event);
  std::optional<event::Rejection> fill_fields(event::Event& event);
  void sort_by_field(const JsonNode* data, const event::TypeSpec& spec);
  bool read_value(const event::FieldSpec& spec, const JsonNode& node, event::Field& field) const;
  bool read_due(const event::FieldSpec& spec, const JsonNode& node, Due& due);
  static std::optional<event::Rejection> finish_due(const Due& due, event::Event& event);
  bool read_items(const event::FieldSpec& spec, const JsonNode& list, std::vector<event::Item>& items) const;
  bool read_item(const event::FieldSpec& spec, const JsonNode& object, event::Item& item) const;
  bool read_labels(event::Event& event) const;
  const JsonNode* after(const JsonNode& node) const { return reader_.nodes().data() + node.end; }
  const event::Zone* zone(std::string_view name);

  std::unordered_map<std::string_view, const event::TypeSpec*> types_;
  JsonReader reader_;
  Values values_;
  std::vector<std::string_view> header_names_;
  std::string zone_name_;  // the zone asked for last: a shop has few, and events come in runs
  const event::Zone* zone_ = nullptr;
};

}  // namespace troth::decode
