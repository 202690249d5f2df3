// Health: whether the process lives and whether it does its work, for /healthz and /readyz. It never says yes without a
// sign from the one who would know (promise P15): silence turns into "no" by itself.
//
// The driver tells it what happened, as it happens; any thread may ask. Thread-safe. Works on a clock that does not
// jump; a wall clock that is set would make it lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"

namespace troth::observe {

/// Microseconds of a clock that only goes forward, from an arbitrary start.
class SteadyClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimeUs now() const override;
};

/// How long each sign holds.
struct HealthLimits {
  base::TimeUs heartbeat_us = 30'000'000;  // the driver's loop came round
  base::TimeUs contact_us = 60'000'000;    // the source was reached
  base::TimeUs step_us = 60'000'000;       // the loop came round without an error
  base::TimeUs commit_us = 120'000'000;    // work may wait that long for its commit
};

struct HealthAnswer {
  int status = 503;  // 200 or 503
  std::string body;  // canonical JSON: {"live":…,"reasons":[…]} or {"ready":…,"reasons":[…]}
};

class Health {
 public:
  explicit Health(const base::Clock& clock, HealthLimits limits = {});

  // Told by the driver.
  void beat();            // every turn of the loop, whatever came of it
  void step_succeeded();  // a turn without an error
  void source_contact();  // the source is connected and answered
  void source_lost();     // it is not
  void set_partitions(std::size_t assigned, std::size_t restored);
  void store_opened();      // does not make up for a failed commit: only a commit proves that it can write
  void work_waits();        // something is uncommitted; since the first call after a commit, restarts or not
  void work_forgotten();    // nothing is uncommitted any more: its partitions were lost to another instance
  void commit_succeeded();  // nothing is uncommitted
  void commit_failed();     // or the store was lost; until a commit succeeds
  void stopping();          // no partition is served any more, until the store is opened anew

  /// Why not; empty: yes. Fixed words and numbers, safe to show to anybody (P17).
  [[nodiscard]] std::vector<std::string> reasons_not_live() const;
  [[nodiscard]] std::vector<std::string> reasons_not_ready() const;
  [[nodiscard]] bool is_ready() const { return reasons_not_ready().empty(); }

  [[nodiscard]] HealthAnswer healthz() const;
  [[nodiscard]] HealthAnswer readyz() const;

 private:
  enum class Contact : std::uint8_t { kNever, kMade, kLost };
  enum class StoreState : std::uint8_t { kClosed, kWritable, kFailed };

  void judge_source(base::TimeUs now, std::vector<std::string>& reasons) const;
  void judge_partitions(std::vector<std::string>& reasons) const;
  void judge_store(base::TimeUs now, std::vector<std::string>& reasons) const;
  void judge_progress(base::TimeUs now, std::vector<std::string>& reasons) const;

  const base::Clock& clock_;
  const HealthLimits limits_;

  mutable std::mutex mutex_;  // guards all below
  base::TimeUs last_beat_;
  std::optional<base::TimeUs> last_step_;
  Contact contact_ = Contact::kNever;
  base::TimeUs contact_at_ = 0;  // of the last contact, or of its loss
  bool is_assigned_ = false;
  std::size_t partitions_ = 0;
  std::size_t restored_ = 0;
  StoreState store_ = StoreState::kClosed;
  base::TimeUs failed_at_ = 0;
  std::optional<base::TimeUs> waiting_since_;
  bool is_stopping_ = false;
};

}  // namespace troth::observe
