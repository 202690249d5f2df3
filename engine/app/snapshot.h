// Snapshot: Φ at t of every customer of an instance, one line each, ordered by tenant, then customer. Main thread.
#pragma once

#include <ostream>

#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/task/instance.h"

namespace troth::app {

/// Appends the lines for `t` (not before the last event that is folded).
[[nodiscard]] base::Status write_snapshot(task::Instance& instance, event::TimeUs t, std::ostream& out);

}  // namespace troth::app
