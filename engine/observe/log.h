// Log: lines for people or for machines, on stderr. set_up_log() makes spdlog's default logger; afterwards any thread
// writes with spdlog::info() and the like, or with log_repeating() where one fault may bring the same line thousands of
// times.
//
// What may stand in a line (promise P17): what happened, where (topic, partition, offset, file and line), what to do.
// Never a payload, a customer, any value of a record, or a secret. Whatever stands in it, it stays one line.
#pragma once

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.h"

namespace troth::observe {

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogOptions {
  LogFormat format = LogFormat::kText;
  std::string level = "info";  // trace, debug, info, warn, error, off
};

/// A message beyond this is cut.
inline constexpr std::size_t kLogMessageBytes = 4'096;

/// "text" or "json".
[[nodiscard]] base::Result<LogFormat> parse_log_format(std::string_view name);

/// Call once, before there are other threads.
[[nodiscard]] base::Status set_up_log(const LogOptions& options);
/// The same for any sink of spdlog; does not install it.
[[nodiscard]] base::Result<std::shared_ptr<spdlog::logger>> make_logger(const LogOptions& options,
                                                                        spdlog::sink_ptr sink);

/// Lets one line a second through and counts the others. One for each place that may repeat itself, usually static.
/// Thread-safe.
class RepeatLimit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kInterval{1};

  /// Nothing: leave this line out. Otherwise the number of lines left out since the last one written.
  [[nodiscard]] std::optional<std::uint64_t> admit(TimePoint now);

 private:
  std::mutex mutex_;
  std::optional<TimePoint> last_;
  std::uint64_t left_out_ = 0;
};

template <typename... Args>
void log_repeating(RepeatLimit& limit, spdlog::level::level_enum level, fmt::format_string<Args...> text,
                   Args&&... args) {
  if (!spdlog::should_log(level)) return;
  const auto left_out = limit.admit(std::chrono::steady_clock::now());
  if (!left_out) return;
  std::string line = fmt::format(text, std::forward<Args>(args)...);
  if (*left_out > 0) line += fmt::format(" (and {} more like this)", *left_out);
  spdlog::log(level, "{}", line);
}

}  // namespace troth::observe
