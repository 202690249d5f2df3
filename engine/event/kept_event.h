// KeptEvent: an event that is kept for long, packed: one block holds its stored form, and its strings are views into
// that. It takes a third of an Event's memory, is written by copying, and reads the same. Immutable; belongs to whoever
// holds it; may be moved. Tenant and subject are not in it: the key under which it stands has them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/event/event.h"

namespace troth::event {

/// A field that was present and not null.
struct KeptField {
  std::int64_t number = 0;  // bool, integer, one of (index), time; of items: how many
  std::uint32_t begin = 0;  // of an id's text, or of items as they are stored; counted from the first field
  std::uint16_t size = 0;   // of an id's text
  std::uint8_t id = 0;      // FieldSpec::id
  std::uint8_t place = 0;   // of its spec among the type's fields

  /// `first`: the event's first field.
  [[nodiscard]] std::string_view text(const KeptField* first) const {
    return {reinterpret_cast<const char*>(first) + begin, size};
  }
};

/// The labels of a kept event, by key.
class KeptLabels {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  class Iterator {
   public:
    Iterator(const char* at, std::size_t left) : at_(at), left_(left) { read(); }
    const Label& operator*() const { return label_; }
    Iterator& operator++() {
      --left_;
      read();
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

   private:
    void read();
    const char* at_;
    std::size_t left_;
    Label label_;
  };
  KeptLabels(const char* at, std::size_t count) : at_(at), count_(count) {}
  [[nodiscard]] Iterator begin() const { return {at_, count_}; }
  [[nodiscard]] Iterator end() const { return {at_, 0}; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  const char* at_;
  std::size_t count_;
};

class KeptEvent {
 public:
  explicit KeptEvent(const Event& event);
  KeptEvent(KeptEvent&&) = default;
  KeptEvent& operator=(KeptEvent&&) = default;

  // What is read most stands in one line of the cache: that is why the private ones are here.
  const TypeSpec* spec = nullptr;
  TimeUs time = 0;

 private:
  std::unique_ptr<char[]> block_;  // fields, then the stored form
  const KeptField* fields_ = nullptr;
  std::uint8_t field_count_ = 0, label_count_ = 0;
  std::uint32_t labels_begin_ = 0;
  std::uint32_t content_begin_ = 0, content_size_ = 0;
  std::uint32_t stored_begin_ = 0, stored_size_ = 0;

 public:
  std::string_view source;
  std::string_view id;

  [[nodiscard]] std::uint8_t rank() const { return spec->rank; }
  /// `source`, one space, `id`.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] KeptLabels labels() const { return {block_.get() + labels_begin_, label_count_}; }

  /// In catalogue order; those absent or null are not here.
  [[nodiscard]] std::span<const KeptField> fields() const { return {fields_, field_count_}; }
  [[nodiscard]] const KeptField* find(std::uint8_t field) const {
    for (const KeptField& each : fields()) {
      if (each.id == field) return &each;
    }
    return nullptr;
  }
  [[nodiscard]] bool has(std::uint8_t field) const { return find(field) != nullptr; }
  [[nodiscard]] std::int64_t number(std::uint8_t field, std::int64_t otherwise = 0) const {
    const KeptField* found = find(field);
    return found == nullptr ? otherwise : found->number;
  }
  /// Empty if absent (an id is never empty).
  [[nodiscard]] std::string_view text(std::uint8_t field) const {
    const KeptField* found = find(field);
    return found == nullptr ? std::string_view{} : found->text(fields_);
  }
  /// The answers of a survey; none if absent.
  [[nodiscard]] std::vector<Item> items(std::uint8_t field) const;

  /// What encode_event() writes.
  [[nodiscard]] std::string_view stored() const { return {block_.get() + stored_begin_, stored_size_}; }
  /// As it was before it was packed, with its tenant and subject.
  [[nodiscard]] Event unpacked(std::string_view tenant, std::string_view subject) const;
  /// Bytes held, roughly: for memory budgets.
  [[nodiscard]] std::size_t bytes() const { return sizeof(KeptEvent) + stored_begin_ + stored_size_; }

 private:
  friend std::strong_ordering canonical_order(const KeptEvent& a, const KeptEvent& b);
  /// Fields and labels as they are stored.
  [[nodiscard]] std::string_view stored_content() const {
    return {block_.get() + content_begin_, content_size_};
  }
};

/// The same order as that of the events.
[[nodiscard]] std::strong_ordering canonical_order(const KeptEvent& a, const KeptEvent& b);

}  // namespace troth::event
