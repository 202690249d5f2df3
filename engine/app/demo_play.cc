#include "engine/app/demo_play.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/app/decode_record.h"
#include "engine/app/state_reader.h"
#include "engine/sink/file_sink.h"
#include "operators/record/json.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;
using event::TimeUs;

constexpr const char* kInput = "shop";

}  // namespace

base::Result<std::unique_ptr<DemoPlay>> DemoPlay::open(const ShopOptions& options, LoadedPolicy policy,
                                                       const std::optional<std::string>& state, bool watches) {
  std::unique_ptr<DemoPlay> play(new DemoPlay(options, std::move(policy), watches));
  if (const Status opened = play->open_state(state); !opened) return opened.error();
  if (const Status resumed = play->resume(); !resumed) return resumed.error();
  // Last: a state that turned out to be another's keeps its own policy.
  if (const Status kept = keep_policy(*play->directory_, play->policy_); !kept) return kept.error();
  return play;
}

DemoPlay::DemoPlay(const ShopOptions& options, LoadedPolicy policy, bool watches)
    : options_(options),
      policy_(std::move(policy)),
      watches_(watches),
      model_(policy_.policy, std::string{}),
      decoder_(model_.catalogue()),
      events_(simulate_shop(options)) {}

DemoPlay::~DemoPlay() = default;

Status DemoPlay::open_state(const std::optional<std::string>& state) {
  auto directory = state ? state::StateDirectory::open(*state, state::StateDirectory::Mode::kCreate)
                         : state::StateDirectory::temporary();
  if (!directory) return directory.error();
  directory_ = std::move(*directory);
  auto store = state::RocksStore::open(*directory_);
  if (!store) return store.error();
  store_ = std::move(*store);
  sink_ = std::make_unique<sink::NullSink>(model_.streams());
  task::InstanceOptions instance_options;
  instance_options.inputs = {kInput};
  auto instance = task::Instance::open(model_, *store_, *sink_, instance_options);
  if (!instance) return instance.error();
  instance_ = std::move(*instance);
  return base::success();
}

std::string DemoPlay::position() const {
  return fmt::format("demo customers={} days={} seed={} events={}", options_.customers, options_.days, options_.seed,
                     next_);
}

/// Goes on behind the last committed day of the same shop.
Status DemoPlay::resume() {
  const std::string committed = instance_->source_position();
  if (committed.empty()) return base::success();
  const std::string same_shop = position().substr(0, position().rfind('=') + 1);
  const char* end = committed.data() + committed.size();
  std::size_t events = 0;
  if (!committed.starts_with(same_shop) ||
      std::from_chars(committed.data() + same_shop.size(), end, events).ptr != end || events > events_.size()) {
    return Error{
        fmt::format("{}: this state was computed from other events; give the demo a directory of its own, or the "
                    "options it was begun with",
                    directory_->path())};
  }
  next_ = first_ = events;
  const TimeUs reached = instance_->greatest_tau();
  day_ = static_cast<int>(std::clamp<std::int64_t>((reached - options_.start) / event::kDay, 0, options_.days));
  DemoDay before;
  before.end = reached;
  return watches_ ? look(before) : base::success();
}

base::Result<DemoDay> DemoPlay::play_day() {
  DemoDay day;
  day.begin = now();
  day.number = ++day_;
  day.end = now();
  const std::size_t before = next_;
  for (; next_ < events_.size() && events_[next_].time < day.end; ++next_) {
    task::Record record;
    record.origin.offset = static_cast<std::int64_t>(next_);
    record.key = events_[next_].customer;
    record.value = events_[next_].json;
    if (const Status offered = instance_->offer(decode_record(decoder_, std::move(record))); !offered)
      return offered.error();
  }
  if (const Status committed = instance_->commit(position()); !committed) return committed.error();
  // Night falls also where nothing happened: what came due today is settled, as a live engine's clock would have it.
  if (const Status advanced = instance_->advance_to(day.end); !advanced) return advanced.error();
  day.events = next_ - before;
  day.events_all = next_;
  if (watches_) {
    if (const Status looked = look(day); !looked) return looked.error();
  }
  return day;
}

Status DemoPlay::look(DemoDay& day) {
  const Status walked = instance_->for_each_key([&](std::int32_t, std::string_view, task::KeyState& state) -> Status {
    operators::TrustModel::read_at(state, day.end, [&](const operators::View& view) { look_at(view, day); });
    return base::success();
  });
  std::sort(day.changes.begin(), day.changes.end(), [](const AlertChange& a, const AlertChange& b) {
    return std::tie(a.what, b.severity, a.score, a.customer, a.rule) <
           std::tie(b.what, a.severity, b.score, b.customer, b.rule);
  });
  return walked;
}

void DemoPlay::look_at(const operators::View& view, DemoDay& day) {
  Seen now;
  now.score = view.score.score;
  ++day.tiers[static_cast<std::size_t>(view.score.tier)];
  const auto add = [&](const operators::AlertFields& fields) {
    now.alerts.emplace(AlertKey{fields.rule, fields.object, fields.opened_at},
                       SeenAlert{*fields.severity, fields.level, fields.case_key});
  };
  const auto intervals = view.intervals();
  for (const operators::CaseInterval& each : intervals) {
    if (each.is_active(view.t)) add(operators::fields_of(view, each));
  }
  for (const operators::CustomerAlert& each : view.customer_alerts) add(operators::fields_of(view, each));
  day.firing += static_cast<std::int64_t>(now.alerts.size());

  const auto [place, is_new] = seen_.try_emplace(view.customer->id());
  const Seen& before = place->second;
  const std::int64_t moved = is_new ? 0 : now.score - before.score;
  const auto change = [&](AlertChange::What what, const AlertKey& key, const SeenAlert& alert) {
    day.changes.push_back(
        {what, alert.severity, alert.level, std::get<0>(key), view.customer->id(), alert.case_key, now.score, moved});
  };
  // A customer rule has no start of its own: it goes on when its latest reason changes.
  const auto goes_on = [](const std::map<AlertKey, SeenAlert>& alerts, const AlertKey& key) {
    if (!std::get<1>(key).empty()) return alerts.contains(key);
    const auto same = alerts.lower_bound(AlertKey{std::get<0>(key), std::string{}, 0});
    return same != alerts.end() && std::get<0>(same->first) == std::get<0>(key);
  };
  for (const auto& [key, alert] : now.alerts) {
    if (!goes_on(before.alerts, key)) change(AlertChange::What::kFired, key, alert);
  }
  for (const auto& [key, alert] : before.alerts) {
    if (goes_on(now.alerts, key)) continue;
    const bool has_been =
        std::get<1>(key).empty() ||
        std::any_of(intervals.begin(), intervals.end(), [&key = key](const operators::CaseInterval& each) {
          return AlertKey{name_of(each.interval->rule), each.interval->object.str(), each.interval->start} == key;
        });
    change(has_been ? AlertChange::What::kResolved : AlertChange::What::kRetracted, key, alert);
  }
  place->second = std::move(now);
}

Summary DemoPlay::summary() const {
  Summary summary;
  summary.tally = instance_->tally();
  summary.policy_hash = policy_.policy->hash();
  summary.as_of = now();
  summary.events_now = next_ - first_;
  return summary;
}

}  // namespace troth::app
