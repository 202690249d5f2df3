#include "engine/task/task.h"

#include <algorithm>
#include <utility>

#include "engine/base/hash.h"
#include "engine/base/planted.h"
#include "engine/task/keys.h"
#include "engine/task/stopwatch.h"

namespace troth::task {
namespace {

/// The name of a counter, labels included: what stays the same when a later model has others.
std::string counter_name(const CounterSpec& spec) {
  std::string name = spec.name;
  for (const auto& [key, value] : spec.labels) name += '\n' + key + '=' + value;
  return name;
}

std::vector<std::string> counter_names(const KeyedModel& model) {
  std::vector<std::string> names;
  for (const CounterSpec& each : model.counters()) names.push_back(counter_name(each));
  return names;
}

/// Brings stored counters into the order of the model; those that it has no more are dropped, new ones begin at 0.
void match_counters(TaskMeta& meta, const KeyedModel& model) {
  std::vector<std::string> names = counter_names(model);
  if (meta.counter_names == names) return;
  std::vector<std::int64_t> values(names.size(), 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto stored = std::find(meta.counter_names.begin(), meta.counter_names.end(), names[i]);
    if (stored == meta.counter_names.end()) continue;
    values[i] = meta.tally.counters[static_cast<std::size_t>(stored - meta.counter_names.begin())];
  }
  meta.counter_names = std::move(names);
  meta.tally.counters = std::move(values);
}

TaskMeta new_meta(const TaskContext& context) {
  TaskMeta meta;
  meta.inputs.resize(context.inputs.size());
  meta.settled_under = context.model.version();
  return meta;
}

std::size_t bytes_of(const Outgoing& record) {
  return sizeof(TaskOutput) + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------ life

base::Result<std::unique_ptr<Task>> Task::load(const TaskContext& context, std::int32_t partition,
                                               std::size_t cache_bytes) {
  auto stored = context.store.get(keys::task(partition));
  if (!stored) return stored.error();
  TaskMeta meta = new_meta(context);
  if (stored->has_value()) {
    auto decoded = decode_task_meta(**stored);
    if (!decoded) return decoded.error();
    meta = std::move(*decoded);
    if (meta.inputs.size() != context.inputs.size()) {
      return base::damage("the state is damaged: partition " + std::to_string(partition) + " has " +
                         std::to_string(meta.inputs.size()) + " inputs, the instance " +
                         std::to_string(context.inputs.size()) + ": rebuild the state from the log");
    }
  }
  match_counters(meta, context.model);
  return std::unique_ptr<Task>(new Task(context, partition, cache_bytes, std::move(meta)));
}

Task::Task(const TaskContext& context, std::int32_t partition, std::size_t cache_bytes, TaskMeta meta)
    : context_(context),
      partition_(partition),
      dead_letters_(static_cast<std::uint8_t>(context.model.streams().size())),
      lateness_us_(context.model.lateness_us()),
      skew_us_(context.model.skew_us()),
      tau_(TROTH_PLANTED(tau_not_restored) ? 0 : meta.tau),
      inputs_(std::move(meta.inputs)),
      is_silent_(inputs_.size(), false),
      tally_(std::move(meta.tally)),
      counter_names_(std::move(meta.counter_names)),
      epoch_(meta.epoch),
      epoch_records_(TROTH_PLANTED(epoch_begins_anew) ? 0 : meta.epoch_records),
      commit_(std::move(meta.commit)),
      previous_(std::move(meta.previous)),
      changelog_position_(meta.changelog_position),
      cache_(context.model, context.store, partition, cache_bytes, meta.erased_keys),
      timers_(context.store, partition),
      unsettled_(meta.unsettled.begin(), meta.unsettled.end()) {
  if (TROTH_PLANTED(unsettled_forgotten)) unsettled_.clear();
  if (TROTH_PLANTED(tally_not_restored)) tally_ = Tally{.counters = std::move(tally_.counters)};
  if ((context.follow_wall_clock || context.has_positions) && !TROTH_PLANTED(end_of_input_kept)) {
    for (InputMeta& input : inputs_) input.at_end = false;
  }
  const std::string version = context.model.version();
  if (meta.settled_under != version && !TROTH_PLANTED(resettle_skipped)) {
    phase_ = Phase::kResettling;
    if (meta.resettling_under == version) resettled_to_ = std::move(meta.resettled_to);
    if (TROTH_PLANTED(resettle_resumes_too_far) && !resettled_to_.empty()) ++resettled_to_.back();
  }
}

std::string Task::encoded_meta() const {
  TROTH_ASSERT(tally_.is_balanced());  // promise P2
  TaskMeta meta;
  meta.tau = tau_;
  meta.inputs = inputs_;
  meta.tally = tally_;
  meta.epoch = epoch_;
  meta.epoch_records = epoch_records_;
  meta.erased_keys = cache_.erased_keys();
  if (is_resettling()) {
    meta.resettling_under = context_.model.version();
    meta.resettled_to = resettled_to_;
  } else {
    meta.settled_under = context_.model.version();
  }
  meta.unsettled = unsettled_keys();
  meta.commit = commit_;
  meta.previous = previous_;
  meta.changelog_position = changelog_position_;
  return encode_meta(meta, counter_names_);
}

void Task::number_commit() {
  previous_ = commit_;
  ++commit_.number;
  if (!TROTH_PLANTED(writer_kept) || commit_.writer.empty()) commit_.writer = context_.writer;
}

base::Status Task::write(Batch& batch, std::vector<TaskOutput>& out) {
  if (!has_changed_) return base::success();
  number_commit();
  if (!TROTH_PLANTED(meta_only_with_outputs) || !out_.empty()) batch.put(keys::task(partition_), encoded_meta());
  unpin();
  if (auto status = cache_.write(batch); !status) return status;
  Batch unused;
  timers_.write(TROTH_PLANTED(timers_not_stored) ? unused : batch);
  std::move(out_.begin(), out_.end(), std::back_inserter(out));
  out_.clear();
  out_bytes_ = 0;
  has_changed_ = false;
  return base::success();
}

// ------------------------------------------------------------------------------------------------------------ time

/// τ as its inputs have it now (TRUST_MODEL: engine time). Promise P7: it never falls.
void Task::follow_inputs() {
  TimeUs greatest_of_all = 0;
  TimeUs least_of_open = event::kNever;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const InputMeta& input = inputs_[i];
    greatest_of_all = std::max(greatest_of_all, input.greatest);
    if (!input.at_end || is_silent_[i]) least_of_open = std::min(least_of_open, input.greatest);
  }
  if (TROTH_PLANTED(tau_of_fastest_input)) least_of_open = event::kNever;
  if (least_of_open != event::kNever) {
    raise_tau(least_of_open);
    return;
  }
  raise_tau(greatest_of_all);
  if (context_.follow_wall_clock) tau_ = std::max(tau_, wall_);
}

void Task::raise_tau(TimeUs t) {
  TROTH_ASSERT(phase_ != Phase::kClosing);
  if (t <= tau_) return;
  tau_ = t;
  has_changed_ = true;
}

void Task::set_at_end(std::size_t input, bool at_end) {
  TROTH_ASSERT(input < inputs_.size());
  if (inputs_[input].at_end == at_end) return;
  inputs_[input].at_end = at_end;
  has_changed_ = true;
  follow_inputs();
}

void Task::set_silent(std::size_t input, bool is_silent) {
  TROTH_ASSERT(context_.follow_wall_clock && input < inputs_.size());
  is_silent_[input] = is_silent;
  follow_inputs();
}

base::Result<std::size_t> Task::held_keys() const {
  if (wall_ <= tau_) return std::size_t{0};
  std::vector<std::string> keys;
  if (auto status = timers_.append_due(wall_, keys); !status) return status.error();
  return keys.size();
}

bool Task::is_caught_up() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const InputMeta& each) { return each.at_end; });
}

void Task::set_wall(TimeUs now) {
  TROTH_ASSERT(context_.follow_wall_clock);
  wall_ = std::max(wall_, now);
  follow_inputs();
}

// ------------------------------------------------------------------------------------------------------- admission

base::Status Task::offer(Decoded&& decoded, bool last_of_input, std::uint64_t number) {
  TROTH_ASSERT(phase_ == Phase::kOpen);
  const Record& record = decoded.record;
  TROTH_ASSERT(record.origin.input < inputs_.size());
  InputMeta& input = inputs_[record.origin.input];
  if (context_.has_positions) {
    if (record.origin.offset < input.next_offset && !TROTH_PLANTED(offset_read_twice)) {  // delivered twice
      if (last_of_input) set_at_end(record.origin.input, true);
      return base::success();
    }
    input.next_offset = record.origin.offset + 1;
  }

  greatest_number_ = std::max(greatest_number_, number);
  order_ = greatest_number_;
  has_changed_ = true;
  ++tally_.read;
  base::Status status = base::success();
  if (decoded.event) {
    status = judge(std::move(*decoded.event), record, last_of_input);
  } else {
    TROTH_ASSERT(decoded.rejection.has_value());
    refuse(*decoded.rejection, {}, record);
  }
  if (last_of_input) set_at_end(record.origin.input, true);

  ++epoch_records_;
  if (status && context_.epoch_events && epoch_records_ >= *context_.epoch_events) status = close();
  order_ = TaskOutput::kAtCommit;
  return status;
}

base::Status Task::judge(Event&& event, const Record& record, bool last_of_input) {
  if (is_in_wrong_partition(event)) {
    refuse({Reason::kWrongPartition, {}}, {event.source, event.id, event.spec->name}, record);
    return base::success();
  }
  context_.model.read_key(event, key_);
  auto loaded = cache_.load(key_);
  if (!loaded) return loaded.error();
  KeyCache::Entry& entry = **loaded;

  std::optional<Reason> reason;
  if (TROTH_PLANTED(refused_event_raises_tau)) {
    inputs_[record.origin.input].greatest = std::max(inputs_[record.origin.input].greatest, event.time);
  }
  if (entry.is_erased()) {
    reason = Reason::kErased;
  } else {
    reason = refusal_by_time(event.time);
  }
  if (reason) {
    refuse({*reason, {}}, {event.source, event.id, event.spec->name}, record);
    if (entry.is_unheard_of()) cache_.forget(entry);
    return base::success();
  }

  InputMeta& input = inputs_[record.origin.input];
  input.greatest = std::max(input.greatest, event.time);
  if (last_of_input) input.at_end = true;
  follow_inputs();
  apply(entry, std::move(event), record);
  return base::success();
}

/// A producer has chosen the partition by something else than the customer: taken here, the customer would be torn apart.
bool Task::is_in_wrong_partition(const Event& event) const {
  return context_.refuses_wrong_partition && base::partition_of(event.subject, context_.partitions) != partition_;
}

std::optional<Reason> Task::refusal_by_time(TimeUs time) const {
  const std::optional<TimeUs> horizon = context_.follow_wall_clock ? wall_ : context_.horizon;
  if (horizon && time - skew_us_ > *horizon) return Reason::kFuture;
  if (time < tau_ - lateness_us_ + (TROTH_PLANTED(late_at_the_boundary) ? 1 : 0)) return Reason::kLate;
  return std::nullopt;
}

void Task::apply(KeyCache::Entry& entry, Event&& event, const Record& record) {
  source_ = event.source;
  id_ = event.id;
  const std::string_view type = event.spec->name;
  const std::string_view raw = record.value ? std::string_view(*record.value) : std::string_view{};

  const Verdict verdict = context_.model.apply(entry.state(), std::move(event), raw, tau_, effects_);
  switch (verdict.kind) {
    case Verdict::Kind::kApplied: ++tally_.applied; break;
    case Verdict::Kind::kDuplicate:
      ++(TROTH_PLANTED(duplicate_counted_twice) && tally_.duplicates % 2 == 1 ? tally_.applied : tally_.duplicates);
      break;
    case Verdict::Kind::kRefused: refuse({verdict.reason, {}}, {source_, id_, type}, record); break;
  }
  const bool is_erasure = effects_.erase;
  take_effects();
  if (is_erasure) {
    erase(entry);
  } else if (verdict.kind == Verdict::Kind::kDuplicate ||
             (verdict.kind == Verdict::Kind::kRefused && entry.is_unheard_of())) {
    if (entry.is_unheard_of()) cache_.forget(entry);  // a key is born by the first event that it takes
  } else {
    // A refused event counts too: the loser of a conflict may change what the state knows.
    cache_.mark_dirty(entry);
    note_unsettled(entry);
  }
}

void Task::refuse(const event::Rejection& rejection, const EventName& name, const Record& record) {
  ++tally_.refused[static_cast<std::size_t>(rejection.reason)];
  put_out(dead_letter(dead_letters_, rejection, name, record, context_.inputs));
}

void Task::erase(KeyCache::Entry& entry) {
  forget_unsettled(entry);
  if (entry.timer() != event::kNever && !TROTH_PLANTED(timer_of_erased_key_stays)) {
    timers_.remove(entry.timer(), entry.key());
  }
  cache_.erase(entry);
}

// --------------------------------------------------------------------------------------------------------- effects

void Task::take_effects() {
  for (Output& each : effects_.outputs) {
    TROTH_ASSERT(each.stream < dead_letters_);
    put_out({each.stream, std::move(each.key), std::move(each.value)});
  }
  for (const Refusal& each : effects_.displaced) {
    TROTH_ASSERT(tally_.applied > 0);
    --tally_.applied;
    ++tally_.refused[static_cast<std::size_t>(each.reason)];
    put_out(dead_letter(dead_letters_, each, context_.inputs));
  }
  auto& conflicts = tally_.refused[static_cast<std::size_t>(Reason::kConflict)];
  TROTH_ASSERT(conflicts >= effects_.reinstated);
  conflicts -= effects_.reinstated;
  tally_.applied += effects_.reinstated;
  for (const auto& [counter, delta] : effects_.counts) {
    TROTH_ASSERT(counter < tally_.counters.size());
    tally_.counters[counter] += delta;
  }
  effects_.clear();
}

void Task::put_out(Outgoing record) {
  out_bytes_ += bytes_of(record);
  out_.push_back({order_, std::move(record)});
  has_changed_ = true;
}

// ---------------------------------------------------------------------------------------------------------- epochs

base::Status Task::close() {
  const Stopwatch watch;
  if (auto status = begin_close(); !status) return status;
  auto is_left = settle_some(closing_.size());
  settle_ns_ += watch.ns();
  if (!is_left) return is_left.error();
  TROTH_ASSERT(!*is_left);
  return base::success();
}

base::Status Task::begin_close() {
  TROTH_ASSERT(phase_ == Phase::kOpen);
  TROTH_ASSERT(closing_.empty());
  for (KeyCache::Entry* entry : unsettled_entries_) {
    if (entry->is_unsettled) closing_.push_back({entry, {}});
  }
  for (const std::string& key : unsettled_) closing_.push_back({nullptr, key});
  if (TROTH_PLANTED(closing_keys_not_noted)) {
    for (KeyCache::Entry* entry : unsettled_entries_) entry->is_unsettled = false;
    unsettled_entries_.clear();
    unsettled_.clear();
  }
  auto is_due = timers_.is_any_due(tau_);
  if (!is_due) return is_due.error();
  if (*is_due) {
    std::vector<std::string> due;
    if (auto status = timers_.append_due(tau_, due); !status) return status;
    for (std::string& key : due) {
      const KeyCache::Entry* entry = cache_.peek(key);
      if (entry == nullptr || !entry->is_unsettled) closing_.push_back({nullptr, std::move(key)});
    }
  }
  std::sort(closing_.begin(), closing_.end(), [](const ToSettle& a, const ToSettle& b) { return a.key() > b.key(); });
  const auto is_same = [](const ToSettle& a, const ToSettle& b) { return a.key() == b.key(); };
  closing_.erase(std::unique(closing_.begin(), closing_.end(), is_same), closing_.end());
  phase_ = Phase::kClosing;
  return base::success();
}

/// Brings near what is settled next but some.
void Task::prefetch_closing() const {
  const auto behind = [this](std::size_t by) -> const KeyCache::Entry* {
    return by < closing_.size() ? closing_[closing_.size() - 1 - by].entry : nullptr;
  };
  if (const KeyCache::Entry* entry = behind(KeyState::kPrefetchSteps + 1)) entry->prefetch_state();
  for (unsigned step = 0; step < KeyState::kPrefetchSteps; ++step) {
    if (const KeyCache::Entry* entry = behind(KeyState::kPrefetchSteps - step)) entry->prefetch_state(step);
  }
}

base::Result<bool> Task::settle_some(std::size_t keys_max, bool writes_next) {
  TROTH_ASSERT(phase_ == Phase::kClosing);
  for (std::size_t i = 0; i < keys_max && !closing_.empty(); ++i) {
    prefetch_closing();
    KeyCache::Entry* entry = closing_.back().entry;
    if (entry == nullptr) {
      auto found = entry_to_settle(closing_.back().name);
      if (!found) return found.error();
      entry = *found;
    }
    settle(*entry);
    if (writes_next) cache_.write_ahead(*entry);
    closing_.pop_back();
  }
  if (!closing_.empty()) return true;
  TROTH_ASSERT(unsettled_keys().empty());
  unsettled_entries_.clear();
  phase_ = Phase::kOpen;
  if (epoch_records_ > 0) {
    ++epoch_;
    epoch_records_ = 0;
    has_changed_ = true;
  }
  return false;
}

void Task::note_unsettled(KeyCache::Entry& entry) {
  if (std::exchange(entry.is_unsettled, true)) return;
  TROTH_ASSERT(entry.is_dirty());
  unsettled_entries_.push_back(&entry);
}

void Task::forget_unsettled(KeyCache::Entry& entry) {
  entry.is_unsettled = false;
  if (unsettled_.empty()) return;
  if (const auto noted = unsettled_.find(entry.key()); noted != unsettled_.end()) unsettled_.erase(noted);
}

/// In order.
std::vector<std::string> Task::unsettled_keys() const {
  std::set<std::string, std::less<>> keys = unsettled_;
  for (const KeyCache::Entry* entry : unsettled_entries_) {
    if (entry->is_unsettled) keys.emplace(entry->key());
  }
  return {keys.begin(), keys.end()};
}

/// What is dirty is about to become clean, and may leave the memory: from now on it goes by its name.
void Task::unpin() {
  for (KeyCache::Entry* entry : unsettled_entries_) {
    if (std::exchange(entry->is_unsettled, false)) unsettled_.emplace(entry->key());
  }
  unsettled_entries_.clear();
  for (ToSettle& each : closing_) {
    if (each.entry == nullptr) continue;
    each.name = each.entry->key();
    each.entry = nullptr;
  }
}

base::Result<bool> Task::resettle_some(std::size_t keys_max) {
  TROTH_ASSERT(is_resettling());
  std::vector<std::string> keys;
  if (auto status = cache_.append_stored(resettled_to_, keys_max, keys); !status) return status.error();
  order_ = TaskOutput::kBeforeRecords;
  for (std::string& key : keys) {
    auto entry = entry_to_settle(key);
    if (!entry) return entry.error();
    settle(**entry);
    resettled_to_ = std::move(key);
  }
  order_ = TaskOutput::kAtCommit;
  has_changed_ = true;
  if (keys.size() == keys_max) return true;
  phase_ = Phase::kOpen;
  resettled_to_.clear();
  return false;
}

base::Result<KeyCache::Entry*> Task::entry_to_settle(std::string_view key) {
  auto loaded = cache_.load(key);
  if (!loaded || !(*loaded)->is_unheard_of()) return loaded;
  cache_.forget(**loaded);
  return base::damage("the state is damaged: partition " + std::to_string(partition_) +
                     " has a timer of a key without state: restore a backup or rebuild the state from the log");
}

void Task::settle(KeyCache::Entry& entry) {
  TROTH_ASSERT(!entry.is_erased());  // its timer and its mark went with it
  forget_unsettled(entry);
  has_changed_ = true;
  ++keys_settled_;
  context_.model.settle(entry.state(), tau_, effects_);
  TROTH_ASSERT(!effects_.erase);
  const TimeUs next = effects_.next_timer;
  TROTH_ASSERT(next > tau_);  // what is due now is settled now
  take_effects();
  cache_.mark_dirty(entry);
  set_timer(entry, next);
}

/// Lazy: a stored timer that is too early stays; it will fire, settle and come here again.
void Task::set_timer(KeyCache::Entry& entry, TimeUs next) {
  const TimeUs stored = entry.timer();
  const bool has_fired = stored <= tau_;
  if (!has_fired && (stored <= next || (TROTH_PLANTED(timer_never_earlier) && stored != event::kNever))) return;
  if (stored != event::kNever) timers_.remove(stored, entry.key());
  if (next != event::kNever) timers_.add(next, entry.key());
  cache_.set_timer(entry, next);
}

// --------------------------------------------------------------------------------------------------------- reading

base::Result<KeyState*> Task::find(std::string_view key) {
  auto entry = cache_.find(key);
  if (!entry) return entry.error();
  if (*entry == nullptr || (*entry)->is_erased()) return static_cast<KeyState*>(nullptr);
  return &(*entry)->state();
}

PartitionStatistics Task::statistics() const {
  PartitionStatistics out;
  out.partition = partition_;
  out.tau = tau_;
  out.epoch = epoch_;
  for (const InputMeta& input : inputs_) {
    out.greatest.push_back(input.greatest);
    out.at_end.push_back(input.at_end);
    out.next_offset.push_back(input.next_offset);
  }
  out.cached_keys = cache_.size();
  out.unsettled_keys = unsettled_keys().size();
  return out;
}

}  // namespace troth::task
