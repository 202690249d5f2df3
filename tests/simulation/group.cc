#include "tests/simulation/group.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "operators/trust_model.h"
#include "tests/simulation/broker.h"

namespace troth::simulation {
namespace {

using operators::TrustModel;

struct Reading {
  std::size_t next = 0;
  bool is_at_end = false;
};

/// A machine of the group, and the process on it.
struct Member {
  Machine machine;
  Machine::Stored copy;  // of its disk, at some time
  Membership membership;
  std::unique_ptr<SimulatedStore> store;
  std::unique_ptr<SimulatedTransactions> transactions;
  std::unique_ptr<task::Instance> instance;      // null: the process is down
  std::vector<std::vector<Reading>> readings;    // by partition, input; none: not assigned
  int stopped_for = 0;                           // turns
  bool is_expelled = false;                      // the group has given its partitions away

  [[nodiscard]] bool is_up() const { return instance != nullptr; }
};

class Group {
 public:
  Group(const Schedule& schedule, World& world) : schedule_(schedule), world_(world) {
    members_.resize(static_cast<std::size_t>(std::max<std::int64_t>(world.dice.between(0, 3), 1)));
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i].membership.machine = static_cast<int>(i);
    broker_.partitions.resize(static_cast<std::size_t>(schedule.partitions));
    model_ = std::make_unique<TrustModel>(schedule.policy, "secret");
    wall_ = schedule.begin;
    commits_percent_ = world.dice.between(5, 60);
    spread();
  }

  Result run() {
    for (int turn = 0; turn < kTurnsMax && !result_.violation; ++turn) {
      if (result_.lives >= kTroubledLives * members_.size()) world_.calm();
      if (result_.lives > kLivesMax * members_.size()) return wrong("the end was not reached in that many lives");
      befall();
      Member& member = members_[static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(members_.size())))];
      if (auto violation = broker_.violation) return wrong(*violation);
      if (!step(member)) continue;
      if (!is_through()) {
        // A step is short against the lateness: what is up to date reads what appeared before it is late.
        if (has_everybody_read() || world_.dice.percent(20)) move_wall();
        continue;
      }
      if (schedule_.later_policy && !result_.is_under_later_policy) {
        change_policy();  // at the latest when all is read: then nothing else would settle a key
        continue;
      }
      return finish();
    }
    if (!result_.violation) return wrong("no progress: not through after " + std::to_string(kTurnsMax) + " turns");
    return std::move(result_);
  }

 private:
  Result wrong(std::string what) {
    result_.violation = std::move(what);
    return std::move(result_);
  }

  // ------------------------------------------------------------------------------------------------ what befalls them

  void befall() {
    if (world_.is_calm()) return;
    if (world_.dice.permille(15)) {
      mark(Mark::kCompaction);
      broker_.compact(static_cast<std::size_t>(world_.dice.below(schedule_.partitions)));
    }
    if (world_.dice.permille(10)) rebalance();
    if (world_.dice.permille(10)) stop_somebody();
    if (world_.dice.permille(150)) expel_somebody();
    if (world_.dice.permille(10)) {
      Member& member = members_[static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(members_.size())))];
      member.copy = member.machine.stored;
    }
    if (schedule_.later_policy && !result_.is_under_later_policy && world_.dice.permille(4)) change_policy();
  }

  void change_policy() {
    result_.is_under_later_policy = true;
    mark(Mark::kPolicyChange);
    world_.tell("policy changes");
    for (Member& member : members_) down(member);
    model_ = std::make_unique<TrustModel>(schedule_.later_policy, "secret");
  }

  void stop_somebody() {
    Member& member = members_[static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(members_.size())))];
    if (!member.is_up() || member.stopped_for > 0) return;
    member.stopped_for = static_cast<int>(world_.dice.between(1, 4));
    mark(Mark::kStopped);
    world_.tell("machine " + std::to_string(member.membership.machine) + " stops");
  }

  /// A member that is down or stopped is thrown out after its session time; the others share what it had.
  void expel_somebody() {
    for (Member& member : members_) {
      const bool is_silent = !member.is_up() || member.stopped_for > 0;
      if (!is_silent || member.is_expelled || !has_another(member)) continue;
      member.is_expelled = true;
      mark(Mark::kExpelled);
      world_.tell("machine " + std::to_string(member.membership.machine) + " is expelled");
      rebalance();
      return;
    }
  }

  [[nodiscard]] bool has_another(const Member& member) const {
    return std::any_of(members_.begin(), members_.end(), [&](const Member& each) {
      return &each != &member && each.is_up() && each.stopped_for == 0 && !each.is_expelled;
    });
  }

  // --------------------------------------------------------------------------------------------------------- the group

  /// Everybody who answers hands over in good order, or learns too late; then the partitions are given out anew.
  void rebalance() {
    for (Member& member : members_) {
      if (!member.is_up() || member.stopped_for > 0) continue;
      const bool is_lost = world_.dice.percent(20);
      mark(is_lost ? Mark::kLoss : Mark::kHandover);
      if (auto status = give_up(member, is_lost); !status) down(member, status);
    }
    spread();
    for (Member& member : members_) {
      if (member.is_up() && member.stopped_for == 0) join(member);
    }
  }

  /// A new generation; the partitions go to the members that are not expelled, in an order of chance.
  void spread() {
    ++broker_.generation;
    std::vector<int> owners;
    for (const Member& member : members_) {
      if (!member.is_expelled) owners.push_back(member.membership.machine);
    }
    for (Broker::Partition& partition : broker_.partitions) {
      partition.owner = owners.empty() ? kNobody : owners[static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(owners.size())))];
    }
    world_.tell("generation " + std::to_string(broker_.generation));
  }

  base::Status give_up(Member& member, bool is_lost) {
    for (std::size_t partition = 0; partition < member.readings.size(); ++partition) {
      if (member.readings[partition].empty()) continue;
      if (!is_lost && member.instance->has_uncommitted()) {
        if (auto status = member.instance->commit(""); !status) return status;
      }
      if (auto status = member.instance->revoke(static_cast<std::int32_t>(partition), is_lost); !status) return status;
      member.readings[partition].clear();
    }
    return base::success();
  }

  void join(Member& member) {
    member.membership.generation = broker_.generation;
    for (std::size_t partition = 0; partition < broker_.partitions.size(); ++partition) {
      if (broker_.partitions[partition].owner != member.membership.machine) continue;
      if (auto status = assign(member, partition); !status) return down(member, status);
    }
  }

  base::Status assign(Member& member, std::size_t partition) {
    auto offsets = member.instance->assign(static_cast<std::int32_t>(partition));
    if (!offsets) return offsets.error();
    const task::Recovery how = member.instance->recoveries().at(static_cast<std::int32_t>(partition)).how;
    world_.tell("machine " + std::to_string(member.membership.machine) + " takes partition " + std::to_string(partition) + ": " +
                std::string(task::recovery_name(how)));
    constexpr Mark kMarks[] = {Mark::kRecoveredNew, Mark::kRecoveredGoOn, Mark::kRecoveredSendAgain, Mark::kRecoveredCatchUp, Mark::kRecoveredRebuild};
    mark(kMarks[static_cast<std::size_t>(how)]);
    for (std::size_t input = 0; input < schedule_.inputs.size(); ++input) {
      auto next = static_cast<std::size_t>(std::max<std::int64_t>((*offsets)[input], 0));
      if (next > 0 && world_.dice.percent(10) && !world_.is_calm()) {
        next -= static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(std::min<std::size_t>(next, 5)) + 1));
        mark(Mark::kRedelivery);
      }
      member.readings[partition].push_back({next, false});
    }
    return base::success();
  }

  // ----------------------------------------------------------------------------------------------------- one machine

  /// The process ends here: without a commit, that is what a crash does.
  void down(Member& member) {
    member.instance.reset();
    member.readings.assign(broker_.partitions.size(), {});
    member.stopped_for = 0;
  }
  void down(Member& member, const base::Status& why) {
    if (!why.error().message.starts_with(kMadeUp) && !result_.violation) {
      result_.violation = "an error that nobody made up: " + why.error().message;
    }
    down(member);
  }

  void start(Member& member) {
    ++result_.lives;
    if (result_.lives > members_.size() && world_.dice.percent(20)) move_wall();
    suffer(member);
    member.machine.begin_life();
    world_.tell("machine " + std::to_string(member.membership.machine) + " starts, life " + std::to_string(result_.lives));
    member.store = std::make_unique<SimulatedStore>(world_, member.machine);
    member.transactions = std::make_unique<SimulatedTransactions>(world_, member.machine, broker_, member.membership);
    task::InstanceOptions options = options_of(schedule_);
    options.writer = "m" + std::to_string(member.membership.machine) + "l" + std::to_string(result_.lives);
    options.recovery.batch_bytes = world_.dice.percent(50) ? 500 : std::size_t{1} << 20U;
    auto opened = task::Instance::open(*model_, *member.store, *member.transactions, options);
    if (!opened) {
      if (member.machine.is_dead) mark(Mark::kCrashInRecovery);
      return down(member, opened.error());
    }
    member.instance = std::move(*opened);
    member.readings.assign(broker_.partitions.size(), {});
    if (auto status = member.instance->advance_wall(wall_); !status) return down(member, status);
    if (member.is_expelled) {
      member.is_expelled = false;
      rebalance();
    } else {
      join(member);  // a static member comes back to what it had
    }
  }

  /// What may have happened to the disk of a machine that is down.
  void suffer(Member& member) {
    if (world_.is_calm() || result_.lives <= members_.size()) return;
    if (world_.dice.percent(3)) {
      mark(Mark::kDiskLost);
      world_.tell("disk lost");
      member.machine.stored.clear();
    } else if (world_.dice.percent(8) && !member.copy.empty()) {
      mark(Mark::kOldDisk);
      world_.tell("an old copy of the disk is put back");
      member.machine.stored = member.copy;
    } else if (world_.dice.percent(8)) {
      const Member& other = members_[static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(members_.size())))];
      if (&other == &member || other.machine.stored.empty()) return;
      mark(Mark::kOthersDisk);
      world_.tell("another machine's disk");
      member.machine.stored = other.machine.stored;
    }
  }

  /// False: it is no more, or has not done anything.
  bool step(Member& member) {
    if (!member.is_up()) {
      start(member);
      return false;
    }
    if (member.stopped_for > 0) {
      if (--member.stopped_for > 0) return false;
      if (member.membership.generation != broker_.generation) mark(Mark::kZombie);
    }
    const auto status = work(member);
    if (!status) {
      down(member, status);
      return false;
    }
    if (member.membership.generation == broker_.generation) return true;
    // It hears at last that the group has gone on without it.
    if (auto given_up = give_up(member, true); !given_up) {
      down(member, given_up);
      return false;
    }
    if (std::exchange(member.is_expelled, false)) {
      rebalance();
    } else {
      join(member);
    }
    return false;
  }

  base::Status work(Member& member) {
    if (world_.crashes_here(member.machine)) return World::dead();
    for (std::size_t partition = 0; partition < member.readings.size(); ++partition) {
      for (std::size_t input = 0; input < member.readings[partition].size(); ++input) {
        if (auto status = read(member, partition, input); !status) return status;
      }
    }
    if (auto status = member.instance->advance_wall(wall_); !status) return status;
    task::Instance& instance = *member.instance;
    const bool is_due = instance.wants_commit() || (has_read_all(member) && instance.has_uncommitted());
    if (!is_due && !world_.dice.percent(commits_percent_)) return base::success();
    world_.tell("machine " + std::to_string(member.membership.machine) + " commits");
    if (auto status = instance.commit(""); !status) return status;
    if (world_.is_calm() || !world_.dice.permille(15)) return base::success();
    return world_.error(Mark::kCleanRestart);
  }

  base::Status read(Member& member, std::size_t partition, std::size_t input) {
    Reading& reading = member.readings[partition][input];
    const std::size_t end = produced(input, partition);
    const auto number = static_cast<std::uint16_t>(input);
    const auto news = [&](task::InputNews::Kind kind) {
      mark(kind == task::InputNews::Kind::kAtEnd ? Mark::kEndTold : Mark::kEndWithdrawn);
      reading.is_at_end = kind == task::InputNews::Kind::kAtEnd;
      return member.instance->news({kind, number, static_cast<std::int32_t>(partition)});
    };
    std::size_t until = end;
    if (reading.next < end && world_.dice.percent(50)) {
      until = reading.next + static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(end - reading.next) + 1));
      if (reading.is_at_end) {
        if (auto status = news(task::InputNews::Kind::kNotAtEnd); !status) return status;
      }
    }
    for (; reading.next < until; ++reading.next) {
      if (world_.crashes_here(member.machine)) return World::dead();
      const Logged& record = schedule_.log[input][partition][reading.next];
      world_.tell("offer " + schedule_.inputs[input] + "/" + std::to_string(partition) + "@" + std::to_string(reading.next));
      if (auto status = member.instance->offer(record.decoded); !status) return status;
    }
    if (reading.next == end && !reading.is_at_end) return news(task::InputNews::Kind::kAtEnd);
    return base::success();
  }

  // -------------------------------------------------------------------------------------------------------- progress

  [[nodiscard]] std::size_t produced(std::size_t input, std::size_t partition) const {
    const auto& records = schedule_.log[input][partition];
    const auto end = std::find_if(records.begin(), records.end(), [&](const Logged& each) { return each.produced > wall_; });
    return static_cast<std::size_t>(end - records.begin());
  }

  [[nodiscard]] bool has_read_all(const Member& member) const {
    for (std::size_t partition = 0; partition < member.readings.size(); ++partition) {
      for (std::size_t input = 0; input < member.readings[partition].size(); ++input) {
        const Reading& reading = member.readings[partition][input];
        if (!reading.is_at_end || reading.next < produced(input, partition)) return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool has_everybody_read() const {
    for (std::size_t partition = 0; partition < broker_.partitions.size(); ++partition) {
      const int owner = broker_.partitions[partition].owner;
      if (owner == kNobody) return false;
      const Member& member = members_[static_cast<std::size_t>(owner)];
      const bool is_assigned = member.is_up() && member.membership.generation == broker_.generation && !member.readings[partition].empty();
      if (!is_assigned || !has_read_all(member)) return false;
    }
    return true;
  }

  [[nodiscard]] bool is_through() const {
    if (wall_ < schedule_.as_of || !has_everybody_read()) return false;
    return std::all_of(members_.begin(), members_.end(), [&](const Member& member) {
      if (!is_working(member)) return true;
      return member.instance->least_tau() >= schedule_.as_of && !member.instance->has_uncommitted();
    });
  }
  /// It has partitions, and the group has not gone on without it.
  [[nodiscard]] bool is_working(const Member& member) const {
    return member.is_up() && member.membership.generation == broker_.generation &&
           std::any_of(member.readings.begin(), member.readings.end(), [](const auto& each) { return !each.empty(); });
  }

  void move_wall() {
    wall_ = std::min(wall_ + world_.dice.between(0, 24) * event::kHour, schedule_.as_of);
    world_.tell("wall " + event::format_time(wall_));
  }

  // ---------------------------------------------------------------------------------------------------------- the end

  Result finish() {
    world_.calm();
    std::vector<std::pair<std::string, std::string>> records;
    for (Member& member : members_) {
      if (!is_working(member)) continue;
      result_.tally = added(result_.tally, member.instance->tally());
      if (auto status = append_records(*member.instance, schedule_.as_of, records); !status) return wrong("a state cannot be read: " + status.error().message);
    }
    result_.snapshot = sorted_records(std::move(records));
    result_.sent = broker_.sent;
    if (auto violation = rebuilt_elsewhere()) return wrong(*violation);
    return std::move(result_);
  }

  static task::Tally added(task::Tally sum, const task::Tally& more) {
    if (sum.counters.size() < more.counters.size()) sum.counters.resize(more.counters.size());
    sum.add(more);
    return sum;
  }

  /// A machine that has never been part of the group holds the same after a rebuild.
  std::optional<std::string> rebuilt_elsewhere() {
    World calm(1, 0);
    Machine machine;
    const Membership membership{kNobody, broker_.generation};
    SimulatedStore store(calm, machine);
    SimulatedTransactions transactions(calm, machine, broker_, membership);
    task::InstanceOptions options = options_of(schedule_);
    options.writer = "fresh";
    auto instance = task::Instance::open(*model_, store, transactions, options);
    if (!instance) return "a fresh machine cannot be opened: " + instance.error().message;
    if (auto told = (*instance)->advance_wall(wall_); !told) return told.error().message;
    for (std::int32_t partition = 0; partition < schedule_.partitions; ++partition) {
      auto assigned = (*instance)->assign(partition);
      if (!assigned) return "a fresh machine cannot rebuild: " + assigned.error().message;
    }
    std::vector<std::pair<std::string, std::string>> records;
    if (auto status = append_records(**instance, schedule_.as_of, records); !status) return "what was rebuilt cannot be read: " + status.error().message;
    const std::vector<std::string> rebuilt = sorted_records(std::move(records));
    if (rebuilt != result_.snapshot) return "what a fresh machine rebuilds from the changelog differs:" + first_difference(rebuilt, result_.snapshot);
    if (added({}, (*instance)->tally()) != result_.tally) return "the tally that a fresh machine rebuilds from the changelog differs";
    return std::nullopt;
  }

  const Schedule& schedule_;
  World& world_;
  Broker broker_;
  std::vector<Member> members_;
  std::unique_ptr<TrustModel> model_;
  Result result_;
  TimeUs wall_ = 0;
  std::int64_t commits_percent_ = 0;
};

}  // namespace

Result play_group(const Schedule& schedule, World& world) { return Group(schedule, world).run(); }

}  // namespace troth::simulation
