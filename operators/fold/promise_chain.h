// PromiseChain: one promise as a chain of due dates, with the notices, excuses and signs of movement that each date
// got, and what came of it (TRUST_MODEL: promises). Written to by the ledger event by event, read once after the last
// one. Lives for one fold; refers into its events.
#pragma once

#include <memory_resource>
#include <string_view>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/failures.h"

namespace troth::operators {

class PromiseChain {
 public:
  PromiseChain(std::string_view id, PromiseKind kind, std::string_view finding_class, const CaseEvent& made,
               std::pmr::memory_resource* memory);

  [[nodiscard]] ObjectRef object() const { return {'p', id_}; }
  [[nodiscard]] PromiseKind kind() const { return kind_; }
  [[nodiscard]] std::string_view finding_class() const { return class_; }
  [[nodiscard]] bool is_open() const { return outcome_ == Outcome::kOpen; }
  [[nodiscard]] TimeUs last_due() const { return dates_.back().due; }

  // All but spoil() speak of an open promise.
  struct Change {
    TimeUs due;
    bool is_told;
    bool by_customer;
  };
  void change(const CaseEvent& by, Change change, CaseWriter& writer, Failures& failures);
  void notify(TimeUs at, bool offers_option);
  void excuse(TimeUs at);
  void move(TimeUs at);
  /// `outcome` kKept becomes kLate by itself.
  void close(const CaseEvent& by, Outcome outcome, Failures& failures);
  /// What was delivered was no good: nothing was kept.
  void spoil() { is_spoiled_ = true; }

  /// After the last event: everything that follows from the chain.
  void write(CaseWriter& writer) const;

 private:
  struct DueDate {
    TimeUs due;
    TimeUs set_at;
    std::uint32_t set_by;
    bool is_base;
    bool has_option = false;
    bool is_excused = false;
    TimeUs replaced_at = kNever;
    TimeUs base_ended_at = kNever;  // by a date of the customer's own
    TimeUs told_at = kNever;        // first notice
    TimeUs noticed_at = kNever;     // first notice in time
    TimeUs moved_at = kNever;       // first sign of movement
  };

  void set_date(const CaseEvent& by, TimeUs due, bool is_base);
  static void notice(DueDate& date, TimeUs at, bool offers_option);
  [[nodiscard]] const DueDate& base() const { return dates_[base_]; }
  /// When lateness against this date is over.
  [[nodiscard]] TimeUs end_of(const DueDate& date) const;
  [[nodiscard]] TimeUs stop_of(const DueDate& date) const;
  /// Stamps of the stages of lateness of this date, those before its end.
  [[nodiscard]] std::vector<TimeUs> late_stages(const DueDate& date, const SegmentPolicy& policy) const;
  [[nodiscard]] EventRefs late_events(const DueDate& date) const;

  void write_date(const DueDate& date, CaseWriter& writer) const;
  void write_broken(const DueDate& date, std::vector<TimeUs> stages, CaseWriter& writer) const;
  void write_at_risk(const DueDate& date, CaseWriter& writer) const;
  void write_kept(CaseWriter& writer) const;
  [[nodiscard]] Promise record() const;

  std::string_view id_;
  PromiseKind kind_;
  std::string_view class_;
  std::uint32_t made_by_;
  std::pmr::vector<DueDate> dates_;
  std::size_t base_ = 0;          // the last base date
  std::size_t unmoved_from_ = 0;  // dates from here on have had no sign of movement
  TimeUs last_sign_ = -kNever;
  Outcome outcome_ = Outcome::kOpen;
  bool is_spoiled_ = false;
  TimeUs ended_at_ = kNever;
  std::uint32_t ended_by_ = 0;
};

}  // namespace troth::operators
