// Held: an accepted event of a customer that is not sealed yet, and where it belongs. Owned by its Customer; pointers
// to it stay valid until it is sealed. One task's thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "operators/catalogue/catalogue.h"
#include "operators/catalogue/object.h"

namespace troth::operators {

/// The objects an event names, highest rank first; at most one of each kind.
class NamedObjects {
 public:
  explicit NamedObjects(const Event& event);
  NamedObjects() = default;
  [[nodiscard]] const ObjectRef* begin() const { return objects_.data(); }
  [[nodiscard]] const ObjectRef* end() const { return objects_.data() + size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const ObjectRef& highest() const { return objects_[0]; }

 private:
  std::array<ObjectRef, 5> objects_;
  std::size_t size_ = 0;
};

struct Bucket;

struct Held {
  explicit Held(Event e) : event(std::move(e)), objects(event) {}
  Held(const Held&) = delete;  // `objects` refers into `event`
  Held& operator=(const Held&) = delete;

  Event event;
  NamedObjects objects;
  Bucket* bucket = nullptr;  // all events of its case key; null: customer.updated and alert.acted belong to no case
  bool is_conflict = false;  // another event of its name counts: it links objects, but is not folded
  bool is_refused = false;   // it was last said to be in conflict
};

/// Canonical order of held events.
[[nodiscard]] bool before(const Held* a, const Held* b);

/// True for the types that belong to no case.
[[nodiscard]] bool is_caseless(Type type);

}  // namespace troth::operators
