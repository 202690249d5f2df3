// ComplaintClocks: the runs of a complaint's clocks — acknowledge, first_reply, next_reply, update, resolution, wait,
// and `ignored` beside the replies — and what they establish: overdue and on-time findings, alerts within the open
// periods, the complaint ignored, the clocks still running (TRUST_MODEL: complaints, clocks and ignored). Runs are
// noted event by event and read once after the last one, when the whole history is known. Lives for one fold.
#pragma once

#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/stage_clock.h"

namespace troth::operators {

/// From opening to resolved or closed; end = kNever: open.
struct OpenPeriod {
  TimeUs begin;
  TimeUs end;
};

/// What the clocks need to know of their complaint once it is over.
struct ComplaintView {
  ObjectRef object;
  std::string_view kind;  // class of its findings
  TimeUs opened_at = 0;
  std::span<const HistoryEntry> history;
  std::span<const OpenPeriod> periods;
  bool is_open = false;
};

class ComplaintClocks {
 public:
  /// Starts what the opening starts. `history_index` is the entry in force at an event, here and below.
  ComplaintClocks(const CaseEvent& opening, std::size_t history_index, std::pmr::memory_resource* memory);

  void acknowledged(const CaseEvent& by) { stop(kAcknowledge, by); }
  /// A public reply by a human.
  void answered(const CaseEvent& answer, std::size_t history_index);
  void customer_message(const CaseEvent& message, std::size_t history_index, std::int64_t ignored_messages);
  /// Closed while open.
  void closed(const CaseEvent& closing);

  [[nodiscard]] bool is_answered() const { return runs_[kFirstReply].stop != kNever; }

  /// Writes findings, intervals and open clocks; returns when the resolution clock reached its first stage.
  TimeUs write(const ComplaintView& complaint, CaseWriter& writer) const;

 private:
  struct Run {
    ClockId clock;
    std::uint32_t started_by;
    TimeUs start;
    std::size_t history_index;
    TimeUs stop = kNever;
    std::uint32_t stopped_by = 0;
    std::int64_t messages = 1;  // in a row without answer: what starts the run is the first
    TimeUs ignored_messages_at = kNever;

    [[nodiscard]] EventRefs events() const {
      return stop == kNever ? EventRefs{started_by} : EventRefs{started_by, stopped_by};
    }
    [[nodiscard]] bool is_reply() const { return clock == ClockId::kFirstReply || clock == ClockId::kNextReply; }
  };
  /// How the customer came to be ignored, and until when.
  struct Ignored {
    TimeUs stamp = kNever;
    TimeUs answered_at = kNever;
    EventRefs events;
  };
  // Positions of the runs that the opening starts.
  static constexpr std::size_t kAcknowledge = 0;
  static constexpr std::size_t kFirstReply = 1;

  void start(ClockId clock, const CaseEvent& by, std::size_t history_index);
  void stop(std::size_t run, const CaseEvent& by);

  void write_run(const Run& run, const ClockReading& reading, const ComplaintView& complaint, CaseWriter& writer) const;
  void write_overdue(const Run& run, const ClockReading& reading, const ComplaintView& complaint,
                     CaseWriter& writer) const;
  void write_open_clock(const Run& run, const ClockReading& reading, const ComplaintView& complaint,
                        CaseWriter& writer) const;
  void judge_ignored(const Run& run, TimeUs overdue_at, const ComplaintView& complaint, const SegmentPolicy& policy,
                     Ignored& ignored) const;
  void write_ignored(const Ignored& ignored, const ComplaintView& complaint, CaseWriter& writer) const;

  std::pmr::vector<Run> runs_;                  // in order of start
  std::optional<std::size_t> next_reply_;  // running
  std::optional<std::size_t> update_;
  std::uint32_t opened_by_;
  std::optional<std::uint32_t> closed_unanswered_by_;
};

}  // namespace troth::operators
