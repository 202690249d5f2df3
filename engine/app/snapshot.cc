#include "engine/app/snapshot.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/event/event.h"
#include "operators/trust_model.h"

namespace troth::app {

base::Status write_snapshot(task::Instance& instance, event::TimeUs t, std::ostream& out) {
  // Keys are sorted in memory, records are not: a key is "tenant U+001F customer", and no id has so small a character,
  // so bytes sort as (tenant, customer) do.
  std::vector<std::string> keys;
  auto listed = instance.for_each_key([&](std::int32_t, std::string_view key, task::KeyState&) -> base::Status {
    keys.emplace_back(key);
    return base::success();
  });
  if (!listed) return listed;
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    const std::string subject = key.substr(key.find('\x1f') + 1);
    auto state = instance.find(key, subject);
    if (!state) return state.error();
    if (*state == nullptr) continue;
    operators::TrustModel::read_at(**state, t, [&](const operators::View& view) {
      out << operators::score_record(view, operators::Detail::kFull) << '\n';
    });
  }
  return base::success();
}

}  // namespace troth::app
