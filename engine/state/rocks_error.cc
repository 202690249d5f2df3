// See rocks_error.h.
#include "engine/state/rocks_error.h"

#include <rocksdb/status.h>

namespace troth::state {
namespace {

bool says(const std::string& message, std::string_view words) { return message.find(words) != std::string::npos; }

// Its words for CURRENT, which is there and cannot be opened: that is no damage.
bool is_unreadable(const std::string& message) {
  return says(message, "Direct I/O is not supported") || says(message, "incompatible with filesystem");
}

bool is_damage(const rocksdb::Status& status, const std::string& message) {
  return status.IsCorruption() || (status.IsInvalidArgument() && !is_unreadable(message)) ||
         says(message, "No such file");
}

/// What to do, by what RocksDB says. Some conditions have a code of their own, others only the system's words.
std::string advice_on(const rocksdb::Status& status, const std::string& message) {
  const bool is_locked = says(message, "While lock file") || says(message, "lock hold by current process");
  if (is_locked && says(message, "/LOCK")) {
    return "It is in use by another process: only one may use a state directory at a time. Stop the other one, or "
           "choose another directory.";
  }
  if (status.IsNoSpace() || says(message, "No space left") || says(message, "quota exceeded")) {
    return "The disk is full. Make room, then start again: it goes on after the last commit.";
  }
  if (says(message, "Read-only file system"))
    return "The file system is read-only. Mount it writable, then start again.";
  if (says(message, "Permission denied") || says(message, "Operation not permitted")) {
    return "Give this user permission to read and write it.";
  }
  if (says(message, "File too large"))
    return "Files may not be that large here. Raise the limit (ulimit -f), then start again.";
  if (says(message, "Too many open files")) return "Raise the limit of open files (ulimit -n).";
  if (is_damage(status, message)) {
    return "The store is damaged. Put the directory aside and build the state anew from the input, or restore it from "
           "a backup.";
  }
  return std::string(is_unreadable(message) ? "Its file CURRENT cannot be opened. " : "") +
         "Check the disk, then start again: it goes on after the last commit.";
}

}  // namespace

base::Error rocks_error(const std::string& path, std::string_view what, const rocksdb::Status& status) {
  const std::string message = status.ToString();
  const std::string advice = advice_on(status, message);
  return base::Error{"store " + path + ": " + std::string(what) + ": " + message + ". " + advice,
                     advice.starts_with("The store is damaged")};
}

}  // namespace troth::state
