// What answers look like, and what handlers get to see.
#include "engine/http/exchange.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

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
      {"/down",
       [](const Request&) {
         return Response{503, "application/json", R"({"ready":false})", {}};
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
