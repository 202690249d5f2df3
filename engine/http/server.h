// Server: a small HTTP/1.1 server for metrics, health and a read-only page. It answers GET and HEAD at fixed paths and
// presumes hostile clients (promises P13, P18): heads, headers, connections, threads and every wait have a bound, no
// request body is taken, and slow clients give way to those who wait.
//
// One thread accepts; up to 8 workers talk and run the handlers. start() and stop() belong to one thread, the owner's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/http/message.h"

namespace troth::http {

struct ServerOptions {
  std::string address = "127.0.0.1";          // numeric, or a name of this host
  std::uint16_t port = 0;                     // 0: any that is free
  int workers = 4;                            // 1 to 8
  std::chrono::milliseconds deadline{5'000};  // for a head to come, and for an answer to go
  /// Names that a Host header may hold, lower case, without port; empty: any, but on a loopback address only that of
  /// this host, so that no web page can reach it under the name of its own site.
  std::vector<std::string> hosts;
};

class Server {
 public:
  static constexpr int kWorkers = 8;
  static constexpr std::size_t kQueue = 128;  // accepted connections without a worker; beyond: 503 and closed

  /// Binds, listens and serves from now on. An error says which address and why.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(ServerOptions options, Routes routes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Stops accepting, lets answers under way go for a moment, closes everything. Waits for running handlers. A second
  /// call has no effect.
  void stop();

 private:
  class Works;
  explicit Server(std::unique_ptr<Works> works);
  std::unique_ptr<Works> works_;
};

}  // namespace troth::http
