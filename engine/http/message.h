// Request and Response of the HTTP server: plain data, and the only words of HTTP that the rest of the program knows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troth::http {

struct Request {
  std::string path;                                        // decoded; one of the routes
  std::vector<std::pair<std::string, std::string>> query;  // decoded; names may repeat; any bytes may occur
  std::string authorization;                               // the header of that name; empty: none

  /// The first value of a name.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const {
    for (const auto& [each, value] : query) {
      if (each == name) return value;
    }
    return std::nullopt;
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  /// On top of those for safety, which they replace by name. What holds a line's end is left out. Type, length and
  /// connection are the server's to say.
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Called by any worker, several at a time. Answers GET; for HEAD the server leaves the body out. Should be quick: a
/// stop of the server waits for it. An exception becomes a 500 without its text.
using Handler = std::function<Response(const Request&)>;

/// By exact path.
using Routes = std::map<std::string, Handler, std::less<>>;

/// `{"error":"…"}`. The text is for anybody to see: nothing of the request, no secret.
[[nodiscard]] Response error_response(int status, std::string_view error);

}  // namespace troth::http
