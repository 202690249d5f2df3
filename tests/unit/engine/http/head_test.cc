// What heads of requests are let through, and what is left of them.
#include "engine/http/head.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace troth::http {
namespace {

const std::vector<std::string> kAnyHost;

JudgedHead judge(const std::string& head, const std::vector<std::string>& hosts = kAnyHost) {
  return judge_head(head, hosts);
}

int status(const std::string& head, const std::vector<std::string>& hosts = kAnyHost) {
  const JudgedHead judged = judge(head, hosts);
  return judged.refusal ? judged.refusal->status : 200;
}

std::string with(const std::string& headers) { return "GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n"; }

TEST(Head, ends_behind_its_blank_line_and_not_before) {
  EXPECT_EQ(end_of_head("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore"), 27U);
  EXPECT_FALSE(end_of_head("GET / HTTP/1.1\r\nHost: a\r\n\r").has_value());
  EXPECT_FALSE(end_of_head("GET / HTTP/1.1\n\n").has_value());
  EXPECT_FALSE(end_of_head("").has_value());
}

TEST(Head, a_plain_request_passes_and_keeps_its_connection) {
  const JudgedHead judged = judge("GET /metrics?a=b HTTP/1.1\r\nHost: here:9090\r\nAccept: */*\r\n\r\n");
  ASSERT_FALSE(judged.refusal.has_value());
  EXPECT_EQ(judged.reduced, "GET /metrics?a=b HTTP/1.1\r\nHost: here:9090\r\n\r\n");
  EXPECT_TRUE(judged.keeps_alive);
}

TEST(Head, headers_that_ask_for_work_go_no_further) {
  const JudgedHead judged =
      judge(with("Range: bytes=0-,0-,0-\r\nAccept-Encoding: gzip, br\r\nIf-Range: x\r\n"
                 "Content-Type: multipart/form-data; boundary=x\r\nAuthorization: Bearer t\r\n"
                 "Content-Length: 0\r\nUpgrade: h2c\r\n"));
  ASSERT_FALSE(judged.refusal.has_value());
  EXPECT_EQ(judged.reduced, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n");
}

TEST(Head, a_client_that_wants_to_close_is_taken_at_its_word) {
  EXPECT_FALSE(judge(with("Connection: close\r\n")).keeps_alive);
  EXPECT_FALSE(judge(with("connection: Keep-Alive, Close\r\n")).keeps_alive);
  EXPECT_TRUE(judge(with("Connection: keep-alive\r\n")).keeps_alive);
  EXPECT_FALSE(judge("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keeps_alive);
}

TEST(Head, only_get_and_head_are_answered) {
  EXPECT_EQ(status("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "FOO"}) {
    EXPECT_EQ(status(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 405) << method;
  }
}

TEST(Head, a_body_is_refused_in_whatever_way_it_is_announced) {
  EXPECT_EQ(status(with("Content-Length: 1\r\n")), 413);
  EXPECT_EQ(status(with("content-length: 18446744073709551617\r\n")), 413);
  EXPECT_EQ(status(with("Content-Length: -1\r\n")), 413);
  EXPECT_EQ(status(with("Content-Length: 0\r\nContent-Length: 5\r\n")), 413);
  EXPECT_EQ(status(with("Transfer-Encoding: chunked\r\n")), 413);
  EXPECT_EQ(status(with("TRANSFER-ENCODING:\tidentity\r\n")), 413);
  EXPECT_EQ(status(with("Expect: 100-continue\r\n")), 417);
}

TEST(Head, malformed_request_lines_are_refused) {
  for (const char* line :
       {"", " ", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/\tHTTP/1.1",
        "GET / http/1.1", "G\x01T / HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\xc3\xa9 HTTP/1.1", "GET http://a/ HTTP/1.1",
        "GET * HTTP/1.1", "GET a HTTP/1.1", "(GET) / HTTP/1.1"}) {
    const int answer = status(std::string(line) + "\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(answer == 400 || answer == 505) << line << " was answered " << answer;
  }
}

TEST(Head, other_versions_of_http_are_told_so) {
  EXPECT_EQ(status("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status("GET / HTTP/1.1x\r\nHost: a\r\n\r\n"), 505);
}

TEST(Head, malformed_headers_are_refused) {
  using namespace std::string_literals;
  for (const std::string& header :
       {"NoColon\r\n"s, ": no name\r\n"s, "Name : space before the colon\r\n"s, " folded: x\r\n"s,
        "A: b\r\n folded\r\n"s, "A: nul\0byte\r\n"s, "A: lone\rreturn\r\n"s, "A: lone\nfeed\r\n"s, "A\nB: c\r\n"s,
        "A: \x1b[31m\r\n"s, "A: del\x7f\r\n"s, "N\xc3\xa4me: x\r\n"s}) {
    EXPECT_EQ(status(with(header)), 400) << testing::PrintToString(header);
  }
}

TEST(Head, bounds_of_headers_and_path_are_exact) {
  std::string headers;
  for (std::size_t i = 1; i < kHeaders; ++i) headers += "A: b\r\n";  // and Host
  EXPECT_EQ(status(with(headers)), 200);
  EXPECT_EQ(status(with(headers + "A: b\r\n")), 431);
  const std::string path = "/" + std::string(kTargetBytes - 1, 'a');
  EXPECT_EQ(status("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(status("GET " + path + "a HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
}

TEST(Head, host_is_needed_once) {
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status(with("Authorization: a\r\nAuthorization: b\r\n")), 400);
}

TEST(Head, a_site_that_points_its_own_name_at_us_is_refused) {
  const std::vector<std::string> hosts{"localhost", "127.0.0.1", "[::1]"};
  const auto of = [&](const std::string& host) {
    return status("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", hosts);
  };
  EXPECT_EQ(of("localhost"), 200);
  EXPECT_EQ(of("LocalHost:9090"), 200);
  EXPECT_EQ(of("127.0.0.1:1"), 200);
  EXPECT_EQ(of("[::1]:80"), 200);
  EXPECT_EQ(of("[::1]"), 200);
  EXPECT_EQ(of("evil.example"), 421);
  EXPECT_EQ(of("evil.example:9090"), 421);
  EXPECT_EQ(of("localhost.evil.example"), 421);
  EXPECT_EQ(of("::1"), 421);
  EXPECT_EQ(of(""), 421);
}

TEST(Head, any_bytes_are_judged_without_harm_and_what_passes_passes_again) {
  std::mt19937_64 random(20260301);
  const std::string sound = "GET /a?b=%20 HTTP/1.1\r\nHost: a\r\nAccept: x\r\nConnection: close\r\n\r\n";
  int passed = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string head = sound;
    for (std::uint64_t changes = random() % 3 + 1; changes > 0; --changes) {
      const std::size_t at = random() % (head.size() - 4);
      const char byte = static_cast<char>(random() % 256);
      if (random() % 2 == 0) head[at] = byte;
      else head.insert(at, 1, byte);
    }
    const JudgedHead judged = judge(head.substr(0, *end_of_head(head)));
    if (judged.refusal) continue;
    ++passed;
    const JudgedHead again = judge(judged.reduced);
    ASSERT_FALSE(again.refusal.has_value()) << judged.reduced;
    ASSERT_EQ(again.reduced, judged.reduced);
  }
  EXPECT_GT(passed, 1'000);
}

}  // namespace
}  // namespace troth::http
