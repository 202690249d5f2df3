// Lives: which objects a customer's events name, in which lives, and at which home each life is (TRUST_MODEL: cases,
// links, lives, home). The mentions of an object, in canonical order, form one life as long as neighbours are near
// enough; the first link of a life leads to a higher object; following links to their end gives the home, which is the
// case key. Owned by a Customer; one task's thread. Views and pointers refer into held events.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "operators/customer/held.h"
#include "operators/policy/policy.h"

namespace troth::operators {

class Lives {
 public:
  explicit Lives(const GlobalPolicy& policy) : policy_(&policy) {}

  /// Adds an event's mentions. Puts the events whose home may have changed into `moved`, the new one among them.
  void add(Held* held, std::vector<Held*>& moved);
  /// Adds without looking at what moves: for events that come in canonical order, all of them before anything is asked.
  void append(Held* held);
  /// Takes back what add() did (an event that turned out to exceed a cap). Answers the events to look at again.
  std::vector<Held*> remove(Held* held);

  /// The case key of an event that is here: "o:123", or "e:" and its name if it names no object.
  [[nodiscard]] std::string case_key(const Held* held) const;

  /// The bucket of the latest event that names an object; null if no event that is here does.
  [[nodiscard]] Bucket* latest_bucket_naming(const ObjectRef& object) const;

  /// Calls `each` for the buckets in which the events that mention an object were put; for some more than once.
  template <typename Each>
  void for_each_bucket_naming(const ObjectRef& object, const Each& each) const {
    const Object* of = find(object);
    if (of == nullptr) return;
    Bucket* last = nullptr;
    for (const Mention& mention : of->mentions) {
      if (mention.held->bucket != last) each(*mention.held->bucket);
      last = mention.held->bucket;
    }
  }

  /// An equal event that is here already, or null.
  [[nodiscard]] Held* find_equal(const Held* held) const;

  /// Begins to load the objects that news is likely about. As KeyState::prefetch().
  void prefetch(unsigned step) const;

  /// The events are sealed: they leave, their lives stay until they may be forgotten.
  void seal(const std::vector<Held*>& events);
  /// Forgets sealed lives that no later event can continue. Answers whether any went.
  bool forget(TimeUs t);

  void encode_sealed(base::ByteWriter& out) const;
  [[nodiscard]] bool decode_sealed(base::ByteReader& in);
  /// Copies the sealed lives of another one (same customer), without its events.
  void copy_sealed(const Lives& other);

 private:
  struct SealedLife {
    TimeUs first, last;
    std::string home;
  };
  struct Mention {
    TimeUs time;  // the event's
    Held* held;
    ObjectRef link;  // empty: this event links the object to nothing higher
  };
  struct Object {
    std::vector<SealedLife> sealed;  // parts of lives whose events are sealed, with the home that is final by then
    std::vector<Mention> mentions;   // canonical order
  };
  /// Names of objects, "o:123", are found by what they name as well.
  struct ByName {
    using is_transparent = void;
    static ObjectRef ref(const std::string& name) { return ObjectRef::of(name); }
    static const ObjectRef& ref(const ObjectRef& object) { return object; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return ref(a) < ref(b);
    }
  };
  using Objects = std::map<std::string, Object, ByName>;

  [[nodiscard]] const Object* find(const ObjectRef& object) const;
  [[nodiscard]] Object& find_or_make(const ObjectRef& object);
  /// The home of the life of `object` that `mention` lies in (index into its mentions).
  [[nodiscard]] std::string home_at(const ObjectRef& object, const Object& of, std::size_t mention) const;
  [[nodiscard]] std::size_t life_begin(const Object& of, std::size_t mention) const;
  [[nodiscard]] const SealedLife* sealed_near(const Object& of, TimeUs first, TimeUs last) const;
  [[nodiscard]] bool is_over(const Object& of, SealedLife life, TimeUs t) const;
  [[nodiscard]] bool changes_others(const Object& of, std::size_t mention) const;
  [[nodiscard]] bool has_link_before(const Object& of, std::size_t mention) const;
  [[nodiscard]] std::vector<Held*> component(const Held* from) const;
  [[nodiscard]] static std::size_t position(const Object& of, const Held* held);

  const GlobalPolicy* policy_;
  Objects objects_;
};

}  // namespace troth::operators
