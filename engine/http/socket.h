// Socket: owns a file descriptor. listen_on() makes a listening one. Any one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace troth::http {

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  void close();

 private:
  int fd_;
};

struct Listening {
  Socket socket;  // non-blocking
  std::uint16_t port = 0;
};

/// `address`: a numeric IPv4 or IPv6 address, or a name of this host; port 0: any that is free.
[[nodiscard]] base::Result<Listening> listen_on(const std::string& address, std::uint16_t port, int backlog);

/// Whether an address is only reachable from this host: 127.0.0.0/8, ::1, localhost.
[[nodiscard]] bool is_loopback(const std::string& address);

}  // namespace troth::http
