// Standing: an alert that one event starts and another one ends, such as a fault until its remedy. Starts while it runs
// are nothing to it: the first counts. Lives for one fold.
#pragma once

#include "operators/fold/case_writer.h"

namespace troth::operators {

class Standing {
 public:
  explicit Standing(CaseRule rule) : rule_(rule) {}

  [[nodiscard]] bool is_running() const { return is_running_; }

  void start(const CaseEvent& by) {
    if (is_running_) return;
    is_running_ = true;
    start_ = by.time;
    started_by_ = by.index;
  }
  /// An end at the instant of the start leaves nothing.
  void end(const CaseEvent& by, ObjectRef object, CaseWriter& writer) {
    if (!is_running_) return;
    is_running_ = false;
    writer.interval(rule_, object, start_, by.time, {started_by_, by.index});
  }
  /// After the last event: what still runs has no end of its own.
  void finish(ObjectRef object, CaseWriter& writer) const {
    if (is_running_) writer.interval(rule_, object, start_, kNever, {started_by_});
  }

 private:
  CaseRule rule_;
  bool is_running_ = false;
  TimeUs start_ = 0;
  std::uint32_t started_by_ = 0;
};

}  // namespace troth::operators
