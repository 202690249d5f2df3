// See state_copy.h.
#include "engine/state/state_copy.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/sst_file_writer.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/base/write_all.h"
#include "engine/state/rocks_error.h"
#include "engine/state/rocks_options.h"
#include "engine/state/store_view.h"
#include "engine/task/keys.h"
#include "engine/task/meta.h"

namespace troth::state {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::Result;
using base::Status;

constexpr std::size_t kReadAheadBytes = std::size_t{2} << 20U;
constexpr std::uint64_t kTellEveryBytes = std::uint64_t{4} << 20U;
constexpr std::string_view kNewTables = "/new-tables";  // in the folder of the new state, while it is made

std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

Error system_error(const std::string& path, std::string_view what, int error) {
  return Error{path + ": " + std::string(what) + ": " + std::generic_category().message(error) +
               ". Make room or check the disk, then start again."};
}

/// Syncs a file, or the entries of a folder. 0 or the errno.
int sync(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  return error;
}

// ------------------------------------------------------------------------------------------------------------ writing

/// The new store: tables written in order, taken in all at once at the end.
class NewStore {
 public:
  NewStore(StateDirectory& directory, std::size_t file_bytes)
      : directory_(directory), file_bytes_(file_bytes), settings_(rocks_options(kSmallStore)) {
    settings_.create_if_missing = true;
    settings_.error_if_exists = true;
  }

  [[nodiscard]] Status open() {
    std::error_code error;
    fs::create_directory(tables_path(), error);
    if (error) return system_error(tables_path(), "cannot be created", error.value());
    return base::success();
  }

  [[nodiscard]] Status put(const rocksdb::Slice& key, const rocksdb::Slice& value) {
    rocksdb::Status status;
    if (table_ == nullptr) {
      table_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), settings_);
      tables_.push_back(tables_path() + "/" + std::to_string(tables_.size()) + ".sst");
      status = table_->Open(tables_.back());
    }
    if (status.ok()) status = table_->Put(key, value);
    if (!status.ok()) return rocks_error(directory_.path(), "a table cannot be written", status);
    return table_->FileSize() >= file_bytes_ ? finish_table() : base::success();
  }

  /// Everything is durable when it returns, but for the name of the directory's format.
  [[nodiscard]] Status finish() {
    if (Status finished = finish_table(); !finished) return finished;
    rocksdb::DB* raw = nullptr;
    rocksdb::Status status = rocksdb::DB::Open(settings_, directory_.store_path(), &raw);
    const std::unique_ptr<rocksdb::DB> store(raw);
    if (status.ok()) {
      rocksdb::IngestExternalFileOptions how;
      how.move_files = true;
      how.write_global_seqno = false;  // what is written is not written to again
      status = store->IngestExternalFile(tables_, how);
    }
    if (status.ok()) status = store->Close();
    if (!status.ok()) return rocks_error(directory_.store_path(), "cannot be made", status);
    std::error_code error;
    fs::remove_all(tables_path(), error);
    return sync_all();
  }

 private:
  [[nodiscard]] std::string tables_path() const { return directory_.path() + std::string(kNewTables); }

  [[nodiscard]] Status finish_table() {
    if (table_ == nullptr) return base::success();
    const rocksdb::Status status = table_->Finish();
    table_.reset();
    if (!status.ok()) return rocks_error(directory_.path(), "a table cannot be written", status);
    return base::success();
  }

  [[nodiscard]] Status sync_all() {
    std::error_code error;
    std::vector<std::string> paths;
    for (const auto& entry : fs::directory_iterator(directory_.store_path(), error)) {
      if (entry.is_regular_file()) paths.push_back(entry.path().string());
    }
    if (error) return system_error(directory_.store_path(), "cannot be listed", error.value());
    paths.push_back(directory_.store_path());
    paths.push_back(directory_.path());
    for (const std::string& path : paths) {
      if (const int failed = sync(path); failed != 0) return system_error(path, "cannot be made durable", failed);
    }
    return base::success();
  }

  StateDirectory& directory_;
  std::size_t file_bytes_;
  rocksdb::Options settings_;
  std::unique_ptr<rocksdb::SstFileWriter> table_;
  std::vector<std::string> tables_;
};

Status write_beside(const StateDirectory& to, const std::string& name, std::string_view bytes) {
  const std::string path = to.path() + "/" + name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error(path, "cannot be written", errno);
  int error = base::write_all(fd, bytes);
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  ::close(fd);
  if (error != 0) return system_error(path, "cannot be written", error);
  return base::success();
}

// ------------------------------------------------------------------------------------------------------------ copying

/// Notes where a partition stands, if this is the record of one; refuses what this troth cannot read.
Status look_at(std::string_view key, std::string_view value, bool& has_instance, StateCopied& copied) {
  if (key == task::keys::instance()) {
    has_instance = true;
    if (auto meta = task::decode_instance_meta(value); !meta) return meta.error();
  } else if (key.size() == 3) {
    const std::int32_t partition = static_cast<unsigned char>(key[1]) << 8 | static_cast<unsigned char>(key[2]);
    if (key != task::keys::task(partition)) return base::success();
    auto meta = task::decode_task_meta(value);
    if (!meta) return meta.error();
    copied.partitions.push_back({partition, meta->commit.number, meta->tau});
  }
  return base::success();
}

Result<StateCopied> copy_opened(const StateDirectory& from, const StoreView& opened, StateDirectory& to,
                                const StateCopyOptions& options) {
  NewStore store(to, options.file_bytes);
  if (Status open = store.open(); !open) return open.error();
  StateCopied copied;
  copied.openings = opened.openings;
  bool has_instance = false;
  std::uint64_t tell_at = kTellEveryBytes;
  rocksdb::ReadOptions how;  // checksums are verified
  how.fill_cache = false;
  how.readahead_size = kReadAheadBytes;
  const std::unique_ptr<rocksdb::Iterator> at(opened.store->NewIterator(how));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (Status seen = look_at(view(at->key()), view(at->value()), has_instance, copied); !seen) return seen.error();
    if (Status put = store.put(at->key(), at->value()); !put) return put.error();
    ++copied.keys;
    copied.bytes += at->key().size() + at->value().size();
    if (copied.bytes >= tell_at) {
      tell_at = copied.bytes + kTellEveryBytes;
      if (options.on_progress) options.on_progress(copied.keys, copied.bytes);
    }
  }
  if (!at->status().ok()) return rocks_error(from.store_path(), "a read failed", at->status());
  if (!has_instance) {
    return Error{"state directory " + from.path() + ": nothing was ever committed to it. There is nothing to copy."};
  }
  if (Status finished = store.finish(); !finished) return finished.error();
  for (std::size_t i = 0; i < options.beside.size(); ++i) {
    const std::optional<std::string>& bytes = opened.beside[i];
    if (!bytes && fs::exists(from.path() + "/" + options.beside[i])) {
      return Error{from.path() + "/" + options.beside[i] + ": cannot be read. Give this user permission to read it."};
    }
    if (!bytes) continue;
    if (Status written = write_beside(to, options.beside[i], *bytes); !written) return written.error();
  }
  if (Status remembered = to.remember_store(); !remembered) return remembered.error();
  return copied;
}

/// As if nothing had been copied. What cannot be removed is not taken for a state, for want of a file TROTH.
void clear(const StateDirectory& to, const StateCopyOptions& options) {
  std::error_code ignored;
  fs::remove(to.path() + "/TROTH", ignored);
  fs::remove_all(to.store_path(), ignored);
  fs::remove_all(to.path() + std::string(kNewTables), ignored);
  for (const std::string& each : options.beside) fs::remove(to.path() + "/" + each, ignored);
}

}  // namespace

Result<StateCopied> copy_state(const StateDirectory& from, StateDirectory& to, const StateCopyOptions& options) {
  TROTH_ASSERT(from.has_store() && !to.has_store());
  auto opened = open_store_to_read(from, options.beside, options.on_opened);
  if (!opened) return opened.error();
  auto copied = copy_opened(from, *opened, to, options);
  if (!copied) clear(to, options);
  return copied;
}

}  // namespace troth::state
