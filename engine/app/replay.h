// Replay: history out of files, at full speed, into a state directory and output files. The driver thread reads,
// decodes and offers; the instance's workers do the rest. Resumable: the same command again goes on where the last one
// stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/app/policy_source.h"
#include "engine/app/summary.h"
#include "engine/base/result.h"
#include "engine/event/time.h"

namespace troth::app {

struct ReplayOptions {
  std::vector<std::string> files;  // empty: standard input
  LoadedPolicy policy;
  std::string erasure_key;
  std::optional<std::string> state;  // nothing: a temporary one
  std::optional<std::string> out;
  std::vector<event::TimeUs> as_of;      // ascending, each once; empty: the greatest event time
  std::optional<event::TimeUs> horizon;  // nothing: none
  std::optional<std::string> snapshot;
  std::int32_t partitions = 16;
  int workers = 1;
  std::optional<std::int64_t> epoch_events;
};

struct ReplayProgress {
  std::uint64_t events = 0;
  event::TimeUs event_time = 0;  // τ reached
  std::int64_t alerts = 0;
  double seconds = 0;
  std::uint64_t bytes_used = 0, bytes_total = 0;  // total 0: unknown
  bool is_closing = false;                        // the input is read; what comes due until --as-of is computed
};
/// Called a few times a second.
using OnProgress = std::function<void(const ReplayProgress&)>;

/// What a replay refuses, and whether before any input was touched.
struct ReplayError {
  std::string message;
  bool is_wrong_use = false;
};

[[nodiscard]] std::variant<Summary, ReplayError> replay(const ReplayOptions& options, const OnProgress& on_progress);

}  // namespace troth::app
