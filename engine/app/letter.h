// Dead letters read back: what of them can go into the pipeline again, and as what. Used by `troth redrive`.
// LetterReader keeps its buffers: one reader, one thread.
//
// A letter is what the engine wrote (task/dead_letter.h), as it stands on the topic or as a line {"key":K,"value":V} of
// deadletters.ndjson, in which somebody may have corrected `raw`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/decode/json_reader.h"
#include "engine/sink/kafka_redrive.h"

namespace troth::app {

struct Letter {
  std::string reason, topic;
  std::int64_t partition = 0, offset = 0;
  std::optional<std::string> key;      // of the record that was refused
  std::optional<std::string> message;  // nothing: the letter does not hold it (`erased`, `too_large`)
  bool names_event = false;            // it was read as an event: the letter has its source, id or type
};

/// What becomes of a letter.
enum class Fate : std::uint8_t {
  kRedriven,
  kPassedOver,      // another reason than those asked for
  kWithoutMessage,  // the message is not kept
  kUnknownTopic,    // it came from a topic or file that is none of the inputs
  kHeadersLost,     // the event's attributes were headers (binary mode), which a letter does not hold
  kNotALetter,      // what stands on the topic was not written by the engine
};
inline constexpr std::array<std::string_view, 6> kFateNames{"redriven",      "passed_over",  "without_message",
                                                            "unknown_topic", "headers_lost", "not_a_letter"};

class LetterReader {
 public:
  /// The value of a record of the dead-letter topic. The error says what is wrong with it, and holds nothing of it.
  [[nodiscard]] base::Result<Letter> read_value(std::string_view value, std::optional<std::string> key);
  /// A line of a file.
  [[nodiscard]] base::Result<Letter> read_line(std::string_view line);

  /// What the letter's message says of itself.
  struct About {
    bool is_event = false;                // a CloudEvent in structured mode
    bool is_object = false;               // JSON at least
    std::optional<std::string> customer;  // its subject
  };
  [[nodiscard]] About about(std::string_view message);

 private:
  decode::JsonReader reader_;
};

/// A letter's fate, and the record if it is redriven: to the topic it came from, under its customer's key or else the
/// old one.
struct Judged {
  Fate fate = Fate::kRedriven;
  sink::RedriveRecord record;
};
/// `reasons`: those asked for; none: all.
[[nodiscard]] Judged judge(LetterReader& reader, const Letter& letter, const std::vector<std::string>& inputs,
                           const std::set<std::string>& reasons);

}  // namespace troth::app
