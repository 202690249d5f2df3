// The server on loopback, with polite, slow and hostile clients (promises P13, P18). Every test is bounded in time.
#include "engine/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/engine/http/client.h"

namespace troth::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kGet = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr const char* kGetAndClose = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    Routes routes{
        {"/hello",
         [](const Request&) {
           return Response{200, "text/plain", "hello", {}};
         }},
        {"/big",
         [](const Request&) {
           return Response{200, "text/plain", std::string(32U << 20U, 'x'), {}};
         }},
    };
    auto started = Server::start(std::move(options), std::move(routes));
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(*started);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, answers_on_the_port_that_it_tells) {
  start();
  ASSERT_NE(port(), 0);
  const std::string answer = exchange_once(port(), kGetAndClose);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "hello");
}

TEST_F(ServerTest, a_port_that_is_taken_is_a_clear_error) {
  start();
  ServerOptions second;
  second.port = port();
  const auto started = Server::start(second, {});
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("127.0.0.1 port " + std::to_string(port())), std::string::npos);
  EXPECT_NE(started.error().message.find("another process listens there"), std::string::npos)
      << started.error().message;
}

TEST_F(ServerTest, an_address_that_is_not_ours_is_a_clear_error) {
  ServerOptions options;
  options.address = "192.0.2.1";
  const auto foreign = Server::start(options, {});
  ASSERT_FALSE(foreign.ok());
  EXPECT_NE(foreign.error().message.find("this host has no such address"), std::string::npos)
      << foreign.error().message;
  options.address = "no such address";
  EXPECT_FALSE(Server::start(options, {}).ok());
}

TEST_F(ServerTest, a_port_can_be_taken_again_right_after_a_stop) {
  start();
  ASSERT_EQ(status_of(exchange_once(port(), kGetAndClose)), 200);
  ServerOptions same;
  same.port = port();
  server_->stop();
  start(same);
  EXPECT_EQ(port(), same.port);
}

TEST_F(ServerTest, a_connection_serves_several_requests_also_when_sent_at_once) {
  start();
  Client client(port());
  client.send(kGet);
  EXPECT_EQ(status_of(client.read_until("hello")), 200);
  client.send(std::string(kGet) + kGet + kGetAndClose);
  const std::string rest = client.read_all();
  std::size_t answers = 0;
  for (std::size_t at = rest.find("HTTP/1.1 200"); at != std::string::npos; at = rest.find("HTTP/1.1 200", at + 1))
    ++answers;
  EXPECT_EQ(answers, 3U);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, a_connection_ends_after_a_hundred_requests) {
  start();
  Client client(port());
  std::string all;
  for (int i = 0; i < 150; ++i) all += kGet;
  client.send(all);
  const std::string answers = client.read_all();
  std::size_t count = 0;
  for (std::size_t at = answers.find("HTTP/1.1 200"); at != std::string::npos;
       at = answers.find("HTTP/1.1 200", at + 1))
    ++count;
  EXPECT_EQ(count, 100U);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, a_request_may_come_byte_by_byte_if_it_comes_in_time) {
  start();
  Client client(port());
  for (const char c : std::string_view(kGetAndClose)) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(status_of(client.read_all()), 200);
}

TEST_F(ServerTest, a_head_that_trickles_in_is_cut_off_at_the_deadline_of_the_whole) {
  ServerOptions options;
  options.deadline = milliseconds(400);
  start(options);
  Client client(port());
  const auto began = steady_clock::now();
  client.send("GET /hello HTTP/1.1\r\n");
  while (client.send("X: y\r\n") && client.read_all(milliseconds(20)).empty() && since(began) < milliseconds(5'000)) {
  }
  EXPECT_GE(since(began), milliseconds(300));
  EXPECT_LT(since(began), milliseconds(2'000));
}

TEST_F(ServerTest, a_connection_that_says_nothing_is_closed_without_an_answer) {
  ServerOptions options;
  options.deadline = milliseconds(200);
  start(options);
  Client client(port());
  EXPECT_EQ(client.read_all(milliseconds(3'000)), "");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, heads_beyond_the_bound_are_refused_whether_they_end_or_not) {
  start();
  const std::string begin = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ";
  EXPECT_EQ(status_of(exchange_once(port(), begin + std::string(10'000, 'a') + "\r\n\r\n")), 431);
  EXPECT_EQ(status_of(exchange_once(port(), std::string(8'192, 'a'))), 431);
  std::string many = "GET /hello HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(exchange_once(port(), many + "\r\n")), 431);
}

TEST_F(ServerTest, a_flood_of_bytes_is_not_kept) {
  start();
  Client client(port());
  const auto began = steady_clock::now();
  const std::string megabyte(1U << 20U, 'a');
  int sent = 0;
  while (sent < 64 && client.send(megabyte)) ++sent;
  EXPECT_LT(sent, 64);
  EXPECT_LT(since(began), milliseconds(3'000));
  EXPECT_EQ(status_of(exchange_once(port(), kGetAndClose)), 200);
}

TEST_F(ServerTest, a_body_is_refused_and_never_taken_for_a_second_request) {
  start();
  for (const char* announced : {"Content-Length: 46\r\n", "Transfer-Encoding: chunked\r\n"}) {
    Client client(port());
    client.send(std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n") + announced + "\r\n" + kGet);
    const std::string answer = client.read_all();
    EXPECT_EQ(status_of(answer), 413);
    EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos);
    EXPECT_TRUE(client.is_closed());
  }
}

TEST_F(ServerTest, other_methods_are_refused_in_json_with_the_methods_there_are) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"}) {
    const std::string answer =
        exchange_once(port(), std::string(method) + " /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(answer), 405) << method;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
    EXPECT_EQ(body_of(answer), R"({"error":"only GET and HEAD are answered"})");
  }
}

TEST_F(ServerTest, tricks_with_paths_lead_nowhere) {
  start();
  for (const char* path :
       {"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/hello/../../etc/passwd", "/..\\..\\etc", "/hello%00.txt",
        "/hello%0d%0aX:%20y", "/./hello", "/%2Fhello", "/~root", "/proc/self/environ"}) {
    const std::string answer =
        exchange_once(port(), std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(answer), 404) << path;
    EXPECT_EQ(answer.find("\nX: y"), std::string::npos);
  }
}

TEST_F(ServerTest, on_loopback_only_the_names_of_this_host_are_known) {
  start();
  EXPECT_EQ(status_of(exchange_once(port(), "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n")), 421);
  const std::string ours =
      "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:" + std::to_string(port()) + "\r\n\r\n";
  EXPECT_EQ(status_of(exchange_once(port(), ours)), 200);
}

TEST_F(ServerTest, clients_that_hang_up_in_the_middle_leave_nothing_behind) {
  start();
  static_cast<void>(exchange_once(port(), kGetAndClose));
  const std::size_t before = open_files();
  for (int i = 0; i < 200; ++i) {
    Client client(port());
    client.send(std::string_view(kGet).substr(0, static_cast<std::size_t>(i) % std::string_view(kGet).size()));
  }
  const auto began = steady_clock::now();
  while (open_files() > before && since(began) < milliseconds(5'000)) std::this_thread::yield();
  EXPECT_LE(open_files(), before);
  EXPECT_EQ(status_of(exchange_once(port(), kGetAndClose)), 200);
}

TEST_F(ServerTest, two_hundred_silent_connections_do_not_keep_a_probe_waiting) {
  start();
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(std::make_unique<Client>(port()));
    ASSERT_TRUE(silent.back()->is_connected());
    silent.back()->send("GET /hello HT");
  }
  const auto began = steady_clock::now();
  std::string answer;
  while (status_of(answer) != 200 && since(began) < milliseconds(5'000)) answer = exchange_once(port(), kGetAndClose);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_LT(since(began), milliseconds(2'500));
}

TEST_F(ServerTest, connections_beyond_the_queue_are_told_so_and_closed) {
  // One worker that is held up by a handler, so that nothing leaves the queue.
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> is_held{false};
  ServerOptions options;
  options.workers = 1;
  auto started = Server::start(options, Routes{{"/hello", [&, released](const Request&) {
                                                  is_held = true;
                                                  released.wait();
                                                  return Response{200, "text/plain", "hello", {}};
                                                }}});
  ASSERT_TRUE(started.ok());
  Client holder((*started)->port());
  holder.send(kGet);
  while (!is_held) std::this_thread::yield();

  std::vector<std::unique_ptr<Client>> waiting;
  for (std::size_t i = 0; i < Server::kQueue; ++i) waiting.push_back(std::make_unique<Client>((*started)->port()));
  std::string answer;
  const auto began = steady_clock::now();
  while (answer.empty() && since(began) < milliseconds(5'000)) {
    Client beyond((*started)->port());
    answer = beyond.read_all(milliseconds(1'000));
  }
  EXPECT_EQ(status_of(answer), 503);
  release.set_value();
  EXPECT_EQ(status_of(holder.read_until("hello")), 200);
}

TEST_F(ServerTest, a_client_that_does_not_read_is_given_up_at_the_deadline) {
  ServerOptions options;
  options.workers = 1;
  options.deadline = milliseconds(300);
  start(options);
  Client slow(port(), 4'096);
  slow.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto began = steady_clock::now();
  EXPECT_EQ(status_of(exchange_once(port(), kGetAndClose)), 200);
  EXPECT_LT(since(began), milliseconds(3'000));
}

TEST_F(ServerTest, a_big_answer_arrives_whole) {
  start();
  const std::string answer = exchange_once(port(), "GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of(answer).size(), 32U << 20U);
}

TEST_F(ServerTest, stops_within_a_second_whatever_its_clients_do) {
  start();
  Client silent(port());
  Client begun(port());
  begun.send("GET /he");
  Client kept(port());
  kept.send(kGet);
  kept.read_until("hello");
  Client deaf(port(), 4'096);
  deaf.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  deaf.read_until("HTTP/1.1 200");
  std::vector<std::unique_ptr<Client>> queued;
  for (int i = 0; i < 20; ++i) queued.push_back(std::make_unique<Client>(port()));

  const auto began = steady_clock::now();
  server_->stop();
  EXPECT_LT(since(began), milliseconds(1'000));
  EXPECT_FALSE(Client(port()).is_connected());
  silent.read_all(milliseconds(1'000));
  EXPECT_TRUE(silent.is_closed());
  server_->stop();
}

TEST_F(ServerTest, many_clients_at_once_are_all_served) {
  ServerOptions options;
  options.workers = Server::kWorkers;
  start(options);
  std::atomic<int> served{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        if (status_of(exchange_once(port(), kGetAndClose)) == 200) ++served;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(served, 800);
}

TEST_F(ServerTest, answers_on_ipv6_too) {
  ServerOptions options;
  options.address = "::1";
  auto started = Server::start(options, {});
  if (!started.ok()) GTEST_SKIP() << "SKIPPED: no IPv6 loopback here: " << started.error().message;
  EXPECT_NE((*started)->port(), 0);
}

}  // namespace
}  // namespace troth::http
