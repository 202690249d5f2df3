#include "engine/http/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace troth::http {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

base::Error cannot(const std::string& address, std::uint16_t port, int error) {
  std::string text = "cannot listen on " + address + " port " + std::to_string(port) + ": ";
  text += std::strerror(error);
  if (error == EADDRINUSE) text += "; another process listens there: stop it or choose another port (0: any)";
  if (error == EACCES) text += "; ports below 1024 need a privilege: choose another port";
  if (error == EADDRNOTAVAIL) text += "; this host has no such address";
  return {std::move(text)};
}

std::uint16_t port_of(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

/// The error number, or 0. SO_REUSEADDR takes over a port that only old connections still hold; SO_REUSEPORT, which
/// would let two processes share it unnoticed, stays off.
int bind_and_listen(int fd, const addrinfo& where, int backlog) {
  const int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno;
  if (bind(fd, where.ai_addr, where.ai_addrlen) != 0) return errno;
  if (listen(fd, backlog) != 0) return errno;
  return 0;
}

}  // namespace

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

base::Result<Listening> listen_on(const std::string& address, std::uint16_t port, int backlog) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int answer = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (answer != 0) return base::Error{"cannot listen on " + address + ": " + gai_strerror(answer)};
  const AddressList list(found, &freeaddrinfo);

  int error = EADDRNOTAVAIL;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Socket socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, each->ai_protocol));
    error = socket.fd() < 0 ? errno : bind_and_listen(socket.fd(), *each, backlog);
    if (error != 0) continue;
    const std::uint16_t bound = port_of(socket.fd());
    return Listening{std::move(socket), bound};
  }
  return cannot(address, port, error);
}

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

}  // namespace troth::http
