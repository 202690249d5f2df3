// Observers: metrics, health and the HTTP server of a live pipeline, which outlive its restarts. The driver thread
// tells them; the server's threads only read. What they hold is the last word of the driver, so a scrape never waits
// for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/app/config.h"
#include "engine/base/clock.h"
#include "engine/base/result.h"
#include "engine/http/server.h"
#include "engine/observe/health.h"
#include "engine/observe/metrics.h"

namespace troth::app {

class Observers {
 public:
  Observers(const base::Clock& clock, std::vector<std::string> inputs);
  /// Serves /metrics, /healthz and /readyz.
  [[nodiscard]] base::Status serve(const std::string& host, std::uint16_t port);
  [[nodiscard]] std::uint16_t port() const { return server_ == nullptr ? std::uint16_t{0} : server_->port(); }

  [[nodiscard]] observe::Health& health() { return health_; }
  [[nodiscard]] observe::Metrics& metrics() { return metrics_; }
  observe::Troubles troubles;

 private:
  observe::SteadyClock steady_;
  observe::Health health_;
  observe::Metrics metrics_;
  std::unique_ptr<http::Server> server_;  // last: goes first, before what it reads
};

}  // namespace troth::app
