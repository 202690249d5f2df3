// StateDirectory: the folder that `--state` names. It holds a small file TROTH, which says that the folder is Troth's
// and in which format, and the folder store/ of the store. It is created where there is nothing, and refused where
// something else is: Troth never writes into a folder that it did not make.
//
//   TROTH   three lines: "Troth state directory", "format: N", "store: none" or "store: created"
//   store/  RocksDB's
//
// TROTH is replaced as a whole (written aside, synced, renamed). "store: created" is what tells a new store from one
// that was lost: a folder that had a store and has none any more is damage, not a fresh start (promise P9).
//
// One thread. Two processes are kept apart by the store's own lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/result.h"

namespace troth::state {

inline constexpr int kStateFormat = 1;

class StateDirectory {
 public:
  enum class Mode : std::uint8_t {
    kCreate,     // where there is nothing, or an empty folder, one is made
    kMustExist,  // it is gone on with: nothing is made
    kToRead,     // queries, and copies from it: nothing is made, and no right to write is needed
    kToFill,     // copies into it: it must not exist, or be empty; TROTH is written by remember_store() and not before
  };
  /// `system_error`: set to the errno if it was the system that refused something, else to 0.
  [[nodiscard]] static base::Result<std::unique_ptr<StateDirectory>> open(const std::string& path, Mode mode,
                                                                          int* system_error = nullptr);
  /// A directory in $TMPDIR (or /tmp) that is removed with everything in it when this object goes, whatever the reason.
  /// The store in it must have been closed by then.
  [[nodiscard]] static base::Result<std::unique_ptr<StateDirectory>> temporary();

  ~StateDirectory();
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string store_path() const { return path_ + "/store"; }
  [[nodiscard]] bool is_temporary() const { return is_temporary_; }

  /// A store was created here once.
  [[nodiscard]] bool has_store() const { return has_store_; }
  /// The process that has the store open to write; nothing: none has. Not to be asked by that process itself: closing the
  /// lock's file, as this does, would let go of its lock.
  [[nodiscard]] std::optional<std::int64_t> user() const;
  /// Remembers for good that there is a store now.
  [[nodiscard]] base::Status remember_store();
  /// Renames a damaged store, which must be closed, to store.damaged, for whoever wants to look at it; one that was put
  /// aside before is removed. From then on there is no store.
  [[nodiscard]] base::Status put_store_aside();

 private:
  StateDirectory(std::string path, bool is_temporary);
  [[nodiscard]] base::Status create_or_check(Mode mode);
  [[nodiscard]] base::Error failed(const std::string& what, int error);
  [[nodiscard]] base::Status read_marker(const std::string& text);
  [[nodiscard]] base::Status write_marker();

  std::string path_;
  bool is_temporary_;
  bool has_store_ = false;
  int system_error_ = 0;
};

}  // namespace troth::state
