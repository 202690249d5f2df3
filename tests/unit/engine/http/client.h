// A raw client on loopback for tests of the server: sends any bytes, reads until the end or a deadline. Test code only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace troth::http {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
  }
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), is_connected_(other.is_connected_) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client& operator=(Client&&) = delete;

  [[nodiscard]] bool is_connected() const { return is_connected_; }

  /// False if the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Everything up to the end of the connection; what came by then at the deadline.
  std::string read_all(std::chrono::milliseconds deadline = std::chrono::seconds(10)) {
    std::string out;
    is_closed_ = false;
    const auto until = std::chrono::steady_clock::now() + deadline;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd one{fd_, POLLIN, 0};
      if (left.count() <= 0 || poll(&one, 1, static_cast<int>(left.count())) <= 0) return out;
      char buffer[65'536];
      const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) {
        is_closed_ = true;
        return out;
      }
      out.append(buffer, static_cast<std::size_t>(got));
    }
  }

  /// Until `text` has been seen.
  std::string read_until(std::string_view text) {
    std::string out;
    char byte = 0;
    while (out.find(text) == std::string::npos) {
      pollfd one{fd_, POLLIN, 0};
      if (poll(&one, 1, 10'000) <= 0 || recv(fd_, &byte, 1, 0) <= 0) break;
      out += byte;
    }
    return out;
  }

  /// Whether the last read_all() ended because the server closed.
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  int fd_;
  bool is_connected_ = false;
  bool is_closed_ = false;
};

inline std::string exchange_once(std::uint16_t port, std::string_view request) {
  Client client(port);
  client.send(request);
  return client.read_all();
}

inline int status_of(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
  return std::stoi(std::string(answer.substr(9, 3)));
}

inline std::string body_of(const std::string& answer) {
  const std::size_t blank = answer.find("\r\n\r\n");
  return blank == std::string::npos ? "" : answer.substr(blank + 4);
}

}  // namespace troth::http
