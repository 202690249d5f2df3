#include "engine/app/state_copying.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/app/state_reader.h"
#include "engine/app/terminal.h"
#include "engine/base/json.h"
#include "engine/state/state_copy.h"

namespace troth::app {
namespace {

using state::StateDirectory;

std::string copied_json(const state::StateCopied& copied, double seconds) {
  base::JsonWriter json;
  json.begin_map();
  json.field("bytes", copied.bytes);
  json.field("keys", copied.keys);
  json.field("openings", copied.openings);
  json.key("partitions");
  json.begin_list();
  for (const state::PartitionStand& each : copied.partitions) {
    json.begin_map();
    json.field("commit", each.commit);
    json.field("partition", each.partition);
    json.field("tau", event::format_time(each.tau));
    json.end_map();
  }
  json.end_list();
  json.key("seconds");
  json.raw(fmt::format("{:.6f}", seconds));
  json.end_map();
  return std::move(json).take();
}

std::string copied_text(const StateCopying& copying, const state::StateCopied& copied, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(copied.bytes) / seconds : 0;
  std::string text = fmt::format("{} {} from {}: {} keys, {} in {} ({}/s)\n\n", copying.to, copying.done, copying.from,
                                 grouped(static_cast<std::int64_t>(copied.keys)), bytes_text(copied.bytes),
                                 span(seconds), bytes_text(static_cast<std::uint64_t>(rate)));
  const std::string head = fmt::format("{:>9}  {:>12}  {}", "partition", "commit", "engine time");
  text += Terminal(1).paint(Terminal::Ink::kDim, head) + "\n";
  for (const state::PartitionStand& each : copied.partitions) {
    text += fmt::format("{:>9}  {:>12}  {}\n", each.partition, grouped(static_cast<std::int64_t>(each.commit)),
                        event::format_time(each.tau));
  }
  return text;
}

}  // namespace

int run_state_copying(const StateCopying& copying) {
  auto from = StateDirectory::open(copying.from, StateDirectory::Mode::kToRead);
  if (!from) return complain(kWrongUse, from.error().message);
  if (!(*from)->has_store()) {
    return complain(kWrongUse, fmt::format("state directory {}: it never had a store. Check the path; there is nothing "
                                           "to copy.",
                                           copying.from));
  }
  auto to = StateDirectory::open(copying.to, StateDirectory::Mode::kToFill);
  if (!to) return complain(kWrongUse, to.error().message);

  Terminal progress(2);
  state::StateCopyOptions options;
  options.beside = {std::string(kPolicyFile)};
  options.on_progress = [&](std::uint64_t keys, std::uint64_t bytes) {
    progress.progress(fmt::format("{} keys, {}", grouped(static_cast<std::int64_t>(keys)), bytes_text(bytes)));
  };
  const auto began = std::chrono::steady_clock::now();
  const auto copied = state::copy_state(**from, **to, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  progress.end_progress();
  if (!copied) return complain(kFailed, copied.error().message);
  if (copying.is_json) {
    fmt::print("{}\n", copied_json(*copied, seconds));
  } else {
    fmt::print("{}", copied_text(copying, *copied, seconds));
  }
  return kDone;
}

}  // namespace troth::app
