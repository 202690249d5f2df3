// Merger: several inputs, each in its own order, become one sequence: always the item with the least time among the heads
// of the inputs (ties: the lower input), waiting for a head of every input that is not at its end. So a slow input does
// not find its events late. An item without a time goes as soon as it is the head of its input.
//
// Used by the file source for files and by the instance, per partition, for the topics of Kafka. Bounded by its user:
// whoever pushes looks at waiting() and stops reading that input beyond limits::kMergeAhead. One merger, one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/assert.h"
#include "engine/event/time.h"

namespace troth::task {

template <typename T>
class Merger {
 public:
  struct Taken {
    std::size_t input = 0;
    T item;
    bool ends_input = false;  // the input is at its end now that this item is taken
  };

  explicit Merger(std::size_t inputs) : inputs_(inputs), without_head_(inputs) {}

  /// Appends to an input. An input at its end may still get items (live): they do not make the others wait.
  void push(std::size_t input, std::optional<event::TimeUs> time, T item) {
    Input& to = at(input);
    to.queue.push_back({time.value_or(kAtOnce), std::move(item)});
    ++size_;
    if (to.queue.size() == 1) {
      add_head(input);
      if (!to.is_closed) --without_head_;
    }
  }

  /// The input is at its end, once what waits of it is taken. True: nothing waits, so it is at its end already.
  bool close(std::size_t input) {
    Input& which = at(input);
    if (!which.is_closed && which.queue.empty()) --without_head_;
    which.is_closed = true;
    return which.queue.empty();
  }

  /// The input has more again: the others wait for its head.
  void reopen(std::size_t input) {
    Input& which = at(input);
    if (which.is_closed && which.queue.empty()) ++without_head_;
    which.is_closed = false;
  }

  /// The next item of the sequence; nothing while the head of an input is missing, or if there is no item at all.
  [[nodiscard]] std::optional<Taken> take() {
    if (heads_.empty()) return std::nullopt;
    if (without_head_ > 0 && heads_.front().first != kAtOnce) return std::nullopt;
    const std::size_t input = heads_.front().second;
    std::pop_heap(heads_.begin(), heads_.end(), std::greater<>{});
    heads_.pop_back();

    Input& from = at(input);
    Taken taken{input, std::move(from.queue.front().item), false};
    from.queue.pop_front();
    --size_;
    if (!from.queue.empty()) {
      add_head(input);
    } else if (from.is_closed) {
      taken.ends_input = true;
    } else {
      ++without_head_;
    }
    return taken;
  }

  [[nodiscard]] std::size_t waiting(std::size_t input) const { return at(input).queue.size(); }
  [[nodiscard]] bool is_closed(std::size_t input) const { return at(input).is_closed; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr event::TimeUs kAtOnce = -1;  // before every event time

  struct Waiting {
    event::TimeUs time;
    T item;
  };
  struct Input {
    std::deque<Waiting> queue;
    bool is_closed = false;
  };

  Input& at(std::size_t input) {
    TROTH_ASSERT(input < inputs_.size());
    return inputs_[input];
  }
  const Input& at(std::size_t input) const {
    TROTH_ASSERT(input < inputs_.size());
    return inputs_[input];
  }
  void add_head(std::size_t input) {
    heads_.emplace_back(at(input).queue.front().time, input);
    std::push_heap(heads_.begin(), heads_.end(), std::greater<>{});
  }

  std::vector<Input> inputs_;
  std::vector<std::pair<event::TimeUs, std::size_t>> heads_;  // a heap, least first: one entry per input with a head
  std::size_t without_head_;                                  // inputs that are open and have no head
  std::size_t size_ = 0;
};

}  // namespace troth::task
