// `troth redrive`: dead letters back into the pipeline, from their topic or from a file in which they were corrected.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>

#include "engine/app/command.h"
#include "engine/app/config.h"
#include "engine/app/exit_code.h"
#include "engine/app/letter.h"
#include "engine/app/policy_source.h"
#include "engine/app/terminal.h"
#include "engine/base/json.h"
#include "engine/event/event.h"
#include "engine/sink/kafka_redrive.h"

namespace troth::app {
namespace {

/// Letters in one transaction.
constexpr std::size_t kBatchLetters = 1'000;
/// A file is one transaction, and while it is open nobody reads what comes after it in the inputs: so it must be short.
constexpr std::size_t kFileBytesMax = std::size_t{64} << 20U;
constexpr int kFileTransactionMs = 120'000;

struct RedriveArguments {
  std::string config;
  std::optional<std::string> letters;
  std::vector<std::string> reasons;
  bool from_beginning = false;
  bool is_dry_run = false;
  bool is_json = false;
};

struct RedriveSummary {
  std::array<std::uint64_t, kFateNames.size()> by_fate{};
  [[nodiscard]] std::uint64_t of(Fate fate) const { return by_fate[static_cast<std::size_t>(fate)]; }
  [[nodiscard]] std::uint64_t read() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : by_fate) sum += each;
    return sum;
  }
};

/// Letters in, records out, counted by what became of them.
class Redriver {
 public:
  Redriver(const std::vector<std::string>& inputs, const std::vector<std::string>& reasons)
      : inputs_(inputs), reasons_(reasons.begin(), reasons.end()) {}

  void take(const base::Result<Letter>& letter, std::vector<sink::RedriveRecord>& records) {
    Judged judged{Fate::kNotALetter, {}};
    if (letter) judged = judge(reader_, *letter, inputs_, reasons_);
    ++summary_.by_fate[static_cast<std::size_t>(judged.fate)];
    if (judged.fate == Fate::kRedriven) records.push_back(std::move(judged.record));
  }

  [[nodiscard]] LetterReader& reader() { return reader_; }
  [[nodiscard]] const RedriveSummary& summary() const { return summary_; }

 private:
  const std::vector<std::string>& inputs_;
  std::set<std::string> reasons_;
  LetterReader reader_;
  RedriveSummary summary_;
};

std::string summary_json(const RedriveArguments& arguments, const RedriveSummary& summary, double seconds) {
  base::JsonWriter json;
  json.begin_map();
  json.field("dry_run", arguments.is_dry_run);
  json.field("read", summary.read());
  json.field("redriven", summary.of(Fate::kRedriven));
  json.key("seconds");
  json.raw(fmt::format("{:.6f}", seconds));
  json.key("skipped");
  json.begin_map();
  std::set<std::pair<std::string_view, std::uint64_t>> skipped;  // in order of their names
  for (std::size_t fate = 1; fate < kFateNames.size(); ++fate) skipped.emplace(kFateNames[fate], summary.by_fate[fate]);
  for (const auto& [name, count] : skipped) {
    if (count > 0) json.field(name, count);
  }
  json.end_map();
  json.end_map();
  return std::move(json).take();
}

std::string summary_text(const RedriveArguments& arguments, const std::string& from, const RedriveSummary& summary) {
  static constexpr std::array<std::string_view, kFateNames.size()> kWhy{
      "",
      "another reason than those asked for; not offered again without --from-beginning",
      "the letter does not hold its message (erased, too large)",
      "from a topic or file that is none of the configuration's inputs",
      "the event's attributes were headers, which a letter does not hold: send it anew at its source",
      "not written by the engine"};
  const auto count_of = [](std::uint64_t count) { return grouped(static_cast<std::int64_t>(count)); };
  std::string text = fmt::format("{}: {} dead letters read, {} {}\n", from, count_of(summary.read()),
                                 count_of(summary.of(Fate::kRedriven)),
                                 arguments.is_dry_run ? "would be redriven (--dry-run: nothing was sent)" : "redriven");
  for (std::size_t fate = 1; fate < kFateNames.size(); ++fate) {
    if (summary.by_fate[fate] == 0) continue;
    text += fmt::format("  {:>10}  {:<16} {}\n", count_of(summary.by_fate[fate]), kFateNames[fate], kWhy[fate]);
  }
  return text;
}

sink::KafkaRedriveOptions options_of(const RedriveArguments& arguments, const KafkaConfig& kafka) {
  sink::KafkaRedriveOptions options;
  options.kafka.bootstrap = kafka.bootstrap;
  options.kafka.client_id = kafka.client_id;
  options.kafka.extra = kafka.settings;
  options.group = kafka.group + "-redrive";
  options.transactional_id = "troth.redrive." + kafka.group;  // no instance of a pipeline has such a one
  options.inputs = kafka.inputs;
  options.from_beginning = arguments.from_beginning;
  options.only_reads = arguments.is_dry_run;
  options.transaction_timeout_ms = kafka.transaction_timeout_ms;
  return options;
}

/// The whole file in one transaction: all of it or nothing. It is read before a broker is asked.
int redrive_file(const RedriveArguments& arguments, const KafkaConfig& kafka, Redriver& redriver) {
  const auto bytes = read_small_file(*arguments.letters, kFileBytesMax);
  if (!bytes) {
    return complain(kWrongUse,
                    bytes.error().message + ". Letters come from a file of at most 64 MiB: split a larger one");
  }
  std::vector<sink::RedriveRecord> records;
  std::size_t number = 0;
  for (std::size_t at = 0; at < bytes->size();) {
    const std::size_t end = std::min(bytes->find('\n', at), bytes->size());
    const std::string_view line = std::string_view(*bytes).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto letter = redriver.reader().read_line(line);
    if (!letter) {
      return complain(kWrongUse, fmt::format("{}:{}: no dead letter: {}. Nothing was sent; correct the line, then "
                                             "start again.",
                                             *arguments.letters, number, letter.error().message));
    }
    redriver.take(letter, records);
  }
  if (arguments.is_dry_run || records.empty()) return kDone;
  sink::KafkaRedriveOptions options = options_of(arguments, kafka);
  options.transaction_timeout_ms = std::max(options.transaction_timeout_ms, kFileTransactionMs);
  auto redrive = sink::KafkaRedrive::open(std::move(options));
  if (!redrive) return complain(kFailed, redrive.error().message);
  if (const base::Status sent = (*redrive)->send(records); !sent) return complain(kFailed, sent.error().message);
  return kDone;
}

int redrive_topic(const RedriveArguments& arguments, const KafkaConfig& kafka, Redriver& redriver) {
  sink::KafkaRedriveOptions options = options_of(arguments, kafka);
  options.letters = kafka.outputs.back();
  auto redrive = sink::KafkaRedrive::open(std::move(options));
  if (!redrive) return complain(kFailed, redrive.error().message);
  Terminal progress(2);
  for (;;) {
    const auto letters = (*redrive)->read(kBatchLetters);
    if (!letters) return complain(kFailed, letters.error().message);
    if (letters->empty()) break;
    std::vector<sink::RedriveRecord> records;
    for (const sink::RedriveLetter& each : *letters) {
      redriver.take(redriver.reader().read_value(each.value.value_or(std::string()), each.key), records);
    }
    if (!arguments.is_dry_run) {
      if (const base::Status sent = (*redrive)->send(records); !sent) return complain(kFailed, sent.error().message);
    }
    const auto read = static_cast<std::int64_t>(redriver.summary().read());
    progress.progress(fmt::format("{} dead letters read", grouped(read)));
  }
  progress.end_progress();
  return kDone;
}

int run_redrive(const RedriveArguments& arguments) {
  const auto config = load_config(arguments.config, process_environment());
  if (!config) return complain(kWrongUse, config.error().message);
  if (!config->kafka) {
    return complain(kWrongUse, fmt::format("{}: has no `kafka` section, and only Kafka's inputs can be written to. "
                                           "With files, append the corrected events to an input.",
                                           arguments.config));
  }
  const KafkaConfig& kafka = *config->kafka;
  Redriver redriver(kafka.inputs, arguments.reasons);
  const auto began = std::chrono::steady_clock::now();
  const int code =
      arguments.letters ? redrive_file(arguments, kafka, redriver) : redrive_topic(arguments, kafka, redriver);
  if (code != kDone) return code;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (arguments.is_json) {
    fmt::print("{}\n", summary_json(arguments, redriver.summary(), seconds));
  } else {
    fmt::print("{}", summary_text(arguments, arguments.letters.value_or(kafka.outputs.back()), redriver.summary()));
  }
  return kDone;
}

std::set<std::string> reason_names() {
  std::set<std::string> names;
  for (std::size_t reason = 0; reason < event::kReasonCount; ++reason) {
    names.emplace(event::reason_name(static_cast<event::Reason>(reason)));
  }
  return names;
}

}  // namespace

void add_redrive(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<RedriveArguments>();
  CLI::App* command = app.add_subcommand("redrive", "Dead letters back into the inputs that they came from");
  command->footer(
      "From the topic each letter is redriven once, also if this command is killed and run again: how far it read\n"
      "stands in Kafka, as the position of the group GROUP-redrive. That goes for letters that --reason passes over,\n"
      "too: they are not offered again, unless --from-beginning is given. A file is one transaction, all of it or\n"
      "nothing.");
  command->add_option("--config", arguments->config, "The configuration of the pipeline, as for `troth run`")
      ->required()
      ->type_name("FILE");
  CLI::Option* letters =
      command
          ->add_option("--letters", arguments->letters,
                       "Letters from this file, lines as in deadletters.ndjson, whose `raw` may have been corrected")
          ->type_name("FILE.ndjson");
  command->add_option("--reason", arguments->reasons, "Only letters refused for this reason; repeatable")
      ->check(CLI::IsMember(reason_names()));
  command
      ->add_flag("--from-beginning", arguments->from_beginning, "All letters of the topic, also those redriven before")
      ->excludes(letters);
  command->add_flag("--dry-run", arguments->is_dry_run, "Only count: nothing is sent, no position moves");
  command->add_flag("--json", arguments->is_json, "The summary as JSON");
  command->callback([arguments, &action] { action = [arguments] { return run_redrive(*arguments); }; });
}

}  // namespace troth::app
