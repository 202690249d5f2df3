// Exchange: one request head in, the bytes of one answer out. It hides the HTTP library: parsing, decoding of path and
// query, and the form of the answer are cpp-httplib's, which sees neither sockets nor anything that the judge of heads
// has not let through. Immutable after construction; any thread, several at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/http/head.h"
#include "engine/http/message.h"

namespace troth::http {

class Exchange {
 public:
  static constexpr int kRequests = 100;  // on one connection

  explicit Exchange(Routes routes);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// `head`: as reduced by judge_head(). `closes`: say that the connection ends with this answer.
  [[nodiscard]] std::string answer(std::string_view head, bool closes);
  /// The answer to a head that was refused. Always closes.
  [[nodiscard]] static std::string refuse(const Refusal& refusal);

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace troth::http
