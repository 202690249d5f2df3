#include "operators/trust_state.h"

#include <algorithm>
#include <span>

#include "engine/base/assert.h"
#include "engine/base/planted.h"
#include "operators/customer/stored.h"

namespace troth::operators {
namespace {

// Names of parts: the head has none; lives and the events of each case key stand apart, so that a customer with a
// thousand open orders is not rewritten for each of them.
constexpr std::uint8_t kFormat = 1;
constexpr std::string_view kLivesPart = "l";
constexpr char kCasePart = 'c';
constexpr std::size_t kUsualPartBytes = 2'048;

void write_names(base::ByteWriter& out, const std::vector<std::string>& names) {
  out.varint(names.size());
  for (const std::string& name : names) out.string(name);
}

std::vector<std::string> read_names(base::ByteReader& in) {
  std::vector<std::string> names(in.count());
  for (std::string& name : names) name = in.string();
  return names;
}

void write_head(base::ByteWriter& out, const TrustState& state) {
  out.u8(kFormat);
  state.customer.encode_head(out);
  out.boolean(state.is_counted);
  out.be64(state.sent.score_digest);
  out.u8(static_cast<std::uint8_t>(state.sent.tier + 1));
  out.zigzag(state.sent.kept);
  out.zigzag(state.sent.broken);
  out.varint(state.sent.losses.size());
  for (const auto& [kind, amount] : state.sent.losses) {
    out.u8(static_cast<std::uint8_t>(kind));
    out.zigzag(amount);
  }
  for (const SentCustomerAlert& alert : state.sent.customer_alerts.all()) {
    out.zigzag(alert.revision);
    if (alert.revision == 0) continue;
    out.boolean(alert.is_active);
    out.zigzag(alert.since);
    out.be64(alert.digest);
    out.u8(alert.level);
    write_names(out, alert.events);
  }
  out.zigzag(state.earliest_arrival);
  out.string(state.last_arrival);
}

bool read_head(base::ByteReader& in, TrustState& state) {
  if (in.u8() != kFormat || !state.customer.decode_head(in)) return false;
  state.is_counted = in.boolean();
  state.sent.score_digest = in.be64();
  const std::uint8_t tier = in.u8();
  if (tier > static_cast<std::uint8_t>(Tier::kDevoted) + 1) return false;
  state.sent.tier = static_cast<std::int8_t>(tier - 1);
  state.sent.kept = in.zigzag();
  state.sent.broken = in.zigzag();
  if (!stored::is_count(state.sent.kept) || !stored::is_count(state.sent.broken)) return false;
  const std::size_t losses = in.count();
  for (std::size_t i = 0; i < losses; ++i) {
    const std::uint8_t kind = in.u8();
    if (kind >= kFindingKinds) return false;
    const std::int64_t amount = in.zigzag();
    if (!stored::is_amount(amount)) return false;
    const bool is_next = state.sent.losses.empty() || state.sent.losses.back().first < static_cast<Kind>(kind);
    if (!is_next) return false;
    state.sent.losses.emplace_back(static_cast<Kind>(kind), amount);
  }
  for (std::size_t rule = 0; rule < kCustomerRules; ++rule) {
    const std::int64_t revision = in.zigzag();
    if (!stored::is_count(revision)) return false;
    if (revision == 0) continue;
    SentCustomerAlert& alert = state.sent.customer_alerts.at(rule);
    alert.revision = revision;
    alert.is_active = in.boolean();
    alert.since = in.zigzag();
    if (!stored::is_time(alert.since)) return false;
    alert.digest = in.be64();
    alert.level = in.u8();
    if (alert.level > kNoLevel) return false;
    alert.events = read_names(in);
  }
  state.earliest_arrival = in.zigzag();
  if (state.earliest_arrival != kNever && !stored::is_time(state.earliest_arrival)) return false;
  state.last_arrival = in.string();
  return in.ok() && in.at_end();
}

void write_alert(base::ByteWriter& out, CaseRule rule, const std::string& object, const SentAlert& alert) {
  out.u8(static_cast<std::uint8_t>(rule));
  out.string(object);
  out.zigzag(alert.revision);
  out.varint(alert.intervals.size());
  for (const SentInterval& interval : alert.intervals) {
    out.string(interval.home == alert.home ? std::string_view{} : std::string_view(interval.home));
    out.zigzag(interval.start);
    out.u8(static_cast<std::uint8_t>(interval.state));
    out.be64(interval.digest);
    out.u8(interval.level);
    write_names(out, interval.events);
  }
}

bool read_alert(base::ByteReader& in, const std::string& home, Sent& sent) {
  const std::uint8_t rule = in.u8();
  std::string object(in.string());
  if (rule >= kCaseRules || !stored::is_object(object)) return false;
  SentAlert alert;
  alert.home = home;
  alert.revision = in.zigzag();
  if (TROTH_PLANTED(revision_not_stored)) alert.revision = 0;
  if (!stored::is_count(alert.revision)) return false;
  alert.intervals.resize(in.count());
  for (SentInterval& interval : alert.intervals) {
    const std::string_view elsewhere = in.string();
    interval.home = elsewhere.empty() ? home : std::string(elsewhere);
    if (!stored::is_object(interval.home)) return false;
    interval.start = in.zigzag();
    if (!stored::is_time(interval.start)) return false;
    const std::uint8_t state = in.u8();
    if (state >= kSentStates) return false;
    interval.state = static_cast<SentState>(state);
    interval.digest = in.be64();
    interval.level = in.u8();
    if (interval.level > kNoLevel) return false;
    interval.events = read_names(in);
  }
  return in.ok() &&
         sent.alerts.emplace(std::pair(static_cast<CaseRule>(rule), std::move(object)), std::move(alert)).second;
}

/// An alert and where it is stored.
struct StoredAlert {
  const AlertKey* key;
  const SentAlert* alert;
};

/// The alerts that stand in parts to be written, by part, then in their order.
std::vector<StoredAlert> alerts_to_store(const TrustState& state) {
  std::vector<StoredAlert> alerts;
  for (const auto& [key, alert] : state.sent.alerts) {
    if (state.changed_parts.contains(alert.home)) alerts.push_back({&key, &alert});
  }
  std::stable_sort(alerts.begin(), alerts.end(), [](const StoredAlert& a, const StoredAlert& b) {
    return a.alert->home < b.alert->home;
  });
  return alerts;
}

/// Events of a case key and what was sent about them; empty if neither is left. `alerts`: those that stand there.
void write_case_part(base::ByteWriter& out, const TrustState& state, const Bucket* bucket, const std::string& key,
                     std::span<const StoredAlert> alerts) {
  const auto promises = state.sent.promises.find(key);
  if (bucket == nullptr && alerts.empty() && promises == state.sent.promises.end()) return;
  if (bucket != nullptr) {
    state.customer.encode_events(out, *bucket);
  } else {
    out.varint(0);
  }
  out.varint(alerts.size());
  for (const StoredAlert& each : alerts) write_alert(out, each.key->first, each.key->second, *each.alert);
  if (promises == state.sent.promises.end()) {
    out.varint(0);
  } else {
    out.varint(promises->second.size());
    for (const auto& [promise_id, digest] : promises->second) {
      out.string(promise_id);
      out.be64(digest);
    }
  }
}

bool read_case_part(base::ByteReader& in, const std::string& key, TrustState& state) {
  if (!state.customer.decode_events(in)) return false;
  const std::size_t alerts = in.count();
  for (std::size_t i = 0; i < alerts; ++i) {
    if (!read_alert(in, key, state.sent)) return false;
  }
  const std::size_t promises = in.count();
  for (std::size_t i = 0; i < promises; ++i) {
    std::string promise_id(in.string());
    state.sent.promises[key].emplace(std::move(promise_id), in.be64());
  }
  return in.ok() && in.at_end();
}

}  // namespace

void encode_state(TrustState& state, task::PartWriter& out) {
  const auto put = [&](std::string_view name, std::string_view bytes) {
    const auto stored = state.stored_parts.find(name);
    const bool is_stored = stored != state.stored_parts.end();
    if (!bytes.empty()) {
      out.put(name, bytes);
      if (!is_stored) state.stored_parts.emplace(name);
    } else if (is_stored) {
      state.stored_parts.erase(stored);
      out.remove(name);
    }
  };
  base::ByteWriter part;
  part.reserve(kUsualPartBytes);
  write_head(part, state);
  out.put({}, part.bytes());
  const auto put_lives = [&] {  // behind the cases, so that parts come in order
    if (!state.customer.take_lives_change()) return;
    part.clear();
    state.customer.encode_lives(part);
    put(kLivesPart, part.bytes());
  };
  for (const auto& [key, bucket] : state.customer.buckets()) {
    if (std::exchange(bucket->is_changed, false)) state.changed_parts.insert(key);
  }
  for (std::string& key : state.customer.take_vanished()) state.changed_parts.insert(std::move(key));
  if (state.changed_parts.empty()) return put_lives();
  const std::vector<StoredAlert> alerts = alerts_to_store(state);
  auto begin = alerts.begin();
  std::string name;
  for (const std::string& key : state.changed_parts) {  // in order, as the alerts are
    const auto is_elsewhere = [&](const StoredAlert& each) { return each.alert->home != key; };
    const auto end = std::find_if(begin, alerts.end(), is_elsewhere);
    part.clear();
    write_case_part(part, state, state.customer.bucket(key), key, {begin, end});
    name.assign(1, kCasePart).append(key);
    put(name, part.bytes());
    begin = end;
  }
  TROTH_ASSERT(begin == alerts.end());
  state.changed_parts.clear();
  put_lives();
}

bool decode_state(TrustState& state, const task::Parts& parts) {
  bool ok = true;
  bool has_head = false;
  parts.for_each([&](std::string_view name, std::string_view bytes) {
    if (!ok) return;
    base::ByteReader in(bytes);
    if (name.empty()) {
      has_head = true;
      ok = read_head(in, state);
      return;
    }
    state.stored_parts.emplace(name);
    if (name == kLivesPart) {
      ok = state.customer.decode_lives(in) && in.at_end();
    } else {
      ok = name[0] == kCasePart && stored::is_object(name.substr(1)) && read_case_part(in, std::string(name.substr(1)), state);
    }
  });
  if (!ok || !has_head) return false;
  state.customer.finish_decoding();
  return true;
}

}  // namespace troth::operators
