// Messages to try the decoder with: the examples beside the schemas, and the golden scenarios.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace troth::decode {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The JSON files of a folder, by name.
inline std::vector<std::filesystem::path> json_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline std::filesystem::path examples(const char* kind) {
  return std::filesystem::path(TROTH_SOURCE_DIR) / "schemas/examples/events" / kind;
}

inline std::vector<std::string> valid_messages() {
  std::vector<std::string> messages;
  for (const auto& path : json_files(examples("valid"))) messages.push_back(read_file(path));
  return messages;
}

/// Where the golden scenarios are; empty if they are nowhere.
inline std::filesystem::path golden_folder() {
  const char* const given = std::getenv("TROTH_VECTORS");
  const std::filesystem::path folder = given != nullptr ? given : std::string(TROTH_SOURCE_DIR) + "/tests/golden";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

inline std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6U | static_cast<std::uint32_t>(kAlphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU);
  }
  return bytes;
}

/// A message of a golden scenario: a string is the message itself, anything else as it stands there.
inline std::string message_of(simdjson::ondemand::value element) {
  if (element.type() == simdjson::ondemand::json_type::string)
    return std::string(std::string_view(element.get_string()));
  if (element.type() == simdjson::ondemand::json_type::object) {
    return std::string(std::string_view(element.get_object().value().raw_json()));
  }
  return std::string(std::string_view(element.raw_json_token()));
}

/// An example of what is refused, and why.
struct InvalidExample {
  std::string reason;
  std::string field;  // empty: none
  std::string message;
};

inline InvalidExample invalid_example(const std::filesystem::path& path) {
  const simdjson::padded_string text(read_file(path));
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document = parser.iterate(text);
  InvalidExample example;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "reason") example.reason = std::string_view(member.value().get_string());
    else if (key == "field") example.field = std::string_view(member.value().get_string());
    else if (key == "raw_base64") example.message = base64_decoded(std::string_view(member.value().get_string()));
    else if (key == "raw" || key == "event") example.message = message_of(member.value());
  }
  return example;
}

}  // namespace troth::decode
