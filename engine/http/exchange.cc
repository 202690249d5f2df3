#include "engine/http/exchange.h"

// Without these the library's header describes other classes than those in the shared library.
#if !defined(CPPHTTPLIB_OPENSSL_SUPPORT) || !defined(CPPHTTPLIB_ZLIB_SUPPORT) || !defined(CPPHTTPLIB_BROTLI_SUPPORT)
#error "compile this file with the flags of `pkg-config --cflags cpp-httplib`"
#endif
#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace troth::http {
namespace {

/// With every answer. The policy for pages is the page's own business and replaces this one.
constexpr std::pair<const char*, const char*> kHeadersOfAll[] = {
    {"Accept-Ranges", "none"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

/// What the library takes for a connection: the head to read from and the answer to write to, both in memory.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view head) : head_(head) {}

  [[nodiscard]] bool is_readable() const override { return !head_.empty(); }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const std::size_t taken = std::min(size, head_.size());
    std::memcpy(to, head_.data(), taken);
    head_.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, size_t size) override {
    answer_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// The library only asks whether select() could take it; nothing selects here.
  [[nodiscard]] socket_t socket() const override { return 0; }

  [[nodiscard]] std::string take_answer() { return std::move(answer_); }

 private:
  std::string_view head_;
  std::string answer_;
};

const char* reason_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

Request request_of(const httplib::Request& from) {
  Request request;
  request.path = from.path;
  for (const auto& [name, value] : from.params) request.query.emplace_back(name, value);
  request.authorization = from.get_header_value("Authorization");
  return request;
}

void put(const Response& from, httplib::Response& to) {
  to.status = from.status;
  to.set_content(from.body, from.content_type);
  for (const auto& [name, value] : from.headers) {
    to.headers.erase(name);
    to.set_header(name, value);
  }
}

}  // namespace

/// Derived to reach process_request(), as the library's own TLS server does. It never listens.
class Exchange::Library final : public httplib::Server {
 public:
  explicit Library(Routes routes) : routes_(std::move(routes)) {
    set_keep_alive_max_count(kRequests);  // only said, in a header; the connection counts
    set_default_headers({std::begin(kHeadersOfAll), std::end(kHeadersOfAll)});
    // Ahead of the library's own routing, which goes by regular expressions.
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      put(respond(request_of(request)), response);
      return HandlerResponse::Handled;
    });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) put(error_response(response.status, "not a request"), response);
    });
  }

  std::string run(std::string_view head, bool closes) {
    MemoryStream stream(head);
    bool is_closed = false;
    process_request(stream, closes, is_closed, nullptr);
    return stream.take_answer();
  }

 private:
  Response respond(const Request& request) const noexcept {
    const auto route = routes_.find(request.path);
    if (route == routes_.end()) return error_response(404, "there is nothing at this path");
    try {
      return route->second(request);
    } catch (...) {  // its text might hold anything
      return error_response(500, "internal error");
    }
  }

  const Routes routes_;
};

Exchange::Exchange(Routes routes) : library_(std::make_unique<Library>(std::move(routes))) {}
Exchange::~Exchange() = default;

std::string Exchange::answer(std::string_view head, bool closes) { return library_->run(head, closes); }

std::string Exchange::refuse(const Refusal& refusal) {
  const Response response = error_response(refusal.status, refusal.error);
  std::string out = "HTTP/1.1 " + std::to_string(refusal.status) + " " + reason_of(refusal.status) + "\r\n";
  for (const auto& [name, value] : kHeadersOfAll) out.append(name).append(": ").append(value).append("\r\n");
  if (refusal.status == 405) out += "Allow: GET, HEAD\r\n";
  out += "Connection: close\r\nContent-Type: " + response.content_type + "\r\n";
  return out + "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
}

}  // namespace troth::http
