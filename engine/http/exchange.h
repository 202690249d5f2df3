// Exchange: one request head in, the bytes of one answer out: it decodes path and query, finds the route, runs its
// handler and gives the answer its form. It sees neither sockets nor anything that the judge of heads has not let
// through. Immutable after construction; any thread, several at a time.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "engine/http/head.h"
#include "engine/http/message.h"

namespace troth::http {

class Exchange {
 public:
  static constexpr int kRequests = 100;  // on one connection

  explicit Exchange(Routes routes) : routes_(std::move(routes)) {}

  /// `head`: as reduced by judge_head(). `closes`: say that the connection ends with this answer.
  [[nodiscard]] std::string answer(std::string_view head, bool closes) const;
  /// The answer to a head that was refused. Always closes.
  [[nodiscard]] static std::string refuse(const Refusal& refusal);

 private:
  [[nodiscard]] Response respond(const Request& request) const;

  const Routes routes_;
};

}  // namespace troth::http
