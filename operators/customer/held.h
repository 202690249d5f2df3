// Held: an accepted event of a customer that is not sealed yet, and where it belongs. Owned by its Customer; pointers
// to it stay valid until it is sealed. One task's thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "operators/catalogue/catalogue.h"
#include "operators/catalogue/object.h"

namespace troth::operators {

/// The objects an event names, highest rank first; at most one of each kind. Refers into the event's fields.
class NamedObjects {
 public:
  class Iterator {
   public:
    Iterator(const NamedObjects& of, std::size_t at) : of_(&of), at_(at) {}
    ObjectRef operator*() const { return (*of_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const NamedObjects* of_;
    std::size_t at_;
  };

  explicit NamedObjects(const KeptEvent& event);
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] ObjectRef highest() const { return (*this)[0]; }

 private:
  [[nodiscard]] ObjectRef operator[](std::size_t i) const;

  const event::KeptField* fields_;
  std::array<std::uint8_t, 5> places_{};  // among the fields
  std::uint8_t size_ = 0;
};

struct Bucket;

struct Held {
  explicit Held(const Event& e);
  Held(const Held&) = delete;  // others point to it
  Held& operator=(const Held&) = delete;

  KeptEvent event;
  NamedObjects objects;
  Bucket* bucket = nullptr;      // all events of its case key; null: customer.updated and alert.acted belong to no case
  std::uint64_t name_digest;     // two events of one name have one
  std::uint32_t slot = 0;        // where its customer keeps it
  bool is_conflict = false;      // another event of its name counts: it links objects, but is not folded
  bool is_refused = false;       // it was last said to be in conflict
};

[[nodiscard]] inline bool have_one_name(const Held& a, const Held& b) {
  return a.name_digest == b.name_digest && a.event.id == b.event.id && a.event.source == b.event.source;
}

/// Canonical order of held events.
[[nodiscard]] bool before(const Held* a, const Held* b);

/// True for the types that belong to no case.
[[nodiscard]] bool is_caseless(Type type);

}  // namespace troth::operators
