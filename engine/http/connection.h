// Connection: talks HTTP/1.1 with one client, one request after another, on the thread that calls serve(). Every wait
// has a deadline for the whole of what is waited for, so a client that sends a byte now and then gains nothing;
// deadlines are short while others wait for their turn, and over when the server stops.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/exchange.h"
#include "engine/http/socket.h"

namespace troth::http {

using SteadyTime = std::chrono::steady_clock::time_point;

/// What connections share. All functions are thread-safe.
struct ConnectionContext {
  Exchange& exchange;
  const std::vector<std::string>& hosts;  // see judge_head()
  std::function<bool()> is_stopping;
  std::function<bool()> others_wait;          // accepted connections that no worker has time for
  std::chrono::milliseconds deadline{5'000};  // for a head to come, and for an answer to go
};

class Connection {
 public:
  static constexpr std::chrono::milliseconds kCrowded{250};         // to send a head, while others wait
  static constexpr std::chrono::milliseconds kCrowdedWrite{1'000};  // to take an answer, while others wait
  static constexpr std::chrono::milliseconds kFarewell{250};        // to read the answer of a refused request
  static constexpr std::chrono::milliseconds kStopping{300};        // to take an answer, while the server stops

  Connection(Socket socket, SteadyTime accepted_at, const ConnectionContext& context)
      : socket_(std::move(socket)), began_(accepted_at), context_(context) {}

  /// Until either side has enough.
  void serve();

 private:
  enum class Wait : bool { kReady, kOver };
  enum class HeadRead { kWhole, kTooLong, kLate, kGone };

  [[nodiscard]] bool serve_one(bool is_last);
  [[nodiscard]] HeadRead read_head();
  void refuse(const Refusal& refusal);
  [[nodiscard]] bool send(std::string_view bytes);
  void take_leave();
  [[nodiscard]] Wait wait_for(short events, const std::function<SteadyTime()>& deadline) const;

  Socket socket_;
  SteadyTime began_;  // to wait for the present request
  const ConnectionContext& context_;
  std::string read_;  // and not used yet
};

}  // namespace troth::http
