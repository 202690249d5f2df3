// What answers look like, and what handlers get to see.
#include "engine/http/exchange.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/engine/http/client.h"

namespace troth::http {
namespace {

class ExchangeTest : public testing::Test {
 protected:
  std::string get(const std::string& target, const std::string& method = "GET") {
    return exchange_.answer(method + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", false);
  }

  Request seen_;
  Exchange exchange_{Routes{
      {"/seen",
       [this](const Request& request) {
         seen_ = request;
         return Response{200, "text/plain", "hello", {}};
       }},
      {"/page",
       [](const Request&) {
         return Response{200, "text/html", "<p>", {{"Content-Security-Policy", "default-src 'self'"}}};
       }},
      {"/lower-case",
       [](const Request&) {
         return Response{200, "text/html", "<p>", {{"content-security-policy", "default-src 'self'"}}};
       }},
      {"/line-ends",
       [](const Request&) {
         return Response{200, "text/plain", "x", {{"X-A", "a\r\nX-Evil: b"}, {"Cache-Control", "a\nb"}, {"X-B", "c"}}};
       }},
      {"/teapot",
       [](const Request&) {
         return Response{418, "text/plain", "short and stout", {}};
       }},
      {"/down",
       [](const Request&) {
         return Response{503, "application/json", R"({"ready":false})", {}};
       }},
      {"/plus++",
       [](const Request&) {
         return Response{200, "text/plain", "plus", {}};
       }},
      {"/empty",
       [](const Request&) {
         return Response{200, "text/plain", "", {}};
       }},
      {"/throws", [](const Request&) -> Response { throw std::runtime_error("secret of a customer"); }},
      {"/throws-anything", [](const Request&) -> Response { throw 42; }},
  }};
};

TEST_F(ExchangeTest, an_answer_has_length_type_and_the_headers_of_safety) {
  const std::string answer = get("/seen");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "hello");
  for (const char* header :
       {"Content-Length: 5\r\n", "Content-Type: text/plain\r\n", "X-Content-Type-Options: nosniff\r\n",
        "Cache-Control: no-store\r\n", "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
        "Referrer-Policy: no-referrer\r\n"}) {
    EXPECT_NE(answer.find(header), std::string::npos) << header << " in\n" << answer;
  }
}

TEST_F(ExchangeTest, a_page_brings_its_own_policy_which_replaces_the_common_one) {
  const std::string answer = get("/page");
  EXPECT_NE(answer.find("Content-Security-Policy: default-src 'self'\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("default-src 'none'"), std::string::npos) << answer;
}

TEST_F(ExchangeTest, a_header_is_replaced_however_its_name_is_written) {
  const std::string answer = get("/lower-case");
  EXPECT_NE(answer.find("content-security-policy: default-src 'self'\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("default-src 'none'"), std::string::npos) << answer;
}

TEST_F(ExchangeTest, a_header_that_would_begin_another_is_left_out_and_replaces_nothing) {
  const std::string answer = get("/line-ends");
  EXPECT_EQ(answer.find("X-Evil"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Cache-Control: no-store\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("X-B: c\r\n"), std::string::npos) << answer;
  EXPECT_EQ(body_of(answer), "x");
}

TEST_F(ExchangeTest, an_answer_is_exact_to_the_byte) {
  EXPECT_EQ(get("/seen"),
            "HTTP/1.1 200 OK\r\nAccept-Ranges: none\r\nCache-Control: no-store\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"
            "X-Content-Type-Options: nosniff\r\nKeep-Alive: timeout=5, max=100\r\nContent-Type: text/plain\r\n"
            "Content-Length: 5\r\n\r\nhello");
}

TEST_F(ExchangeTest, a_status_without_a_known_reason_is_still_a_status_line) {
  EXPECT_TRUE(get("/teapot").starts_with("HTTP/1.1 418 \r\n"));
  EXPECT_TRUE(get("/down").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(get("/none").starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(ExchangeTest, head_is_get_without_the_body) {
  const std::string answer = get("/seen", "HEAD");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(ExchangeTest, an_empty_answer_is_an_answer) {
  const std::string answer = get("/empty");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("Content-Length: 0\r\n"), std::string::npos) << answer;
}

TEST_F(ExchangeTest, the_body_of_a_handlers_refusal_stays_its_own) {
  const std::string answer = get("/down");
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_EQ(body_of(answer), R"({"ready":false})");
}

TEST_F(ExchangeTest, an_unknown_path_is_404_in_json_and_does_not_echo) {
  for (const char* path : {"/", "/unknown", "/seen/", "/SEEN", "//seen", "/seen/../down", "/%2e%2e/seen", "/seen%00",
                           "/seen;a=b", "/..%2f..%2fetc%2fpasswd", "/<script>"}) {
    const std::string answer = get(path);
    EXPECT_EQ(status_of(answer), 404) << path;
    EXPECT_EQ(body_of(answer), R"({"error":"there is nothing at this path"})");
  }
}

TEST_F(ExchangeTest, a_path_is_matched_as_decoded_and_exactly) {
  EXPECT_EQ(status_of(get("/s%65en")), 200);
  EXPECT_EQ(seen_.path, "/seen");
}

TEST_F(ExchangeTest, a_query_is_decoded) {
  ASSERT_EQ(status_of(get("/seen?customer=a%20b%2F%26&limit=5&customer=second")), 200);
  EXPECT_EQ(seen_.parameter("customer"), "a b/&");
  EXPECT_EQ(seen_.parameter("limit"), "5");
  EXPECT_FALSE(seen_.parameter("none").has_value());
}

TEST_F(ExchangeTest, a_path_is_decoded_once_and_keeps_its_plus) {
  EXPECT_EQ(status_of(get("/s%2565en")), 404);
  EXPECT_EQ(status_of(get("/plus+%2B")), 200);
  EXPECT_EQ(status_of(get("/plus%20%20")), 404);
}

TEST_F(ExchangeTest, a_query_keeps_its_order_its_repetitions_and_all_its_bytes) {
  using namespace std::string_literals;
  ASSERT_EQ(status_of(get("/seen?b=1&a=x=y?z&b=0&b=1&c&=v&d=1+2%2b3&e%3D=%00%fF")), 200);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"b", "1"}, {"a", "x=y?z"}, {"b", "0"}, {"b", "1"}, {"c", ""}, {"", "v"}, {"d", "1 2+3"}, {"e=", "\0\xff"s}};
  EXPECT_EQ(seen_.query, expected);
}

TEST_F(ExchangeTest, a_percent_sign_without_two_digits_stands_for_itself) {
  ASSERT_EQ(status_of(get("/seen?a=%zz%&b=%4&c=%u0041&d=%%41&e=%4g")), 200);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"a", "%zz%"}, {"b", "%4"}, {"c", "%u0041"}, {"d", "%A"}, {"e", "%4g"}};
  EXPECT_EQ(seen_.query, expected);
}

TEST_F(ExchangeTest, a_fragment_is_the_clients_own_business) {
  ASSERT_EQ(status_of(get("/seen?a=1#b?c=2")), 200);
  EXPECT_EQ(seen_.parameter("a"), "1");
  EXPECT_EQ(status_of(get("/seen#a")), 200);
  EXPECT_TRUE(seen_.query.empty());
}

TEST_F(ExchangeTest, broken_queries_do_no_harm) {
  for (const char* query :
       {"?", "?&", "?=", "?%", "?%zz=%", "?a", "?a&&b", "?a==b", "?%00=%ff", "??", "?a=%u0041", "?#f"}) {
    EXPECT_EQ(status_of(get(std::string("/seen") + query)), 200) << query;
  }
}

TEST_F(ExchangeTest, authorization_reaches_the_handler) {
  static_cast<void>(exchange_.answer("GET /seen HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer token\r\n\r\n", false));
  EXPECT_EQ(seen_.authorization, "Bearer token");
}

TEST_F(ExchangeTest, an_exception_becomes_a_500_that_tells_nothing) {
  for (const char* path : {"/throws", "/throws-anything"}) {
    const std::string answer = get(path);
    EXPECT_EQ(status_of(answer), 500);
    EXPECT_EQ(body_of(answer), R"({"error":"internal error"})");
    EXPECT_EQ(answer.find("secret"), std::string::npos) << answer;
  }
}

TEST_F(ExchangeTest, closing_is_said) {
  EXPECT_NE(exchange_.answer("GET /seen HTTP/1.1\r\nHost: a\r\n\r\n", true).find("Connection: close\r\n"),
            std::string::npos);
  EXPECT_EQ(get("/seen").find("Connection: close\r\n"), std::string::npos);
}

TEST_F(ExchangeTest, a_refusal_is_a_whole_answer) {
  const std::string answer = Exchange::refuse({405, "only GET and HEAD are answered"});
  EXPECT_EQ(
      answer,
      "HTTP/1.1 405 Method Not Allowed\r\nAccept-Ranges: none\r\nCache-Control: no-store\r\n"
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"
      "X-Content-Type-Options: nosniff\r\nAllow: GET, HEAD\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Content-Length: 42\r\n\r\n{\"error\":\"only GET and HEAD are answered\"}");
}

}  // namespace
}  // namespace troth::http
