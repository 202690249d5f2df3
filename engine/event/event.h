// Event: what a record says, decoded and normalised; and the Catalogue that tells which events there are. This is the
// small vocabulary that all rooms share: the engine moves events without knowing what they mean, the model gives the
// catalogue. Plain data; an Event belongs to whoever holds it; a Catalogue is immutable and shared by all threads.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/event/time.h"

namespace troth::event {

/// Why a record was refused. The text forms (`reason_name`) are part of the output format. Order = order of judgement
/// for the first five; the rest depend on what came before.
enum class Reason : std::uint8_t {
  kTooLarge,      // more than 65,536 bytes
  kMalformed,     // not UTF-8, not one JSON object, a key twice, too deep, or a broken CloudEvents attribute
  kUnknownType,   // `type` is not in the catalogue
  kBadTime,       // `time` absent or not in the one accepted form
  kMissingField,  // a required field is absent or null
  kBadValue,      // a field has the wrong kind or range, or fields contradict each other
  kWrongPartition,        // read from a partition that its customer does not belong to (Kafka)
  kErased,        // the customer was erased
  kFuture,        // beyond horizon + skew
  kLate,          // older than the lateness horizon when it arrived
  kCap,           // a bound of the model is reached
  kConflict,      // another event of this name counts
};
inline constexpr std::size_t kReasonCount = 12;
[[nodiscard]] std::string_view reason_name(Reason reason);

// ------------------------------------------------------------------------------------------------------- catalogue

enum class FieldKind : std::uint8_t {
  kId,       // string of 1–128 bytes without control characters
  kBool,     // absent = false
  kInteger,  // [min, max]
  kOneOf,    // one of `choices`; held as its index
  kTime,     // held as µs
  kDueAt,    // the three fields of a due time, which become one: due_at, in µs
  kDueDate,
  kDueZone,
  kItems,    // survey items
};

/// One field of `data`. `id` is the model's own name of it, equal for equal names in all types. `choices` are the words
/// of a one-of field and the dimensions of survey items (those of the catalogue).
struct FieldSpec {
  std::uint8_t id;
  std::string_view name;
  FieldKind kind;
  bool required = false;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::span<const std::string_view> choices = {};
};

struct Rejection {
  Reason reason;
  std::string field;  // empty: none in particular
};

class Event;

struct TypeSpec {
  std::string_view name;
  std::uint8_t rank;  // position in the catalogue
  std::vector<FieldSpec> fields;  // in catalogue order
  /// What no single field can show (for example "only together"); judged after all fields and before labels.
  std::optional<Rejection> (*check)(const Event& event) = nullptr;
};

/// All types by rank. `dimensions` are the names that survey items may use.
struct Catalogue {
  std::vector<TypeSpec> types;
  std::span<const std::string_view> item_dimensions;
  [[nodiscard]] const TypeSpec* find(std::string_view name) const;
};

// ----------------------------------------------------------------------------------------------------------- event

struct Item {
  std::uint8_t dimension = 0;  // index into Catalogue::item_dimensions
  std::int32_t score = 0;
  std::int32_t weight = 1;
  friend bool operator==(const Item&, const Item&) = default;
};

/// A field that was present and not null.
struct Field {
  std::uint8_t id = 0;        // FieldSpec::id
  std::int64_t number = 0;    // bool, integer, one of (index), time
  std::string text;           // id
  std::vector<Item> items;    // items
  friend bool operator==(const Field&, const Field&) = default;
};

/// Where a record stood.
struct Origin {
  std::uint16_t input = 0;      // index of the topic or file
  std::int32_t partition = 0;   // of the topic; 0 for files
  std::int64_t offset = 0;      // of the record; the line, counted from 0, for files
};

class Event {
 public:
  const TypeSpec* spec = nullptr;
  TimeUs time = 0;
  std::string tenant;
  std::string subject;  // the customer
  std::string source;
  std::string id;
  std::vector<Field> fields;  // in catalogue order; those absent or null are not here
  std::vector<std::pair<std::string, std::string>> labels;  // by key
  Origin origin;

  [[nodiscard]] std::uint8_t rank() const { return spec->rank; }
  /// `source`, one space, `id`.
  [[nodiscard]] std::string name() const { return source + ' ' + id; }

  [[nodiscard]] const Field* find(std::uint8_t field) const {
    for (const Field& each : fields) {
      if (each.id == field) return &each;
    }
    return nullptr;
  }
  [[nodiscard]] bool has(std::uint8_t field) const { return find(field) != nullptr; }
  [[nodiscard]] std::int64_t number(std::uint8_t field, std::int64_t otherwise = 0) const {
    const Field* found = find(field);
    return found == nullptr ? otherwise : found->number;
  }
  /// Empty if absent (an id is never empty).
  [[nodiscard]] std::string_view text(std::uint8_t field) const {
    const Field* found = find(field);
    return found == nullptr ? std::string_view{} : std::string_view(found->text);
  }
  /// Bytes held, roughly: for memory budgets.
  [[nodiscard]] std::size_t bytes() const;
};

/// Canonical JSON of [normalised data, labels]: the last word of the canonical order.
[[nodiscard]] std::string canonical_content(const Event& event);

/// Canonical order: (time, rank, source, id, content). Two events that compare equal are duplicates of one another.
[[nodiscard]] std::strong_ordering canonical_order(const Event& a, const Event& b);

/// The event as canonical CloudEvents JSON, made from what was kept of it (dead letters of events accepted earlier).
[[nodiscard]] std::string structured_json(const Event& event);

}  // namespace troth::event
