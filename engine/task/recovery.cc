#include "engine/task/recovery.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/planted.h"
#include "engine/task/keys.h"
#include "engine/task/outbox.h"

namespace troth::task {
namespace {

/// Rows between two reports of progress.
constexpr std::uint64_t kRowsPerReport = 10'000;

std::string words(const std::optional<CommitId>& id) {
  return id ? "commit " + std::to_string(id->number) + " of writer " + id->writer : std::string("nothing");
}

/// Recovery of one partition.
class Recoverer {
 public:
  Recoverer(Store& store, Changelog& changelog, std::int32_t partition, const RecoveryOptions& options)
      : store_(store), changelog_(changelog), partition_(partition), options_(options) {}

  base::Result<Recovered> follow() {
    if (auto read = read_own(); !read) return read.error();
    if (own_) {
      auto is_shown = follow_from(own_->changelog_position);
      if (!is_shown) return is_shown.error();
      if (*is_shown) return outcome(Recovery::kCatchUp);
    }
    // Another line than ours, or none: what is there does not count.
    own_.reset();
    if (auto dropped = drop(); !dropped) return dropped.error();
    forget_rows();
    if (auto taken = follow_from(-1); !taken) return taken.error();
    return outcome(Recovery::kRebuild);
  }

  base::Result<Recovered> run(Transactions& transactions) {
    if (auto read = read_own(); !read) return read.error();
    if (TROTH_PLANTED(taken_without_recovery) && own_) return outcome(Recovery::kGoOn);
    auto taken = transactions.committed(partition_);
    if (!taken) return taken.error();
    std::optional<CommitId> target = std::move(*taken);
    if (!target && transactions.has_changelog()) {
      auto last = last_in_changelog();
      if (!last) return last.error();
      target = std::move(*last);
    }
    if (!target) {
      if (!own_) return begin_new();
      // The first commit was not taken; or there is no changelog, and the group forgot us: the outbox can do no harm.
      if (own_->previous.number == 0 || !transactions.has_changelog()) return send_again(transactions);
      return failed("the other side knows nothing of it, and the changelog is empty. Was the group renamed, or were the "
                    "topics made anew? Begin with an empty state directory, or bring back the group and its topics");
    }
    if (own_ && own_->commit == *target) return outcome(Recovery::kGoOn);
    if (own_ && (own_->previous == *target || TROTH_PLANTED(any_older_commit_counts_as_previous)))
      return send_again(transactions);
    if (!transactions.has_changelog()) {
      return failed("the other side has " + words(target) + ", this state " + words(own_ ? std::optional(own_->commit) : std::nullopt) +
                    ": another instance has worked on this partition meanwhile, and without a changelog its state cannot "
                    "be taken over. Name a topic for it (`kafka.changelog`), or restore a backup");
    }
    if (own_) {
      auto caught_up = catch_up(*target);
      if (!caught_up) return caught_up.error();
      if (*caught_up) return outcome(Recovery::kCatchUp);
    }
    return rebuild(*target);
  }

 private:
  base::Status read_own() {
    auto bytes = store_.get(keys::task(partition_));
    if (!bytes) return bytes.error();
    if (!bytes->has_value()) return base::success();
    auto meta = decode_task_meta(**bytes);
    if (!meta) return meta.error();
    own_ = std::move(*meta);
    return base::success();
  }

  [[nodiscard]] base::Error failed(const std::string& what) const {
    return base::Error{"partition " + std::to_string(partition_) + ": " + what};
  }
  [[nodiscard]] Recovered outcome(Recovery how) const { return {how, rows_}; }

  /// The commit that the changelog ends with.
  base::Result<std::optional<CommitId>> last_in_changelog() {
    std::optional<CommitId> last;
    const auto each = [&](std::int64_t, std::int64_t, std::string_view key,
                          std::optional<std::string_view> value) -> base::Result<bool> {
      if (key != keys::kEndMark || !value) return true;
      auto mark = decode_task_meta(*value);
      if (!mark) return mark.error();
      last = std::move(mark->commit);
      return true;
    };
    auto read = changelog_.read_changelog(partition_, -1, false, each);
    if (!read) return read.error();
    return last;
  }

  // ----------------------------------------------------------------------------------------------------- the answers

  base::Result<Recovered> begin_new() {
    // A rebuild that was cut short may have left rows.
    if (auto dropped = drop(); !dropped) return dropped.error();
    return outcome(Recovery::kNew);
  }

  base::Result<Recovered> send_again(Transactions& transactions) {
    auto outbox = Outbox::load(store_, partition_);
    if (!outbox) return outbox.error();
    auto records = outbox->read_records(store_);
    if (!records) return records.error();
    PartitionDelivery part{partition_, own_->commit, {}, &*records, {}};
    for (const InputMeta& input : own_->inputs) part.next_offsets.push_back(input.next_offset);
    std::vector<std::optional<std::string>> values;
    if (transactions.has_changelog()) {
      auto changes = outbox->read_changes(store_);
      if (!changes) return changes.error();
      for (std::string& key : *changes) {
        const auto stored = keys::from_changelog_key(key, partition_);
        if (!stored) return base::damage("partition " + std::to_string(partition_) + ": the outbox is damaged: rebuild the state from the log");
        auto value = store_.get(*stored);
        if (!value) return value.error();
        values.push_back(std::move(*value));
        part.rows.push_back({std::move(key), std::nullopt});
      }
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i]) part.rows[i].value = *values[i];
      }
    }
    if (TROTH_PLANTED(outbox_not_sent_again)) return outcome(Recovery::kSendAgain);
    if (TROTH_PLANTED(rows_not_sent_again) && part.rows.size() > 1) part.rows.erase(part.rows.begin(), part.rows.end() - 1);
    auto delivered = transactions.deliver({part});
    if (!delivered) return delivered.error();
    return outcome(Recovery::kSendAgain);
  }

  /// False: the changelog does not show that the target descends from ours; nothing was changed.
  base::Result<bool> catch_up(const CommitId& target) {
    bool is_joined = TROTH_PLANTED(catches_up_without_proof);
    auto done = take_rows(own_->changelog_position, target, [&](const CommitId& mark) {
      if (mark == own_->commit) is_joined = true;
      return is_joined;
    }, is_joined);
    if (!done) return done.error();
    return is_joined && *done;
  }

  base::Result<Recovered> rebuild(const CommitId& target) {
    if (!TROTH_PLANTED(rebuild_keeps_old_rows)) {
      if (auto dropped = drop(); !dropped) return dropped.error();
    }
    forget_rows();
    auto done = take_rows(-1, target, [](const CommitId&) { return true; }, true);
    if (!done) return done.error();
    if (!*done) {
      return failed("the changelog does not have " + words(target) +
                    ", which the group's positions belong to: it was cut or made anew. Restore a backup, or replay the "
                    "history into an empty state directory under another group name");
    }
    return outcome(Recovery::kRebuild);
  }

  /// Of an attempt that came to nothing.
  void forget_rows() {
    pending_.clear();
    row_bytes_ = 0;
    rows_ = 0;
  }

  base::Status drop() {
    Batch batch;
    for (const char kind : keys::kOfPartition) {
      std::string from = keys::range(kind, partition_);
      std::string to = keys::behind(from);
      bool has_any = false;
      const auto see = [&](std::string_view, std::string_view) {
        has_any = true;
        return false;
      };
      if (auto scanned = store_.scan(from, to, see); !scanned) return scanned;
      if (has_any) batch.remove_range(std::move(from), std::move(to));
    }
    return batch.empty() ? base::success() : store_.commit(batch);
  }

  // ------------------------------------------------------------------------------------------------------------ rows

  /// Takes rows over from an offset until the target's end mark. `joins` is told each end mark and answers whether what
  /// follows it counts; `counts` is whether it does from the start.
  template <typename Joins>
  base::Result<bool> take_rows(std::int64_t from, const CommitId& target, const Joins& joins, bool counts) {
    const auto each = [&](std::int64_t offset, std::int64_t end, std::string_view key,
                          std::optional<std::string_view> value) -> base::Result<bool> {
      if (key == keys::kEndMark) {
        if (!value) return failed("the changelog has an end mark without a value: it is damaged");
        auto mark = decode_task_meta(*value);
        if (!mark) return mark.error();
        const bool is_target = mark->commit == target;
        if (counts) {
          mark->changelog_position = offset;
          end_mark_ = encode_meta(*mark);
          if (is_target) return false;
        }
        counts = joins(mark->commit);
        return !(is_target && !counts);  // beyond the target there is nothing to be found
      }
      if (!counts) return true;
      return take(offset, end, key, value);
    };
    auto is_found = changelog_.read_changelog(partition_, from, true, each);
    if (!is_found) return is_found.error();
    if (!*is_found || !counts) return false;
    if (auto written = write_last(); !written) return written.error();
    return true;
  }

  /// Takes rows over from an offset until the last end mark there is. False: the log does not show our own commit.
  base::Result<bool> follow_from(std::int64_t from) {
    bool counts = !own_;
    std::size_t complete = 0;  // rows that an end mark stands behind
    bool has_more = false;
    const auto each = [&](std::int64_t offset, std::int64_t end, std::string_view key,
                          std::optional<std::string_view> value) -> base::Result<bool> {
      if (key != keys::kEndMark) return counts ? take(offset, end, key, value) : base::Result<bool>(true);
      if (!value) return failed("the changelog has an end mark without a value: it is damaged");
      auto mark = decode_task_meta(*value);
      if (!mark) return mark.error();
      if (counts) {
        mark->changelog_position = offset;
        end_mark_ = encode_meta(*mark);
        complete = pending_.size();
        has_more = true;
      }
      counts = counts || mark->commit == own_->commit;
      return true;
    };
    auto read = changelog_.read_changelog(partition_, from, false, each);
    if (!read) return read.error();
    if (!counts) return false;
    // The rest of a commit whose end mark was not there yet is read again the next time.
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(std::min(complete, pending_.size())), pending_.end());
    if (!has_more) return true;
    if (auto written = write_last(); !written) return written.error();
    return true;
  }

  /// The last batch: with the record of the task, by which all before it counts.
  base::Status write_last() {
    auto last = batch_of_rows();
    if (!last) return last.error();
    last->put(keys::task(partition_), std::move(end_mark_));
    // What our own last commit sent is history now.
    std::string outbox = keys::outbox(partition_);
    std::string behind = keys::behind(outbox);
    last->remove_range(std::move(outbox), std::move(behind));
    last->remove(keys::outbox_changes(partition_));
    return store_.commit(*last);
  }

  base::Result<bool> take(std::int64_t offset, std::int64_t end, std::string_view key,
                          std::optional<std::string_view> value) {
    auto stored = keys::from_changelog_key(key, partition_);
    if (!stored) return failed("the changelog has a row that is none of ours, at offset " + std::to_string(offset));
    row_bytes_ += stored->size() + (value ? value->size() : 0);
    pending_.push_back({std::move(*stored), value ? std::optional(std::string(*value)) : std::nullopt});
    ++rows_;
    if (rows_ % kRowsPerReport == 0 && options_.on_progress) {
      if (auto told = options_.on_progress({partition_, rows_, offset, end}); !told) return told.error();
    }
    if (row_bytes_ >= options_.batch_bytes) {
      auto batch = batch_of_rows();
      if (!batch) return batch.error();
      if (auto committed = store_.load(*batch); !committed) return committed.error();
    }
    return true;
  }

  /// The rows taken since the last batch: of each key the last one, in order of keys, and the timers that follow from them.
  base::Result<Batch> batch_of_rows() {
    std::stable_sort(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    Batch batch;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      Batch::Change& row = pending_[i];
      if (i + 1 < pending_.size() && pending_[i + 1].key == row.key) continue;
      if (const auto key = keys::key_of_timer_part(row.key)) {
        if (auto moved = move_timer(batch, row, *key); !moved) return moved.error();
      }
      if (row.value) {
        batch.put(std::move(row.key), std::move(*row.value));
      } else {
        batch.remove(std::move(row.key));
      }
    }
    pending_.clear();
    row_bytes_ = 0;
    return batch;
  }

  base::Status move_timer(Batch& batch, const Batch::Change& row, std::string_view key) const {
    const auto timer = [&](std::string_view time) {
      return keys::timers(partition_) + keys::timer_suffix(static_cast<event::TimeUs>(base::ByteReader(time).be64()), key);
    };
    auto old = store_.get(row.key);
    if (!old) return old.error();
    if (old->has_value()) batch.remove(timer(**old));
    if (row.value && !TROTH_PLANTED(restored_without_timers)) batch.put(timer(*row.value), {});
    return base::success();
  }

  Store& store_;
  Changelog& changelog_;
  const std::int32_t partition_;
  const RecoveryOptions& options_;
  std::optional<TaskMeta> own_;
  std::vector<Batch::Change> pending_;  // rows taken and not written yet, in the order of the changelog
  std::size_t row_bytes_ = 0;
  std::string end_mark_;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::string_view recovery_name(Recovery recovery) {
  constexpr std::array<std::string_view, kRecoveries> kNames = {"new", "go on", "send again", "catch up", "rebuild"};
  return kNames[static_cast<std::size_t>(recovery)];
}

base::Result<Recovered> recover(Store& store, Transactions& transactions, std::int32_t partition,
                                const RecoveryOptions& options) {
  return Recoverer(store, transactions, partition, options).run(transactions);
}

base::Result<Recovered> follow(Store& store, Changelog& changelog, std::int32_t partition,
                               const RecoveryOptions& options) {
  return Recoverer(store, changelog, partition, options).follow();
}

}  // namespace troth::task
