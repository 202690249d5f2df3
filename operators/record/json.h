// Records: views in canonical JSON, as topics, snapshots and queries give them (TRUST_MODEL: outputs). Keys are written
// in byte order, which the writer asserts. Pure; the customer's task's thread.
#pragma once

#include <cstdint>
#include <string>

#include "operators/record/view.h"

namespace troth::operators {

enum class Detail : std::uint8_t {
  kFull,      // snapshot, explain: findings, explanation, alerts, intervals
  kQuery,     // all promises and clocks, without the lists above
  kStreamed,  // bounded lists: what trust.scores carries
};

inline constexpr std::size_t kStreamedListMax = 32;

[[nodiscard]] std::string score_record(const View& view, Detail detail);
[[nodiscard]] std::string promise_record(const CasePromise& promise, TimeUs t);

// What a record is compared by before it is sent again: a digest of everything in it but the fields that move by
// themselves (as_of, elapsed_s, lateness_s).

struct StreamedRecord {
  std::string text;
  std::uint64_t digest = 0;
};
/// The score record with Detail::kStreamed.
[[nodiscard]] StreamedRecord streamed_score(const View& view);
/// Of the record that promise_record() writes, its promise_id and case apart, by which it is found.
[[nodiscard]] std::uint64_t promise_digest(const CasePromise& promise, TimeUs t);

/// The life of an alert on its topic.
struct AlertEmission {
  std::string_view state;  // firing, updated, resolved, expired, retracted
  std::int64_t revision = 0;
  std::optional<TimeUs> resolved_at;  // nothing while active
  std::string_view cause;             // name of the event that led to it; empty: none
};

/// The fields of an alert, apart from its life: the same in records, snapshots and comparisons.
struct AlertFields {
  std::string alert_id;
  std::string_view rule;
  std::string case_key, object;  // empty for customer rules
  TimeUs opened_at = 0;
  std::optional<std::int64_t> severity;  // nothing once ended
  std::string_view level;
  Labels labels;
  std::vector<std::string> events;
  const KeptEvent* acted = nullptr;
};
[[nodiscard]] AlertFields fields_of(const View& view, const CaseInterval& interval);
[[nodiscard]] AlertFields fields_of(const View& view, const CustomerAlert& alert);
/// Of what alert_json() writes of it, rule and object apart, by which it is found, and of its end if it has one.
[[nodiscard]] std::uint64_t alert_digest(const View& view, const CaseInterval& interval);
[[nodiscard]] std::uint64_t alert_digest(const View& view, const CustomerAlert& alert);

[[nodiscard]] std::string alert_json(const AlertFields& fields);
[[nodiscard]] std::string alert_record(const View& view, const AlertFields& fields, const AlertEmission& emission);

}  // namespace troth::operators
