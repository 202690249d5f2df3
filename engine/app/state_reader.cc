#include "engine/app/state_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/base/write_all.h"
#include "engine/task/keys.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;

/// What a reader writes to: nothing is ever sent, so any mark will do.
class NoSink final : public task::Sink {
 public:
  [[nodiscard]] Status restore(std::string_view) override { return base::success(); }
  [[nodiscard]] Status write(const std::vector<task::Outgoing>&) override {
    return Error{"a state that is only read has no outputs"};
  }
  [[nodiscard]] base::Result<std::string> make_durable() override { return std::string{}; }
};

Status write_file(const std::string& path, std::string_view bytes) {
  const auto failed = [&](std::string_view what) {
    return Error{fmt::format("{}: {}: {}. Make room or check the disk, then start again.", path, what,
                             std::strerror(errno))};
  };
  const std::string aside = path + ".new";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed("cannot be written");
  const bool written = base::write_all(fd, bytes) == 0 && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) return failed("cannot be written");
  return base::success();
}

}  // namespace

Status keep_policy(const state::StateDirectory& directory, const LoadedPolicy& policy) {
  const std::string path = fmt::format("{}/{}", directory.path(), kPolicyFile);
  if (std::filesystem::exists(path)) {
    const auto kept = read_small_file(path, base::limits::kConfigurationBytes);
    if (kept && *kept == policy.canonical) return base::success();
  }
  return write_file(path, policy.canonical);
}

StateReader::~StateReader() = default;

base::Result<std::unique_ptr<StateReader>> StateReader::open(const std::string& path,
                                                             const std::optional<std::string>& policy_file) {
  std::unique_ptr<StateReader> reader(new StateReader());
  auto directory = state::StateDirectory::open(path, state::StateDirectory::Mode::kToRead);
  if (!directory) return directory.error();
  reader->directory_ = std::move(*directory);
  const Error nothing{fmt::format("{}: nothing was ever committed to this state", path)};
  if (!reader->directory_->has_store()) return nothing;
  reader->user_ = reader->directory_->user();
  std::vector<std::optional<std::string>> kept;
  auto store = state::RocksStore::open_to_read(*reader->directory_, {std::string(kPolicyFile)}, kept);
  if (!store) return store.error();
  reader->store_ = std::move(*store);
  const std::string kept_path = fmt::format("{}/{}", path, kPolicyFile);
  auto policy = policy_file || !kept.front() ? load_policy(policy_file.value_or(kept_path), std::nullopt)
                                             : read_policy(*kept.front(), kept_path);
  if (!policy) return policy.error();
  reader->policy_ = std::move(*policy);
  auto bytes = reader->store_->get(task::keys::instance());
  if (!bytes) return bytes.error();
  if (!*bytes) return nothing;
  auto meta = task::decode_instance_meta(**bytes);
  if (!meta) return meta.error();
  reader->meta_ = std::move(*meta);
  reader->model_ = std::make_unique<operators::TrustModel>(reader->policy_.policy, std::string{});
  reader->sink_ = std::make_unique<NoSink>();
  task::InstanceOptions options;
  options.partitions = reader->meta_.partitions;
  options.partitions_by_key = reader->meta_.partitions_by_key;
  options.inputs = reader->meta_.inputs;
  auto instance = task::Instance::open(*reader->model_, *reader->store_, *reader->sink_, options);
  if (!instance) return instance.error();
  reader->instance_ = std::move(*instance);
  if (!reader->meta_.partitions_by_key) {
    // Kafka: tasks are loaded one by one; a reader wants them all.
    for (std::int32_t partition = 0; partition < reader->meta_.partitions; ++partition) {
      auto loaded = reader->instance_->assign(partition);
      if (!loaded) return loaded.error();
    }
  }
  return reader;
}

base::Result<bool> StateReader::read_customer(std::string_view tenant, std::string_view customer, event::TimeUs t,
                                              const std::function<void(const operators::View&)>& read) {
  auto state = instance_->find(operators::TrustModel::key(tenant, customer), customer);
  if (!state) return state.error();
  bool is_known = false;
  if (*state != nullptr) {
    operators::TrustModel::read_at(**state, t, [&](const operators::View& view) {
      is_known = true;
      read(view);
    });
  }
  return is_known;
}

void tell_if_in_use(const StateReader& reader, std::string_view path) {
  if (!reader.user()) return;
  fmt::print(stderr, "troth: process {} is at work on {}: this is how it stood at its last commit, at {}\n", *reader.user(),
             path, event::format_time(reader.tau()));
}

}  // namespace troth::app
