#include "engine/http/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/http/connection.h"
#include "engine/http/exchange.h"
#include "engine/http/socket.h"

namespace troth::http {
namespace {

constexpr int kBacklog = 128;
/// How often the accepting thread looks up to see whether the server stops.
constexpr int kLookUpMs = 50;
/// After a failed accept (no file descriptors left, say): long enough not to spin, short enough to recover soon.
constexpr std::chrono::milliseconds kAcceptPause{50};

/// Signals belong to the main thread; a thread inherits the mask of its maker.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

std::vector<std::string> hosts_for(const ServerOptions& options) {
  if (!options.hosts.empty() || !is_loopback(options.address)) return options.hosts;
  return {"localhost", "127.0.0.1", "[::1]", options.address};
}

}  // namespace

class Server::Works {
 public:
  Works(const ServerOptions& options, Listening listening, Routes routes)
      : listening_(std::move(listening)),
        hosts_(hosts_for(options)),
        exchange_(std::move(routes)),
        context_{exchange_, hosts_, [this] { return is_stopping_.load(); }, [this] { return waiting_.load() > 0; },
                 options.deadline} {}
  ~Works() { stop(); }
  Works(const Works&) = delete;
  Works& operator=(const Works&) = delete;

  void start(int workers) {
    const SignalsBlocked blocked;
    threads_.emplace_back([this] { accept_all(); });
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    queue_.clear();
    listening_.socket.close();
  }

  [[nodiscard]] std::uint16_t port() const { return listening_.port; }

 private:
  struct Accepted {
    Socket socket;
    SteadyTime at;
  };

  void accept_all() {
    while (!is_stopping_) {
      pollfd one{listening_.socket.fd(), POLLIN, 0};
      if (poll(&one, 1, kLookUpMs) <= 0) continue;
      Socket socket(accept4(listening_.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.fd() >= 0) {
        enqueue({std::move(socket), std::chrono::steady_clock::now()});
      } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
        std::this_thread::sleep_for(kAcceptPause);
      }
    }
  }

  void enqueue(Accepted accepted) {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() < kQueue) {
        queue_.push_back(std::move(accepted));
        waiting_ = queue_.size();
        work_.notify_one();
        return;
      }
    }
    const std::string busy = Exchange::refuse({503, "too many connections"});
    // As far as it goes at once: nobody waits here for a client.
    static_cast<void>(send(accepted.socket.fd(), busy.data(), busy.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  void work() {
    while (std::optional<Accepted> next = take()) {
      Connection(std::move(next->socket), next->at, context_).serve();
    }
  }

  /// Nothing: the server stops.
  std::optional<Accepted> take() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) return std::nullopt;
    Accepted first = std::move(queue_.front());
    queue_.pop_front();
    waiting_ = queue_.size();
    return first;
  }

  Listening listening_;
  const std::vector<std::string> hosts_;
  Exchange exchange_;
  const ConnectionContext context_;

  std::mutex mutex_;  // guards the queue
  std::condition_variable work_;
  std::deque<Accepted> queue_;
  std::atomic<std::size_t> waiting_{0};  // size of the queue, for those who only wonder
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> threads_;
};

base::Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Routes routes) {
  auto listening = listen_on(options.address, options.port, kBacklog);
  if (!listening) return listening.error();
  auto works = std::make_unique<Works>(options, std::move(*listening), std::move(routes));
  try {
    works->start(std::clamp(options.workers, 1, kWorkers));
  } catch (const std::system_error&) {
    return base::Error{"cannot start the HTTP server: no thread to be had"};
  }
  return std::unique_ptr<Server>(new Server(std::move(works)));
}

Server::Server(std::unique_ptr<Works> works) : works_(std::move(works)) {}
Server::~Server() = default;

std::uint16_t Server::port() const { return works_->port(); }
void Server::stop() { works_->stop(); }

}  // namespace troth::http
