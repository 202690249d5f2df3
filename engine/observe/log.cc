#include "engine/observe/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <array>
#include <cstdlib>

#include "engine/base/json.h"
#include "engine/event/time.h"
#include "engine/observe/printable.h"

namespace troth::observe {
namespace {

using spdlog::details::log_msg;

struct LevelName {
  std::string_view name;
  spdlog::level::level_enum level;
};
constexpr std::array<LevelName, 6> kLevels{{{"trace", spdlog::level::trace},
                                            {"debug", spdlog::level::debug},
                                            {"info", spdlog::level::info},
                                            {"warn", spdlog::level::warn},
                                            {"error", spdlog::level::err},
                                            {"off", spdlog::level::off}}};

std::string_view name_of(spdlog::level::level_enum level) {
  for (const LevelName& each : kLevels) {
    if (each.level == level) return each.name;
  }
  return "critical";
}

std::string time_of(const log_msg& message) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(message.time.time_since_epoch());
  return event::format_time(since.count());
}

std::string text_of(const log_msg& message) {
  return printable({message.payload.data(), message.payload.size()}, kLogMessageBytes);
}

void append(spdlog::memory_buf_t& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

/// `2026-03-01T09:00:00.000000Z warn  message`, the level in colour on a terminal.
class TextFormatter final : public spdlog::formatter {
 public:
  void format(const log_msg& message, spdlog::memory_buf_t& out) override {
    append(out, time_of(message));
    append(out, " ");
    message.color_range_start = out.size();
    append(out, name_of(message.level));
    message.color_range_end = out.size();
    while (out.size() < message.color_range_start + kLevelWidth) out.push_back(' ');
    append(out, text_of(message));
    append(out, "\n");
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<TextFormatter>(); }

 private:
  static constexpr std::size_t kLevelWidth = 6;
};

/// One canonical JSON object a line.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const log_msg& message, spdlog::memory_buf_t& out) override {
    base::JsonWriter json;
    json.begin_map();
    json.field("level", name_of(message.level));
    json.field("message", text_of(message));
    json.field("time", time_of(message));
    json.end_map();
    append(out, json.text());
    append(out, "\n");
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

std::unique_ptr<spdlog::formatter> formatter_of(LogFormat format) {
  if (format == LogFormat::kJson) return std::make_unique<JsonFormatter>();
  return std::make_unique<TextFormatter>();
}

spdlog::sink_ptr stderr_sink(LogFormat format) {
  const bool is_plain = format == LogFormat::kJson || std::getenv("NO_COLOR") != nullptr;
  return std::make_shared<spdlog::sinks::stderr_color_sink_mt>(is_plain ? spdlog::color_mode::never
                                                                        : spdlog::color_mode::automatic);
}

}  // namespace

base::Result<LogFormat> parse_log_format(std::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return base::Error{fmt::format("log format \"{}\" is not known; it is text or json", printable(name, 64))};
}

base::Result<std::shared_ptr<spdlog::logger>> make_logger(const LogOptions& options, spdlog::sink_ptr sink) {
  for (const LevelName& each : kLevels) {
    if (each.name != options.level) continue;
    auto logger = std::make_shared<spdlog::logger>("troth", std::move(sink));
    logger->set_formatter(formatter_of(options.format));
    logger->set_level(each.level);
    logger->flush_on(spdlog::level::trace);
    return logger;
  }
  return base::Error{fmt::format("log level \"{}\" is not known; it is one of trace, debug, info, warn, error, off",
                                 printable(options.level, 64))};
}

base::Status set_up_log(const LogOptions& options) {
  auto logger = make_logger(options, stderr_sink(options.format));
  if (!logger) return logger.error();
  spdlog::set_default_logger(*logger);
  return base::success();
}

std::optional<std::uint64_t> RepeatLimit::admit(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (last_ && now - *last_ < kInterval) {
    ++left_out_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(left_out_, 0);
}

}  // namespace troth::observe
