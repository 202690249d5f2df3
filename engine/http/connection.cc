#include "engine/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace troth::http {
namespace {

using std::chrono::milliseconds;

/// How often a waiting worker looks up to see whether the server stops or others wait.
constexpr milliseconds kLookUp{50};
constexpr std::size_t kFarewellBytes = 65'536;

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

void Connection::serve() {
  for (int request = 1; request <= Exchange::kRequests; ++request) {
    if (!serve_one(request == Exchange::kRequests)) return;
    began_ = now();
  }
}

bool Connection::serve_one(bool is_last) {
  switch (read_head()) {
    case HeadRead::kWhole: break;
    case HeadRead::kTooLong: return refuse({431, "request head too large"}), false;
    case HeadRead::kLate:
      // A client that has not begun needs no answer: it was a connection kept for later.
      if (!read_.empty()) refuse({408, "the request did not come in time"});
      return false;
    case HeadRead::kGone: return false;
  }
  const std::size_t end = *end_of_head(read_);
  const JudgedHead head = judge_head(std::string_view(read_).substr(0, end), context_.hosts);
  if (head.refusal) return refuse(*head.refusal), false;
  read_.erase(0, end);

  const bool closes = is_last || !head.keeps_alive || context_.is_stopping() || context_.others_wait();
  if (!send(context_.exchange.answer(head.reduced, closes))) return false;
  if (closes) take_leave();
  return !closes;
}

Connection::HeadRead Connection::read_head() {
  const auto deadline = [this] {
    if (context_.is_stopping()) return began_;
    return began_ + (context_.others_wait() ? std::min(kCrowded, context_.deadline) : context_.deadline);
  };
  while (!end_of_head(std::string_view(read_).substr(0, kHeadBytes))) {
    if (read_.size() >= kHeadBytes) return HeadRead::kTooLong;
    char buffer[kHeadBytes];
    const ssize_t got = recv(socket_.fd(), buffer, kHeadBytes - read_.size(), MSG_DONTWAIT);
    if (got > 0) {
      read_.append(buffer, static_cast<std::size_t>(got));  // counts even if it waited here longer than the deadline
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      return HeadRead::kGone;
    } else if (wait_for(POLLIN, deadline) == Wait::kOver) {
      return HeadRead::kLate;
    }
  }
  return HeadRead::kWhole;
}

void Connection::refuse(const Refusal& refusal) {
  if (send(Exchange::refuse(refusal))) take_leave();
}

bool Connection::send(std::string_view bytes) {
  const SteadyTime start = now();
  const auto deadline = [this, start] {
    if (context_.is_stopping()) return start + std::min(kStopping, context_.deadline);
    return start + (context_.others_wait() ? std::min(kCrowdedWrite, context_.deadline) : context_.deadline);
  };
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (!bytes.empty() && now() > deadline()) return false;
    } else if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return false;
    } else if (wait_for(POLLOUT, deadline) == Wait::kOver) {
      return false;
    }
  }
  return true;
}

/// To close with unread bytes resets the connection, and the client may lose the answer that explains why.
void Connection::take_leave() {
  shutdown(socket_.fd(), SHUT_WR);
  const SteadyTime until = now() + kFarewell;
  const auto deadline = [this, until] {
    return context_.is_stopping() || context_.others_wait() ? SteadyTime{} : until;
  };
  char buffer[4'096];
  std::size_t discarded = 0;
  while (discarded < kFarewellBytes) {
    const ssize_t got = recv(socket_.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) discarded += static_cast<std::size_t>(got);
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return;
    else if (wait_for(POLLIN, deadline) == Wait::kOver) return;
  }
}

Connection::Wait Connection::wait_for(short events, const std::function<SteadyTime()>& deadline) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline() - now());
    if (left <= milliseconds{0}) return Wait::kOver;
    pollfd one{socket_.fd(), events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::min(left, kLookUp).count()));
    if (ready > 0) return Wait::kReady;
  }
}

}  // namespace troth::http
