// KeyedModel: what the engine needs to know of a business in order to run it. The engine moves records, time, state and
// outputs; the model says what an event does to the state of its key. Trust is one such model; a ten-line counter that
// tests the engine is another.
//
// A model is immutable and shared by all tasks; a KeyState belongs to one task at a time. No function here may read a
// clock, do I/O, keep a thread or draw a random number: that is what makes replay exact and simulation possible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/event.h"

namespace troth::task {

using event::Event;
using event::Reason;
using event::TimeUs;

/// The decoded state of one key. Derived classes hold whatever the model likes.
class KeyState {
 public:
  virtual ~KeyState() = default;
  /// Bytes held in memory, roughly; may be cheap and late, never wildly low. For the cache's budget.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
  /// A hint that the state is wanted soon: begins to load what an event or a settle reads first. Steps come in order, with
  /// other work in between; each may read what the ones before have asked for. Before the first the object itself was.
  virtual void prefetch(unsigned /*step*/) const {}
  static constexpr unsigned kPrefetchSteps = 3;
};

/// One record for an output stream; a value of nothing is a tombstone.
struct Output {
  std::uint8_t stream = 0;  // index into KeyedModel::streams()
  std::string key;
  std::optional<std::string> value;
};

/// An event that does not count any more or never will, to be dead-lettered by the engine.
struct Refusal {
  Reason reason{};
  std::string source, id, type;
  std::string raw;  // as far as it was kept
  event::Origin origin;
};

/// What an apply or a settle brings about. The engine clears it between calls.
struct Effects {
  std::vector<Output> outputs;     // in order
  std::vector<Refusal> displaced;  // accepted earlier, refused now: counted as refused, no longer as applied
  std::uint32_t reinstated = 0;    // refused as displaced earlier, counting again now
  std::vector<std::pair<std::uint16_t, std::int64_t>> counts;  // (index into counters(), delta)
  TimeUs next_timer = event::kNever;                           // settle: when the state wants to be settled again
  bool erase = false;                                          // apply: forget this key for ever, leave its tombstone

  void count(std::size_t counter, std::int64_t delta) {
    if (delta != 0) counts.emplace_back(static_cast<std::uint16_t>(counter), delta);
  }
  /// As new, but for the memory.
  void clear() {
    outputs.clear();
    displaced.clear();
    reinstated = 0;
    counts.clear();
    next_timer = event::kNever;
    erase = false;
  }
};

/// What became of one event.
struct Verdict {
  enum class Kind : std::uint8_t { kApplied, kDuplicate, kRefused } kind = Kind::kApplied;
  Reason reason{};  // refused only
};

/// A number that the model keeps through Effects::count: summed per partition by the engine, stored with the state (so
/// it survives restarts), shown as a metric. `labels` are fixed words, never input values.
struct CounterSpec {
  std::string name;  // troth_<thing>_<unit>
  std::string help;
  std::vector<std::pair<std::string, std::string>> labels;
  bool is_gauge = false;
};

/// The stored parts of one key, as the store has them. The head is the part with the empty name.
class Parts {
 public:
  virtual ~Parts() = default;
  /// Every part in order of names.
  virtual void for_each(const std::function<void(std::string_view name, std::string_view bytes)>& each) const = 0;
};

/// Where a state writes what changed.
class PartWriter {
 public:
  virtual ~PartWriter() = default;
  virtual void put(std::string_view name, std::string_view bytes) = 0;
  virtual void remove(std::string_view name) = 0;
};

class KeyedModel {
 public:
  virtual ~KeyedModel() = default;

  [[nodiscard]] virtual const event::Catalogue& catalogue() const = 0;
  /// Names of the output streams, dead letters apart ("scores", …): file names and, after a prefix, topic names.
  [[nodiscard]] virtual std::span<const std::string_view> streams() const = 0;
  [[nodiscard]] virtual std::span<const CounterSpec> counters() const = 0;
  /// Identifies rules and stored format: when it differs from what a store was written under, every key is settled
  /// again.
  [[nodiscard]] virtual std::string version() const = 0;
  /// What must not change under a store; a difference means a rebuild from the log.
  [[nodiscard]] virtual std::string foundation() const = 0;

  // Admission bounds that the engine applies itself (an event older than τ − lateness is `late`, later than horizon +
  // skew `future`).
  [[nodiscard]] virtual TimeUs lateness_us() const = 0;
  [[nodiscard]] virtual TimeUs skew_us() const = 0;

  /// The key under which an event's state stands. No byte 0x00 in it. Its partition is that of `Event::subject`.
  [[nodiscard]] virtual std::string key_of(const Event& event) const = 0;
  /// The same into memory that is used again and again.
  virtual void read_key(const Event& event, std::string& key) const { key = key_of(event); }
  /// What remains of an erased key in the store (a keyed digest: says nothing to who does not hold the key).
  [[nodiscard]] virtual std::string tombstone_of(std::string_view key) const = 0;

  [[nodiscard]] virtual std::unique_ptr<KeyState> create(std::string_view key) const = 0;
  /// An error means damage: the engine quarantines, it never goes on with a guess.
  [[nodiscard]] virtual base::Result<std::unique_ptr<KeyState>> decode(std::string_view key,
                                                                       const Parts& parts) const = 0;
  /// Writes the parts that changed since the last encode or decode.
  virtual void encode(KeyState& state, PartWriter& out) const = 0;

  /// Takes one event that is neither late nor future. τ includes it already. Cheap: what is computed once per key and
  /// epoch belongs to settle.
  virtual Verdict apply(KeyState& state, Event event, std::string_view raw, TimeUs tau, Effects& effects) const = 0;
  /// Brings the outputs of the key up to τ: called once per epoch for keys that took an event or whose timer is due.
  /// Doing it again at the same τ changes nothing.
  virtual void settle(KeyState& state, TimeUs tau, Effects& effects) const = 0;
};

}  // namespace troth::task
