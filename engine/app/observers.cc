#include "engine/app/observers.h"

#include "engine/source/kafka_version.h"
#include "engine/state/rocks_store.h"
#include "operators/counters.h"

namespace troth::app {
namespace {

http::Response answer(observe::HealthAnswer health) {
  return {health.status, "application/json", std::move(health.body), {}};
}

}  // namespace

Observers::Observers(const base::Clock& clock, std::vector<std::string> inputs)
    : health_(steady_),
      metrics_(clock,
               observe::MetricsOptions{{TROTH_VERSION, source::kafka_library_version(), state::rocksdb_description()},
                                       std::move(inputs),
                                       operators::counters::specs(),
                                       [this] { return health_.is_ready(); }}) {}

base::Status Observers::serve(const std::string& host, std::uint16_t port) {
  http::Routes routes;
  routes["/metrics"] = [this](const http::Request&) {
    return http::Response{200, observe::kMetricsContentType, metrics_.text(), {}};
  };
  routes["/healthz"] = [this](const http::Request&) { return answer(health_.healthz()); };
  routes["/readyz"] = [this](const http::Request&) { return answer(health_.readyz()); };
  http::ServerOptions options;
  options.address = host;
  options.port = port;
  auto server = http::Server::start(options, std::move(routes));
  if (!server) return server.error();
  server_ = std::move(*server);
  return base::success();
}

}  // namespace troth::app
