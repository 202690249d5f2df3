// Planted bugs: mistakes that the code can make on purpose, one at a time, so that the simulator can be tested: does it
// find them? Only a build with TROTH_PLANTED_BUGS has them; in every other build TROTH_PLANTED(…) is the constant false
// and leaves nothing behind. `chosen` is set before anything runs, by the simulator's one thread.
#pragma once

#ifdef TROTH_PLANTED_BUGS

#include <string_view>

// X(name, what it does wrong)
#define TROTH_PLANTED_LIST(X)                                                                       \
  X(position_a_commit_late, "every second commit stores the source's position of the one before")   \
  X(sink_mark_forgotten, "every second commit keeps the sink's old mark")                            \
  X(meta_only_with_outputs, "a task's meta is stored only if there are outputs")                     \
  X(timers_not_stored, "changes of timers are not part of the batch")                                \
  X(outbox_not_sent_again, "what the outbox holds of a commit that was not taken counts as delivered") \
  X(rows_not_sent_again, "of a commit that was not taken only outputs and end mark are sent again")  \
  X(any_older_commit_counts_as_previous, "whatever the other side has, the outbox is sent again")    \
  X(catches_up_without_proof, "another line of commits is taken for a continuation of our own")      \
  X(revoked_task_kept, "a partition that was handed over stays in memory")                            \
  X(taken_without_recovery, "a partition that the store knows is gone on with unasked")              \
  X(writer_kept, "who goes on with another's commits goes by that one's name")                       \
  X(outbox_not_cleared, "a commit without outputs leaves those of the one before in the outbox")     \
  X(changes_listed_once, "the outbox's list of changed keys stays that of its first commit")         \
  X(removals_not_in_changelog, "a key that goes stays in the changelog")                             \
  X(end_mark_first, "the end mark of a commit is sent before its other rows")                        \
  X(restored_without_timers, "what is restored from the changelog has no timers")                    \
  X(rebuild_keeps_old_rows, "a rebuild does not drop what was there")                                \
  X(unsettled_forgotten, "the keys that wait for their epoch's end are not restored")                \
  X(tau_not_restored, "τ begins at 0 after a restart")                                               \
  X(epoch_begins_anew, "a restart begins the open epoch's count at 0")                               \
  X(sink_not_cut_back, "lines behind the committed mark stay after a restart")                       \
  X(end_of_input_kept, "a live input counts as caught up after a restart")                           \
  X(tally_not_restored, "what became of records is counted from 0 after a restart")                  \
  X(refused_event_raises_tau, "an event beyond the future guard moves τ")                            \
  X(tau_of_fastest_input, "τ is the greatest of the inputs instead of the least")                    \
  X(late_at_the_boundary, "an event exactly at τ − lateness is late")                                \
  X(end_behind_records_lost, "the end of an input is forgotten while records wait before it")        \
  X(timer_of_erased_key_stays, "erasing a key leaves its timer")                                     \
  X(timer_never_earlier, "a stored timer is not moved to an earlier time")                           \
  X(due_now_is_not_due, "a timer fires only after its time, not at it")                              \
  X(timer_forgotten_on_read, "a key read from the store has no timer")                               \
  X(seal_forgets_sums, "a sealed case leaves no evidence behind")                                    \
  X(sealed_a_lateness_early, "a case is sealed without waiting for late facts")                      \
  X(no_retraction, "an alert that never held is not taken back")                                     \
  X(revision_not_stored, "revisions of alerts begin at 0 after a restart")                           \
  X(rehoming_sends_no_null, "a promise that moved to another case key stays under the old one")      \
  X(dirty_entry_evicted, "the cache drops a state that was not written")                             \
  X(sent_alert_not_stored, "the memory of a sent alert is not written")                              \
  X(duplicate_counted_twice, "a duplicate counts as applied, too, every second time")                \
  X(conflict_by_arrival, "of two events with one name the first to arrive wins")                     \
  X(erasure_forgotten, "an erased key is unheard of once it left the cache")                         \
  X(offset_read_twice, "a record below the next offset is taken again")                              \
  X(resettle_skipped, "another policy does not settle the stored keys")                              \
  X(resettle_resumes_too_far, "settling again under another policy skips a key after a restart")     \
  X(closing_keys_not_noted, "a commit within a close does not list the keys still to be settled")    \
  X(canary, "the final check compares with something else: must be found at once")

namespace troth::base::planted {

enum class Bug {
  none,
#define TROTH_PLANTED_NAME(name, what) name,
  TROTH_PLANTED_LIST(TROTH_PLANTED_NAME)
#undef TROTH_PLANTED_NAME
};

struct Description {
  Bug bug;
  std::string_view name, what;
};
inline constexpr Description kBugs[] = {
#define TROTH_PLANTED_ROW(name, what) {Bug::name, #name, what},
    TROTH_PLANTED_LIST(TROTH_PLANTED_ROW)
#undef TROTH_PLANTED_ROW
};

inline Bug chosen = Bug::none;

}  // namespace troth::base::planted

#define TROTH_PLANTED(bug) (::troth::base::planted::chosen == ::troth::base::planted::Bug::bug)

#else

#define TROTH_PLANTED(bug) false

#endif
