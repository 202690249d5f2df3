// StoreView: the store of a state directory, opened as it stood after some commit, to be read only. Another process may be
// at work on it meanwhile; it is neither locked nor written to. What backups copy and queries read.
//
// How that holds while another process commits, flushes and compacts:
// * The store is opened read-only, with all its files open: what is deleted afterwards stays readable.
// * What was opened is one state only if the other process completed no flush or compaction meanwhile: the list of
//   files and the log are read one after the other, and a flush in between would leave a gap. Each of them is noted in
//   the manifest before any file is deleted. So a manifest that is the same before and after is the proof; if it is
//   not, the store is opened again.
// * The log counts up to the last batch that is whole, and a commit is one batch.
//
// Only state/ includes this: nobody else knows RocksDB. One thread.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/state/state_directory.h"

namespace troth::state {

inline constexpr int kOpeningsMax = 5;

struct StoreView {
  std::unique_ptr<rocksdb::DB> store;
  std::vector<std::optional<std::string>> beside;  // contents of the files asked for; nothing: not there, or not readable
  int openings = 0;                                // attempts that it took
};

/// `beside`: names of small files beside the store that belong to the state. `on_opened`: for tests, between an opening and
/// the look at whether the store was reorganised meanwhile; may be empty. The error says what to do.
[[nodiscard]] base::Result<StoreView> open_store_to_read(const StateDirectory& directory,
                                                         const std::vector<std::string>& beside,
                                                         const std::function<void()>& on_opened = {});

}  // namespace troth::state
