// Harness: a shop of events for the counter model, and a driver that reads them through an instance as the application
// does: it offers, commits with a position, goes on after a crash from the committed position.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/hash.h"
#include "engine/state/memory_store.h"
#include "engine/task/instance.h"
#include "tests/unit/engine/task/counter_model.h"
#include "tests/unit/engine/task/fake_sink.h"

namespace troth::task::testing {

using event::kHour;
using event::kMinute;
using event::kSecond;
using state::MemoryStore;

/// 2020-01-01: any time well after 0.
inline constexpr TimeUs kStart = 1'577'836'800 * kSecond;

struct Item {
  Decoded decoded;
  bool last_of_input = false;
};

/// An event of `subject`. The record's key is the subject, so that dead letters tell whose they are.
inline Decoded added(const CounterModel& model, std::string subject, TimeUs time, std::string id,
                     std::uint16_t input = 0) {
  Decoded decoded;
  decoded.record.origin.input = input;
  decoded.record.key = subject;
  decoded.record.value = "{\"id\":\"" + id + "\"}";
  decoded.merge_time = time;
  Event& event = decoded.event.emplace();
  event.spec = model.added();
  event.time = time;
  event.tenant = "default";
  event.subject = std::move(subject);
  event.source = "shop";
  event.id = std::move(id);
  return decoded;
}

inline Decoded erased(const CounterModel& model, std::string subject, TimeUs time, std::string id,
                      std::uint16_t input = 0) {
  Decoded decoded = added(model, std::move(subject), time, std::move(id), input);
  decoded.event->spec = model.erased();
  return decoded;
}

inline Decoded malformed(std::string bytes, std::uint16_t input = 0) {
  Decoded decoded;
  decoded.record.origin.input = input;
  decoded.record.value = std::move(bytes);
  decoded.rejection = event::Rejection{Reason::kMalformed, {}};
  return decoded;
}

/// Asserts success, with the message.
inline void ok(const base::Status& status) {
  ASSERT_TRUE(status.ok()) << status.error().message;
}
template <typename T>
T value(base::Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return std::move(result).value();
}

inline std::unique_ptr<Instance> opened(const KeyedModel& model, Store& store, Sink& sink, InstanceOptions options) {
  return value(Instance::open(model, store, sink, std::move(options)));
}

inline InstanceOptions files(std::vector<std::string> names = {"events.ndjson"}, std::int32_t partitions = 1) {
  InstanceOptions options;
  options.inputs = std::move(names);
  options.partitions = partitions;
  return options;
}

inline InstanceOptions topics(std::vector<std::string> names, std::int32_t partitions = 1) {
  InstanceOptions options = files(std::move(names), partitions);
  options.partitions_by_key = false;
  return options;
}

/// `count` events of `keys` keys over two inputs, mostly in order; with duplicates, conflicts, late, future and malformed
/// ones, and a few erasures. A function of the seed.
inline std::vector<Item> shop(const CounterModel& model, std::size_t count, std::size_t keys, std::uint64_t seed,
                              bool with_erasures = true) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::vector<Item> items;
  TimeUs now = kStart;
  for (std::size_t i = 0; i < count; ++i) {
    now += static_cast<TimeUs>(below(static_cast<std::size_t>(4 * kMinute)));
    const auto input = static_cast<std::uint16_t>(below(2));
    const std::string subject = numbered("customer", below(keys));
    const std::string id = numbered("e", i);
    Decoded decoded = added(model, subject, now - static_cast<TimeUs>(below(static_cast<std::size_t>(kHour))), id, input);
    const std::size_t kind = below(40);
    if (kind == 0) decoded = malformed("{\"oops", input);
    if (kind == 1) decoded = added(model, subject, now - 100 * kHour, id, input);   // late
    if (kind == 2) decoded = added(model, subject, now + 1000 * 24 * kHour, id, input);  // future
    if (kind == 3 && i > 0 && items[i - 1].decoded.event) {
      decoded = items[i - 1].decoded;  // a duplicate
      decoded.record.origin.input = input;
    }
    if (kind == 4 && i > 0 && items[i - 1].decoded.event) {
      decoded = items[i - 1].decoded;  // another event of the same name
      decoded.record.origin.input = input;
      decoded.event->time += (below(2) == 0 ? 1 : -1) * kSecond;
    }
    if (with_erasures && below(200) == 0) decoded = erased(model, subject, now, id, input);
    decoded.record.origin.offset = static_cast<std::int64_t>(i);
    if (decoded.event) decoded.event->origin = decoded.record.origin;
    items.push_back({std::move(decoded), false});
  }
  std::vector<bool> has_last(2, false);
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    const std::size_t input = item->decoded.record.origin.input;
    item->last_of_input = !has_last[input];
    has_last[input] = true;
  }
  return items;
}

/// A stream as text, one line a record.
inline std::vector<std::string> lines(const FakeSink& sink, int stream) {
  std::vector<std::string> out;
  for (const Outgoing& each : sink.records) {
    if (each.stream == stream) out.push_back(each.key.value_or("-") + " = " + each.value.value_or("(none)"));
  }
  return out;
}

/// Whether all streams are equal, record by record; if not, where they begin to differ.
inline ::testing::AssertionResult has_equal_streams(const FakeSink& found, const FakeSink& expected, int streams = 3) {
  for (int stream = 0; stream < streams; ++stream) {
    const auto a = lines(found, stream);
    const auto b = lines(expected, stream);
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const std::string left = i < a.size() ? a[i] : "(end)";
      const std::string right = i < b.size() ? b[i] : "(end)";
      if (left == right) continue;
      return ::testing::AssertionFailure() << "stream " << stream << ", record " << i << ": found " << left
                                           << ", expected " << right;
    }
  }
  return ::testing::AssertionSuccess();
}

/// The last record of each key of each stream, less the τ at which it was made; keys whose last value is null are absent.
inline std::map<std::pair<int, std::string>, std::string> last_records(const FakeSink& sink, int streams = 2) {
  std::map<std::pair<int, std::string>, std::string> out;
  for (const Outgoing& each : sink.records) {
    if (each.stream >= streams) continue;
    if (each.value) {
      out[{each.stream, *each.key}] = each.value->substr(0, each.value->find(" at "));
    } else {
      out.erase({each.stream, *each.key});
    }
  }
  return out;
}

/// Whether the last records are equal; if not, one that differs.
inline ::testing::AssertionResult has_equal_last_records(const FakeSink& found, const FakeSink& expected) {
  const auto a = last_records(found);
  const auto b = last_records(expected);
  for (const auto& [key, value] : b) {
    const auto other = a.find(key);
    if (other != a.end() && other->second == value) continue;
    return ::testing::AssertionFailure() << key.first << " " << key.second << ": found "
                                         << (other == a.end() ? "nothing" : other->second) << ", expected " << value;
  }
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " keys, expected " << b.size();
  return ::testing::AssertionSuccess();
}

/// What a driver does between two records.
enum class Step { kGoOn, kCommit, kKill };

/// Reads all items to the end, however often `step` kills it. `before_open` may prepare failures. Answers the instance.
inline std::unique_ptr<Instance> replay(const CounterModel& model, const std::vector<Item>& items, Store& store,
                                        Sink& sink, const InstanceOptions& options, TimeUs as_of,
                                        const std::function<Step(std::size_t)>& step) {
  for (int lives = 0; lives < 100'000; ++lives) {
    auto result = Instance::open(model, store, sink, options);
    if (!result) continue;  // a planned failure
    std::unique_ptr<Instance> instance = std::move(result).value();
    const std::string position = instance->source_position();
    std::size_t at = position.empty() ? 0 : static_cast<std::size_t>(std::stoull(position));
    bool is_alive = true;
    while (is_alive && at < items.size()) {
      const Item& item = items[at];
      if (!instance->offer(item.decoded, item.last_of_input)) {
        is_alive = false;
        break;
      }
      ++at;
      switch (step(at)) {
        case Step::kGoOn: break;
        case Step::kCommit: is_alive = instance->commit(std::to_string(at)).ok(); break;
        case Step::kKill: is_alive = false; break;
      }
    }
    if (!is_alive) continue;
    if (!instance->commit(std::to_string(at))) continue;
    if (!instance->advance_to(as_of)) continue;
    return instance;
  }
  ADD_FAILURE() << "the replay does not come to its end";
  return nullptr;
}

inline std::unique_ptr<Instance> replay(const CounterModel& model, const std::vector<Item>& items, Store& store,
                                        Sink& sink, const InstanceOptions& options, TimeUs as_of) {
  return replay(model, items, store, sink, options, as_of, [](std::size_t) { return Step::kGoOn; });
}

/// Every live key with its count.
inline std::map<std::string, std::size_t> counts(Instance& instance) {
  std::map<std::string, std::size_t> out;
  ok(instance.for_each_key([&](std::int32_t, std::string_view key, KeyState& state) {
    out[std::string(key)] = static_cast<CounterState&>(state).events.size();
    return base::success();
  }));
  return out;
}

}  // namespace troth::task::testing
