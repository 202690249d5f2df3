// Any bytes as what a store holds: the damage that checksums miss. It must be refused, or read as something that can be
// written and read again without change; a customer's state must also bear being settled. The first byte of an input
// chooses the form: 0 an event, 1 the record of a partition, 2 that of the instance, 3 a chunk of the outbox, 4 a
// customer (parts, each a name and its bytes as length-prefixed strings).
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/app/policy_source.h"
#include "engine/app/yaml.h"
#include "engine/event/codec.h"
#include "engine/state/memory_store.h"
#include "engine/task/keys.h"
#include "engine/task/meta.h"
#include "engine/task/outbox.h"
#include "operators/trust_model.h"
#include "tests/fuzz/fuzz.h"

namespace troth::fuzz {
namespace {

// ------------------------------------------------------------------------------------------------- events and records

void check_event(std::string_view bytes) {
  base::ByteReader in(bytes);
  const auto event = event::decode_event(in, operators::catalogue(), "t", "c");
  if (!event) return;
  base::ByteWriter first;
  event::encode_event(first, *event);
  base::ByteReader again(first.bytes());
  const auto same = event::decode_event(again, operators::catalogue(), "t", "c");
  require(same && again.at_end(), "an event that was read can be written and read");
  base::ByteWriter second;
  event::encode_event(second, *same);
  require(first.bytes() == second.bytes(), "an event is written the same again");
  require(event::canonical_order(*event, *same) == 0, "an event keeps its place");
}

template <typename Decode>
void check_meta(std::string_view bytes, const Decode& decode) {
  const auto meta = decode(bytes);
  if (!meta) return require_readable(meta.error().message);
  const std::string first = encode_meta(*meta);
  const auto same = decode(std::string_view(first));
  require(same.ok(), "a record that was read can be written and read");
  require(encode_meta(*same) == first, "a record is written the same again");
}

base::Result<std::vector<task::Outgoing>> read_outbox(const task::Batch& batch) {
  state::MemoryStore store;
  require(store.commit(batch).ok(), "memory takes everything");
  auto outbox = task::Outbox::load(store, 0);
  require(outbox.ok(), "memory can be read");
  return outbox->read_records(store);
}

void check_outbox(std::string_view bytes) {
  task::Batch stored;
  stored.put(task::keys::outbox_chunk(0, 0), std::string(bytes));
  const auto found = read_outbox(stored);
  if (!found) return require_readable(found.error().message);
  task::Batch written;
  state::MemoryStore none;
  auto outbox = task::Outbox::load(none, 0);
  require(outbox.ok(), "memory can be read");
  outbox->write(written, *found, nullptr);
  const auto again = read_outbox(written);
  require(again.ok(), "what was read can be written and read");
  require(again->size() == found->size(), "as many records");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const task::Outgoing& a = (*found)[i];
    const task::Outgoing& b = (*again)[i];
    require(a.stream == b.stream && a.key == b.key && a.value == b.value, "the same record");
  }
}

// ----------------------------------------------------------------------------------------------------------- customers

class PartMap final : public task::PartWriter, public task::Parts {
 public:
  void put(std::string_view name, std::string_view bytes) override { parts[std::string(name)] = bytes; }
  void remove(std::string_view name) override { parts.erase(std::string(name)); }
  void for_each(const std::function<void(std::string_view, std::string_view)>& each) const override {
    for (const auto& [name, bytes] : parts) each(name, bytes);
  }
  std::map<std::string, std::string> parts;
};

const operators::TrustModel& model() {
  static const operators::TrustModel one = [] {
    auto loaded = app::load_policy(std::nullopt, std::nullopt);
    require(loaded.ok(), "the built-in policy is one");
    return operators::TrustModel(loaded->policy, "secret");
  }();
  return one;
}

/// All parts of the state, whether or not they changed.
PartMap written(operators::TrustState& state) {
  PartMap out;
  for (const auto& [key, bucket] : state.customer.buckets()) state.changed_parts.insert(key);
  for (const auto& [id, alert] : state.sent.alerts) state.changed_parts.insert(alert.home);
  for (const auto& [key, promises] : state.sent.promises) state.changed_parts.insert(key);
  model().encode(state, out);
  base::ByteWriter lives;
  state.customer.encode_lives(lives);
  if (!lives.bytes().empty()) out.parts["l"] = lives.bytes();
  return out;
}

operators::TrustState& trust_state(task::KeyState& state) { return static_cast<operators::TrustState&>(state); }

void check_customer(std::string_view bytes) {
  PartMap stored;
  base::ByteReader in(bytes);
  while (in.ok() && !in.at_end() && stored.parts.size() < 64) {
    const std::string name(in.string());
    stored.parts[name] = in.string();
  }
  const std::string key = operators::TrustModel::key("default", "c1");
  auto state = model().decode(key, stored);
  if (!state) return require_readable(state.error().message);
  const PartMap first = written(trust_state(**state));
  auto same = model().decode(key, first);
  require(same.ok(), "a customer that was read can be written and read");
  require(written(trust_state(**same)).parts == first.parts, "a customer is written the same again");

  task::Effects effects;
  const event::TimeUs tau = std::max<event::TimeUs>(0, trust_state(**state).customer.last_event());
  model().settle(**state, tau, effects);
  const PartMap settled = written(trust_state(**state));
  require(model().decode(key, settled).ok(), "a customer that was settled can be written and read");
}

void check(std::string_view input) {
  if (input.empty()) return;
  const auto form = static_cast<unsigned char>(input.front());
  const std::string_view bytes = input.substr(1);
  switch (form) {
    case 0: return check_event(bytes);
    case 1: return check_meta(bytes, task::decode_task_meta);
    case 2: return check_meta(bytes, task::decode_instance_meta);
    case 3: return check_outbox(bytes);
    case 4: return check_customer(bytes);
    default: return;
  }
}

}  // namespace
}  // namespace troth::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troth::fuzz::check(troth::fuzz::view(data, size));
  return 0;
}
