// What is compared of records that two runs over the same facts have sent: the simulator's and the model's histories share it.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace troth::test {

/// Takes every `"name":value,` out, whose value is a number, a text or null.
inline void cut(std::string& record, std::string_view name) {
  const std::string begin = '"' + std::string(name) + "\":";
  for (std::size_t at = record.find(begin); at != std::string::npos; at = record.find(begin, at)) {
    std::size_t end = at + begin.size();
    end = record[end] == '"' ? record.find('"', end + 1) + 1 : record.find_first_of(",}", end);
    if (record[end] == ',') ++end;
    record.erase(at, end - at);
  }
}

/// A record less what may differ (INTERFACE; TRUST_MODEL 10.4, 11.5): revision, cause and the time it was said at; the lateness
/// of a promise without outcome, which is as old as the record; and an alert that is `updated` is firing.
[[nodiscard]] inline std::string essence(std::string record) {
  for (const std::string_view name : {"revision", "cause", "as_of", "lateness_s", "elapsed_s"}) cut(record, name);
  constexpr std::string_view kUpdated = "\"state\":\"updated\"";
  if (const std::size_t at = record.find(kUpdated); at != std::string::npos) record.replace(at, kUpdated.size(), "\"state\":\"firing\"");
  return record;
}

}  // namespace troth::test
