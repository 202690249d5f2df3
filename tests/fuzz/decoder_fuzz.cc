// Any bytes as a record. The verdict on JSON is held against a second, strict parser (RapidJSON) and against the rules
// that the trust model adds to JSON, counted here on its own: a key twice, 64 levels, one object. What is accepted must
// come back the same from its stored form and from its canonical JSON.
// An input that begins with "ce_" is a record in binary mode: lines `name: value`, an empty line, the value.
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/decode/decoder.h"
#include "engine/event/codec.h"
#include "operators/catalogue/catalogue.h"
#include "tests/fuzz/fuzz.h"

namespace troth::fuzz {
namespace {

using event::Event;
using event::Reason;

/// Notes what JSON allows and the trust model does not.
class Rules : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Rules> {
 public:
  bool Default() { return scalar(); }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    judge(text, size);
    return scalar();
  }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return scalar(); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    judge(text, size);
    has_broken_rule_ |= !keys_.back().emplace(text, size).second;
    return true;
  }
  bool StartObject() { return open(true); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(false); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  [[nodiscard]] bool is_allowed() const { return is_object_ && !has_broken_rule_; }

 private:
  bool scalar() {
    if (keys_.empty()) is_object_ = false;
    return true;
  }
  bool open(bool is_object) {
    if (keys_.empty()) is_object_ = is_object;
    keys_.emplace_back();
    has_broken_rule_ |= keys_.size() > static_cast<std::size_t>(base::limits::kJsonDepth);
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  /// RapidJSON 1.1 takes an unpaired low surrogate and writes it as three bytes, ED and A0 or above.
  void judge(const char* text, rapidjson::SizeType size) {
    for (rapidjson::SizeType i = 0; i + 1 < size; ++i) {
      has_broken_rule_ |= static_cast<unsigned char>(text[i]) == 0xED && static_cast<unsigned char>(text[i + 1]) >= 0xA0;
    }
  }

  std::vector<std::set<std::string>> keys_;  // of what is open
  bool is_object_ = false;
  bool has_broken_rule_ = false;
};

/// Whether the text is an object that the trust model can judge further. Nothing: RapidJSON cannot tell, because it
/// gives up on numbers beyond a double, which JSON allows.
std::optional<bool> second_opinion(std::string_view text) {
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Rules rules;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, rules);
  if (result.Code() == rapidjson::kParseErrorNumberTooBig) return std::nullopt;
  // A byte 0 looks like the end to RapidJSON.
  return !result.IsError() && stream.Tell() == text.size() && rules.is_allowed();
}

void require_equal(const Event& a, const Event& b) {
  require(a.spec == b.spec && a.time == b.time && a.tenant == b.tenant && a.subject == b.subject, "the same event");
  require(a.source == b.source && a.id == b.id && a.fields == b.fields && a.labels == b.labels, "the same content");
  require(event::canonical_order(a, b) == 0, "the same place in canonical order");
}

void check_accepted(const Event& event) {
  base::ByteWriter stored;
  event::encode_event(stored, event);
  base::ByteReader in(stored.bytes());
  const auto loaded = event::decode_event(in, operators::catalogue(), event.tenant, event.subject);
  require(loaded && in.at_end(), "the stored form of an accepted event can be read");
  require_equal(event, *loaded);

  const std::string json = event::structured_json(event);
  if (json.size() > base::limits::kMessageBytes) return;  // it grew: the tenant was not written out, or escapes
  decode::Decoder decoder(operators::catalogue());
  const decode::Decoded again = decoder.structured(json);
  require(again.event.has_value(), "the canonical JSON of an accepted event is accepted");
  require_equal(event, *again.event);
  require(event::structured_json(*again.event) == json, "canonical JSON is canonical");
}

decode::Decoded decode_binary(decode::Decoder& decoder, std::string_view text) {
  std::vector<std::pair<std::string, std::string>> headers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) headers.emplace_back(line, "");
    else headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return decoder.binary(headers, text);
}

void check(std::string_view text) {
  static decode::Decoder decoder(operators::catalogue());  // reused, as in production: it must not remember
  const bool is_binary = text.starts_with("ce_");
  const decode::Decoded decoded = is_binary ? decode_binary(decoder, text) : decoder.structured(text);
  require(decoded.event.has_value() != decoded.rejection.has_value(), "an event or a rejection");
  if (decoded.rejection) {
    const Reason reason = decoded.rejection->reason;
    require(reason <= Reason::kBadValue, "a reason that one record alone can have");
    require(reason != Reason::kTooLarge || text.size() > base::limits::kMessageBytes, "too large is large");
  } else {
    require(decoded.merge_time == decoded.event->time, "an event merges by its time");
    check_accepted(*decoded.event);
  }
  if (is_binary || text.size() > base::limits::kMessageBytes) return;

  const bool is_refused_as_text =
      decoded.rejection && decoded.rejection->reason == Reason::kMalformed && decoded.rejection->field.empty();
  const auto is_good = second_opinion(text);
  if (is_good) require(*is_good != is_refused_as_text, "both JSON parsers agree");
}

}  // namespace
}  // namespace troth::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troth::fuzz::check(troth::fuzz::view(data, size));
  return 0;
}
