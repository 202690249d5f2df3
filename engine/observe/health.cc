#include "engine/observe/health.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "engine/base/json.h"

namespace troth::observe {
namespace {

std::int64_t seconds_between(base::TimeUs from, base::TimeUs to) { return (to - from) / 1'000'000; }

HealthAnswer answer(const char* question, const std::vector<std::string>& reasons) {
  base::JsonWriter json;
  json.begin_map();
  json.field(question, reasons.empty());
  json.key("reasons");
  json.begin_list();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_list();
  json.end_map();
  return {reasons.empty() ? 200 : 503, std::move(json).take()};
}

}  // namespace

base::TimeUs SteadyClock::now() const {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

Health::Health(const base::Clock& clock, HealthLimits limits)
    : clock_(clock), limits_(limits), last_beat_(clock.now()) {}

void Health::beat() {
  const std::lock_guard lock(mutex_);
  last_beat_ = clock_.now();
}

void Health::step_succeeded() {
  const std::lock_guard lock(mutex_);
  last_step_ = clock_.now();
}

void Health::source_contact() {
  const std::lock_guard lock(mutex_);
  contact_ = Contact::kMade;
  contact_at_ = clock_.now();
}

void Health::source_lost() {
  const std::lock_guard lock(mutex_);
  if (contact_ != Contact::kMade) return;  // never had, or told already: the first loss is the one that counts
  contact_ = Contact::kLost;
  contact_at_ = clock_.now();
}

void Health::set_partitions(std::size_t assigned, std::size_t restored) {
  const std::lock_guard lock(mutex_);
  is_assigned_ = true;
  partitions_ = assigned;
  restored_ = restored;
}

void Health::store_opened() {
  const std::lock_guard lock(mutex_);
  if (store_ == StoreState::kClosed) store_ = StoreState::kWritable;
  is_stopping_ = false;
}

void Health::work_waits() {
  const std::lock_guard lock(mutex_);
  if (!waiting_since_) waiting_since_ = clock_.now();
}

void Health::work_forgotten() {
  const std::lock_guard lock(mutex_);
  waiting_since_.reset();
}

void Health::commit_succeeded() {
  const std::lock_guard lock(mutex_);
  store_ = StoreState::kWritable;
  waiting_since_.reset();
}

void Health::commit_failed() {
  const std::lock_guard lock(mutex_);
  if (store_ == StoreState::kFailed) return;
  store_ = StoreState::kFailed;
  failed_at_ = clock_.now();
}

void Health::stopping() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  is_assigned_ = false;
}

std::vector<std::string> Health::reasons_not_live() const {
  const std::lock_guard lock(mutex_);
  const base::TimeUs now = clock_.now();
  if (now - last_beat_ <= limits_.heartbeat_us) return {};
  return {fmt::format("driver: no sign of life for {} s", seconds_between(last_beat_, now))};
}

std::vector<std::string> Health::reasons_not_ready() const {
  const std::lock_guard lock(mutex_);
  const base::TimeUs now = clock_.now();
  std::vector<std::string> reasons;
  if (is_stopping_) reasons.emplace_back("stopping");
  judge_source(now, reasons);
  judge_partitions(reasons);
  judge_store(now, reasons);
  judge_progress(now, reasons);
  return reasons;
}

void Health::judge_source(base::TimeUs now, std::vector<std::string>& reasons) const {
  const std::int64_t seconds = seconds_between(contact_at_, now);
  switch (contact_) {
    case Contact::kNever:
      reasons.emplace_back("source: not reached yet");
      return;
    case Contact::kLost:
      reasons.push_back(fmt::format("source: connection lost for {} s", seconds));
      return;
    case Contact::kMade:
      if (now - contact_at_ > limits_.contact_us)
        reasons.push_back(fmt::format("source: no contact for {} s", seconds));
  }
}

void Health::judge_partitions(std::vector<std::string>& reasons) const {
  if (!is_assigned_) {
    reasons.emplace_back("partitions: not assigned yet");
  } else if (restored_ < partitions_) {
    reasons.push_back(fmt::format("partitions: {} of {} restored", restored_, partitions_));
  }
}

void Health::judge_store(base::TimeUs now, std::vector<std::string>& reasons) const {
  if (store_ == StoreState::kClosed) reasons.emplace_back("store: not open yet");
  if (store_ == StoreState::kFailed) {
    reasons.push_back(fmt::format("store: commits fail since {} s", seconds_between(failed_at_, now)));
  }
}

void Health::judge_progress(base::TimeUs now, std::vector<std::string>& reasons) const {
  if (!last_step_) {
    reasons.emplace_back("driver: no step done yet");
  } else if (now - *last_step_ > limits_.step_us) {
    reasons.push_back(fmt::format("driver: no successful step for {} s", seconds_between(*last_step_, now)));
  }
  if (waiting_since_ && now - *waiting_since_ > limits_.commit_us) {
    reasons.push_back(fmt::format("commit: work waits since {} s", seconds_between(*waiting_since_, now)));
  }
}

HealthAnswer Health::healthz() const { return answer("live", reasons_not_live()); }
HealthAnswer Health::readyz() const { return answer("ready", reasons_not_ready()); }

}  // namespace troth::observe
