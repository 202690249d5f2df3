#include "engine/http/exchange.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "engine/http/text.h"

namespace troth::http {
namespace {

/// With every answer. The policy for pages is the page's own business and replaces this one.
constexpr std::pair<std::string_view, std::string_view> kHeadersOfAll[] = {
    {"Accept-Ranges", "none"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

/// For people who look at the bytes; clients go by the number, so a status that is not here goes without.
constexpr std::pair<int, std::string_view> kReasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

std::string_view reason_of(int status) {
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [status](const auto& reason) { return reason.first == status; });
  return found == std::end(kReasons) ? "" : found->second;
}

/// The value of a hexadecimal digit; -1: not one.
constexpr int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = lower_case(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/// Decodes once; a percent sign without two digits stands for itself.
std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool has_two_more = text[at] == '%' && text.size() - at > 2;
    const int high = has_two_more ? digit_of(text[at + 1]) : -1;
    const int low = has_two_more ? digit_of(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      out += text[at];
    } else {
      out += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  return out;
}

/// As forms write it: a plus is a space.
std::string decoded_of_form(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return decoded(spaced);
}

Request request_of(std::string_view target, std::string_view headers) {
  Request request;
  std::string_view query = target.substr(0, target.find('#'));
  request.path = decoded(take_until(query, "?"));
  while (!query.empty()) {
    std::string_view value = take_until(query, "&");
    if (value.empty()) continue;
    const std::string_view name = take_until(value, "=");
    request.query.emplace_back(decoded_of_form(name), decoded_of_form(value));
  }
  while (!headers.empty()) {
    std::string_view value = take_until(headers, "\r\n");
    if (equal_but_for_case(take_until(value, ": "), "Authorization")) request.authorization = value;
  }
  return request;
}

/// A line's end would begin a header, or a body, that nobody meant.
bool is_one_line(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

void put(std::string& out, std::string_view name, std::string_view value) {
  if (is_one_line(name) && is_one_line(value)) out.append(name).append(": ").append(value).append("\r\n");
}

bool replaces(const Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(), [name](const auto& header) {
    return equal_but_for_case(header.first, name) && is_one_line(header.second);
  });
}

std::string head_of(const Response& response, bool closes) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(reason_of(response.status)).append("\r\n");
  for (const auto& [name, value] : kHeadersOfAll) {
    if (!replaces(response, name)) put(out, name, value);
  }
  for (const auto& [name, value] : response.headers) put(out, name, value);
  if (closes) put(out, "Connection", "close");
  else  // only a hint to the client; the connection counts, and waits as long as it likes
    put(out, "Keep-Alive", "timeout=5, max=" + std::to_string(Exchange::kRequests));
  put(out, "Content-Type", response.content_type);
  put(out, "Content-Length", std::to_string(response.body.size()));
  return out += "\r\n";
}

}  // namespace

std::string Exchange::answer(std::string_view head, bool closes) const {
  const std::string_view method = take_until(head, " ");
  const std::string_view target = take_until(head, " ");
  take_until(head, "\r\n");  // the version: every answer is HTTP/1.1's
  const Response response = respond(request_of(target, head));
  const std::string answer = head_of(response, closes);
  return method == "HEAD" ? answer : answer + response.body;
}

Response Exchange::respond(const Request& request) const {
  const auto route = routes_.find(request.path);
  if (route == routes_.end()) return error_response(404, "there is nothing at this path");
  try {
    return route->second(request);
  } catch (...) {  // its text might hold anything
    return error_response(500, "internal error");
  }
}

std::string Exchange::refuse(const Refusal& refusal) {
  Response response = error_response(refusal.status, refusal.error);
  if (refusal.status == 405) response.headers.emplace_back("Allow", "GET, HEAD");
  return head_of(response, true) + response.body;
}

}  // namespace troth::http
