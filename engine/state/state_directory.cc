// See state_directory.h.
#include "engine/state/state_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/base/write_all.h"

namespace troth::state {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarkerName = "TROTH";
constexpr std::string_view kMarkerAside = "TROTH.new";
constexpr std::string_view kTitle = "Troth state directory\n";
constexpr std::string_view kFormat = "format: ";
constexpr std::string_view kNoStore = "store: none\n";
constexpr std::string_view kStoreCreated = "store: created\n";
constexpr const char* kNameEmptyOne =
    "Name a directory that does not exist yet, or an empty one; nothing in it was touched.";

std::string words(int error) { return std::generic_category().message(error); }

base::Error refused(const std::string& path, const std::string& why, const std::string& advice) {
  return base::Error{"state directory " + path + ": " + why + ". " + advice};
}

std::string advice_on(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "Give this user permission to read and write it, or choose another with --state.";
    case EROFS:
      return "Mount it writable, or choose another with --state.";
    case ENOSPC:
    case EDQUOT:
      return "Make room, then run again.";
    case EMFILE:
    case ENFILE:
      return "Raise the limit of open files (ulimit -n).";
    default:
      return "Check the path and the device, then run again.";
  }
}

/// 0 or the errno.
int write_synced(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int error = base::write_all(fd, text);
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (::close(fd) != 0 && error == 0) error = errno;
  return error;
}

int sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  return error;
}

/// 0 or the errno. A file that is there and cannot be read must not be taken for a damaged one.
int read_file(const std::string& path, std::string& text) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  std::array<char, 1024> chunk;
  ssize_t got = 0;
  while ((got = ::read(fd, chunk.data(), chunk.size())) > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
  const int error = got < 0 ? errno : 0;
  ::close(fd);
  return error;
}

/// Takes `word` away from the front of `text` if it stands there.
bool take(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

base::Result<std::unique_ptr<StateDirectory>> StateDirectory::open(const std::string& path, Mode mode,
                                                                   int* system_error) {
  if (path.empty()) return base::Error{"--state needs the name of a directory; it is empty."};
  std::unique_ptr<StateDirectory> directory(new StateDirectory(without_trailing_slashes(path), false));
  auto ready = directory->create_or_check(mode);
  if (system_error != nullptr) *system_error = directory->system_error_;
  if (!ready.ok()) return ready.error();
  return directory;
}

base::Result<std::unique_ptr<StateDirectory>> StateDirectory::temporary() {
  const char* base = std::getenv("TMPDIR");
  std::string path = base != nullptr && *base != '\0' ? without_trailing_slashes(base) : "/tmp";
  path += "/troth-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return base::Error{"a temporary state directory cannot be made as " + path + ": " + words(errno) +
                       ". Set TMPDIR to a directory with room in it, or give one with --state."};
  }
  std::unique_ptr<StateDirectory> directory(new StateDirectory(path, true));
  auto ready = directory->create_or_check(Mode::kCreate);
  if (!ready.ok()) return ready.error();
  return directory;
}

StateDirectory::StateDirectory(std::string path, bool is_temporary)
    : path_(std::move(path)), is_temporary_(is_temporary) {}

StateDirectory::~StateDirectory() {
  if (!is_temporary_) return;
  std::error_code ignored;  // nothing depends on it any more, and nobody is left to be told
  fs::remove_all(path_, ignored);
}

base::Error StateDirectory::failed(const std::string& what, int error) {
  system_error_ = error;
  return refused(path_, what + ": " + words(error), advice_on(error));
}

base::Status StateDirectory::create_or_check(Mode mode) {
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (status.type() == fs::file_type::none || status.type() == fs::file_type::unknown) {
    return failed("cannot be looked at", error.value());
  }
  if (status.type() == fs::file_type::not_found) {
    if (mode == Mode::kMustExist || mode == Mode::kToRead)
      return refused(path_, "there is none", "Check the path, or make one by a run with it.");
    const fs::path parent = fs::absolute(path_).parent_path();
    fs::create_directories(parent, error);
    if (error) return failed("cannot be created", error.value());
    if (mkdir(path_.c_str(), 0700) != 0) return failed("cannot be created", errno);
    const int unsynced = sync_directory(parent.string());
    if (unsynced != 0) return failed("cannot be made durable", unsynced);
  } else if (status.type() != fs::file_type::directory) {
    return refused(path_, "it is a file, not a directory", "Choose another with --state.");
  }
  const int wanted = mode == Mode::kToRead ? R_OK | X_OK : R_OK | W_OK | X_OK;
  if (faccessat(AT_FDCWD, path_.c_str(), wanted, AT_EACCESS) != 0) {
    return failed("cannot be used", errno);
  }

  std::string text;
  const int unread = read_file(path_ + "/" + std::string(kMarkerName), text);
  if (unread == 0) {
    return mode == Mode::kToFill ? refused(path_, "there is a state in it already", kNameEmptyOne) : read_marker(text);
  }
  if (unread != ENOENT) return failed("its file TROTH cannot be read", unread);
  // A crash between creating the folder and naming its format leaves it empty, or with a TROTH.new.
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    if (entry.path().filename() == kMarkerAside) continue;
    if (mode == Mode::kToFill) return refused(path_, "it is not empty", kNameEmptyOne);
    if (mode == Mode::kToRead) {
      return refused(path_, "it has no file TROTH: it is no state of Troth, or a copy of one that broke off",
                     "Name a whole one; a copy that broke off may be deleted.");
    }
    return refused(path_, "it is not empty and no state of Troth (it has no file TROTH)",
                   "Choose another with --state; nothing in it was touched.");
  }
  if (error) return failed("cannot be listed", error.value());
  if (mode == Mode::kMustExist || mode == Mode::kToRead) {
    return refused(path_, "there is no state in it", "Check the path, or make one by a run with it.");
  }
  if (mode == Mode::kToFill) return base::success();
  return write_marker();
}

base::Status StateDirectory::read_marker(const std::string& text) {
  std::string_view rest = text;
  int format = 0;
  bool is_good = take(rest, kTitle) && take(rest, kFormat);
  if (is_good) {
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), format);
    is_good = parsed.ec == std::errc{} && format > 0;
    rest.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest.data()));
    is_good = is_good && take(rest, "\n");
  }
  // What follows belongs to the format, so a newer one is told before it is judged.
  if (is_good && format > kStateFormat) {
    return refused(path_,
                   "it has format " + std::to_string(format) + ", and this troth knows formats up to " +
                       std::to_string(kStateFormat),
                   "Use the version of troth that wrote it, or begin anew with another directory.");
  }
  has_store_ = rest == kStoreCreated;
  if (!is_good || (!has_store_ && rest != kNoStore)) {
    return refused(path_, "its file TROTH is damaged",
                   "Put the directory aside and begin anew with another one, or restore it from a backup.");
  }
  return base::success();
}

base::Status StateDirectory::remember_store() {
  if (has_store_) return base::success();
  has_store_ = true;
  return write_marker();
}

std::optional<std::int64_t> StateDirectory::user() const {
  const int fd = ::open((store_path() + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_RDLCK;  // the store's user holds it for writing
  lock.l_whence = SEEK_SET;
  const bool is_known = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  return is_known && lock.l_type != F_UNLCK ? std::optional<std::int64_t>(lock.l_pid) : std::nullopt;
}

base::Status StateDirectory::put_store_aside() {
  const std::string aside = path_ + "/store.damaged";
  std::error_code error;
  fs::remove_all(aside, error);
  if (error) return failed("its store.damaged of an earlier time cannot be removed", error.value());
  if (std::rename(store_path().c_str(), aside.c_str()) != 0 && errno != ENOENT) {
    return failed("its damaged store cannot be put aside", errno);
  }
  has_store_ = false;
  return write_marker();
}

base::Status StateDirectory::write_marker() {
  std::string text(kTitle);
  text.append(kFormat).append(std::to_string(kStateFormat)).append("\n").append(has_store_ ? kStoreCreated : kNoStore);
  const std::string marker = path_ + "/" + std::string(kMarkerName);
  const std::string aside = path_ + "/" + std::string(kMarkerAside);
  int error = write_synced(aside, text);
  if (error == 0 && std::rename(aside.c_str(), marker.c_str()) != 0) error = errno;
  if (error == 0) error = sync_directory(path_);
  if (error != 0) return failed("its file TROTH cannot be written", error);
  return base::success();
}

}  // namespace troth::state
