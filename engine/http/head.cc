#include "engine/http/head.h"

#include <algorithm>
#include <utility>

#include "engine/http/text.h"

namespace troth::http {
namespace {

constexpr std::string_view kBlankLine = "\r\n\r\n";

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char); }

/// Visible ASCII, and in values also space, tab and bytes beyond ASCII.
bool is_target_char(char c) { return c > 0x20 && c < 0x7f; }
bool is_value_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_case);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// `connection: close, x` holds `close`.
bool lists(std::string_view value, std::string_view word) {
  while (!value.empty()) {
    if (lower(trimmed(take_until(value, ","))) == word) return true;
  }
  return false;
}

/// `localhost:8080` → `localhost`; `[::1]:8080` → `[::1]`.
std::string host_name(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return lower(host.substr(0, colon));
}

class Judge {
 public:
  explicit Judge(const std::vector<std::string>& hosts) : hosts_(hosts) {}

  JudgedHead judge(std::string_view head) {
    std::string_view rest = head.substr(0, head.size() - kBlankLine.size());
    const std::string_view line = take_until(rest, "\r\n");
    std::optional<Refusal> refusal = request_line(line);
    std::size_t headers = 0;
    while (!refusal && !rest.empty()) {
      refusal = ++headers > kHeaders ? Refusal{431, "too many headers"} : header(take_until(rest, "\r\n"));
    }
    if (!refusal) refusal = as_a_whole();
    if (refusal) return {refusal, {}, false};
    return {std::nullopt, reduced(line), keeps_alive_ && !is_old_};
  }

 private:
  std::optional<Refusal> request_line(std::string_view line) {
    std::string_view rest = line;
    const std::string_view method = take_until(rest, " ");
    const std::string_view target = take_until(rest, " ");
    const std::string_view version = rest;
    if (!is_token(method) || target.empty() || !std::all_of(target.begin(), target.end(), is_target_char)) {
      return Refusal{400, "malformed request line"};
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      return version.starts_with("HTTP/") ? Refusal{505, "only HTTP/1.1 is spoken here"}
                                          : Refusal{400, "malformed request line"};
    }
    if (method != "GET" && method != "HEAD") return Refusal{405, "only GET and HEAD are answered"};
    if (target.size() > kTargetBytes) return Refusal{414, "path too long"};
    if (target.front() != '/') return Refusal{400, "the path must begin with a slash"};
    is_old_ = version == "HTTP/1.0";
    return std::nullopt;
  }

  std::optional<Refusal> header(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return Refusal{400, "malformed header"};
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_value_char)) return Refusal{400, "malformed header"};
    if (name == "transfer-encoding") return Refusal{413, "no request body is taken"};
    if (name == "content-length" && value != "0") return Refusal{413, "no request body is taken"};
    if (name == "expect") return Refusal{417, "no expectation is met"};
    if (name == "connection") keeps_alive_ = keeps_alive_ && !lists(value, "close");
    if (name == "host") return once(host_, value);
    if (name == "authorization") return once(authorization_, value);
    return std::nullopt;
  }

  static std::optional<Refusal> once(std::optional<std::string_view>& slot, std::string_view value) {
    if (slot) return Refusal{400, "a header is given twice"};
    slot = value;
    return std::nullopt;
  }

  std::optional<Refusal> as_a_whole() const {
    if (!host_ && !is_old_) return Refusal{400, "no Host header"};
    // A page of another site whose name was made to point here (DNS rebinding) would name that site.
    const bool is_known =
        hosts_.empty() || !host_ || std::find(hosts_.begin(), hosts_.end(), host_name(*host_)) != hosts_.end();
    if (!is_known) return Refusal{421, "not known here by that name"};
    return std::nullopt;
  }

  std::string reduced(std::string_view line) const {
    std::string out(line);
    if (host_) out.append("\r\nHost: ").append(*host_);
    if (authorization_) out.append("\r\nAuthorization: ").append(*authorization_);
    return out.append(kBlankLine);
  }

  const std::vector<std::string>& hosts_;
  bool is_old_ = false;
  bool keeps_alive_ = true;
  std::optional<std::string_view> host_, authorization_;
};

}  // namespace

std::optional<std::size_t> end_of_head(std::string_view bytes) {
  const std::size_t blank = bytes.find(kBlankLine);
  if (blank == std::string_view::npos) return std::nullopt;
  return blank + kBlankLine.size();
}

JudgedHead judge_head(std::string_view head, const std::vector<std::string>& hosts) { return Judge(hosts).judge(head); }

}  // namespace troth::http
