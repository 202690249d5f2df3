// RocksStore: the Store on RocksDB, the only place that knows RocksDB. Keeps promises P3 (a commit is one synced batch)
// and P9 (damage is an error, never a value).
//
// Reads and commits may come from several threads at once; commits are taken one after the other. After a failed commit every further commit
// answers the same error: RocksDB's way of going on after an error is not trusted; close and reopen.
//
// Durability, in words: the write-ahead log is always on and is synced by each commit. At opening, a commit that did
// not reach the disk as a whole (and so was never acknowledged) is dropped, with everything after it. What remains is
// always the state right after some commit, with the input positions and sink marks that belong to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/state/state_directory.h"
#include "engine/task/store.h"

namespace rocksdb {
class DB;
class Status;
}

namespace troth::state {

struct RocksOptions {
  /// All that RocksDB holds in memory, as far as it can be bounded: blocks, indexes, filters and write buffers.
  std::size_t cache_bytes = 256 * 1024 * 1024;
  /// The part of it that may be write buffers.
  std::size_t write_buffer_bytes = 64 * 1024 * 1024;
};

class RocksStore final : public task::Store {
 public:
  /// Creates the store if the directory never had one. The directory must live longer.
  [[nodiscard]] static base::Result<std::unique_ptr<RocksStore>> open(StateDirectory& directory,
                                                                      const RocksOptions& options = {});
  /// A store to be read as it stood after some commit, also while another process uses it (store_view.h). It takes no commit.
  /// `beside`: small files of the directory that belong to the same moment; their contents come back in this order.
  [[nodiscard]] static base::Result<std::unique_ptr<RocksStore>> open_to_read(
      const StateDirectory& directory, const std::vector<std::string>& beside,
      std::vector<std::optional<std::string>>& contents);
  /// Closes it. Everything committed is durable already, so an error could not be acted on.
  ~RocksStore() override;
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  [[nodiscard]] base::Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] base::Status scan(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view key, std::string_view value)>& each) const override;
  [[nodiscard]] base::Status commit(const task::Batch& batch) override;
  /// Writes a table file and takes it in as a whole: no log, no write buffer, and nothing to flush later.
  [[nodiscard]] base::Status load(const task::Batch& batch) override;

  /// A read or a commit failed: what went wrong lies with the disk or the store, not with what was asked of it.
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  [[nodiscard]] rocksdb::Status write_table(const std::string& file, const task::Batch& batch) const;
  RocksStore(std::string path, std::unique_ptr<rocksdb::DB> db);

  [[nodiscard]] base::Error failed(std::string_view what, const rocksdb::Status& status) const;

  std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::mutex mutex_;  // one commit at a time; guards failed_
  mutable std::atomic<bool> has_failed_ = false;  // any worker may read
  std::optional<base::Error> failed_;             // the first commit that failed
};

/// Version of the library and what it can do, one line: for `--version` and the first lines of a log.
[[nodiscard]] std::string rocksdb_description();

}  // namespace troth::state
