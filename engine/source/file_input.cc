// See file_input.h.
#include "engine/source/file_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/base/assert.h"

namespace troth::source {
namespace {

std::string words(int error) { return std::generic_category().message(error); }

std::string advice_on_open(int error) {
  switch (error) {
    case ENOENT:
      return "Check the path.";
    case EACCES:
      return "Give this user permission to read it.";
    case EMFILE:
    case ENFILE:
      return "Raise the limit of open files (ulimit -n) or give fewer files.";
    default:
      return "Check the path and the device.";
  }
}

base::Error cannot_open(const std::string& path, const std::string& why, const std::string& advice) {
  return base::Error{path + ": cannot be read: " + why + ". " + advice};
}

int open_for_reading(const std::string& path, int stdin_fd) {
  if (path == "-") return fcntl(stdin_fd, F_DUPFD_CLOEXEC, 0);
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

base::Result<std::unique_ptr<FileInput>> FileInput::open(const std::string& path, bool follow, int stdin_fd) {
  const int fd = open_for_reading(path, stdin_fd);
  if (fd < 0) {
    const int error = errno;
    if (path == "-") return cannot_open("standard input", words(error), "Give a file, or redirect something into it.");
    return cannot_open(path, words(error), advice_on_open(error));
  }
  struct stat status {};
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0 || fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    if (wake_fd >= 0) ::close(wake_fd);
    return cannot_open(path, words(error), advice_on_open(error));
  }
  std::optional<std::uint64_t> size;
  // Standard input is read forward even if it is a file: its place may be shared with other programs.
  if (S_ISREG(status.st_mode) && path != "-") size = static_cast<std::uint64_t>(status.st_size);
  // Held from here on, so that both descriptors are closed on every way out.
  std::unique_ptr<FileInput> input(new FileInput(path, fd, wake_fd, follow && size.has_value(), size));
  if (S_ISDIR(status.st_mode)) return cannot_open(path, "it is a directory", "Name the files in it.");
  if (size) {
    const int advised = posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint; nothing depends on it
    static_cast<void>(advised);
  }
  return input;
}

FileInput::FileInput(std::string path, int fd, int wake_fd, bool follow, std::optional<std::uint64_t> size)
    : path_(std::move(path)), fd_(fd), wake_fd_(wake_fd), follow_(follow), size_(size) {}

FileInput::~FileInput() {
  ::close(fd_);  // opened for reading: nothing can be lost
  ::close(wake_fd_);
}

void FileInput::interrupt() {
  interrupted_.store(true);
  const std::uint64_t one = 1;
  const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  TROTH_ASSERT(written == static_cast<ssize_t>(sizeof one) || errno == EAGAIN);
}

ReadResult FileInput::read(char* into, std::size_t size) {
  for (;;) {
    if (interrupted_.load()) return {ReadState::kStopped};
    if (!size_ && !wait_until_readable()) continue;
    const ssize_t got = ::read(fd_, into, size);
    if (got > 0) {
      position_ += static_cast<std::uint64_t>(got);
      was_replaced_ = false;
      return {ReadState::kData, static_cast<std::size_t>(got)};
    }
    if (got == 0) return follow_ ? at_end_of_growing_file() : ReadResult{ReadState::kEnd};
    if (errno != EINTR && errno != EAGAIN) {
      return fail("cannot be read on: " + words(errno), "Check the device and its connection, then run again.");
    }
  }
}

bool FileInput::wait_until_readable() {
  std::array<pollfd, 2> watched{pollfd{fd_, POLLIN, 0}, pollfd{wake_fd_, POLLIN, 0}};
  const int ready = ::poll(watched.data(), watched.size(), -1);
  return ready > 0 && watched[0].revents != 0;
}

void FileInput::wait_for_growth() {
  pollfd watched{wake_fd_, POLLIN, 0};
  const int ready = ::poll(&watched, 1, kFollowPollMs);
  static_cast<void>(ready);  // woken, timed out or interrupted by a signal: the caller looks again in any case
}

ReadResult FileInput::at_end_of_growing_file() {
  struct stat ours {};
  if (fstat(fd_, &ours) != 0) return fail("cannot be looked at: " + words(errno), "Check the device.");
  if (static_cast<std::uint64_t>(ours.st_size) < position_) {
    return fail("became shorter (now " + std::to_string(ours.st_size) + " bytes) while it was being followed",
                "Follow files that only grow; rotate by renaming, and start again with the new file.");
  }
  struct stat there {};
  const bool replaced =
      stat(path_.c_str(), &there) == 0 && (there.st_ino != ours.st_ino || there.st_dev != ours.st_dev);
  // Its writer may still have added lines between our look at the end and the renaming: one more look before giving up.
  if (replaced && was_replaced_) {
    return fail("was replaced by another file while it was being followed; this one was read to its end",
                "Start again with the new file.");
  }
  was_replaced_ = replaced;
  return {ReadState::kNothingYet};
}

ReadResult FileInput::fail(std::string reason, std::string advice) {
  failure_ = {position_, std::move(reason), std::move(advice)};
  return {ReadState::kFailed};
}

base::Result<std::string> FileInput::read_at(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = pread(fd_, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    // What cannot be read must not look like an end: a packed file would pass for a plain one.
    if (got < 0) return cannot_open(path_, words(errno), "Check the device and its connection, then run again.");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

bool FileInput::seek(std::uint64_t offset) {
  if (lseek(fd_, static_cast<off_t>(offset), SEEK_SET) != static_cast<off_t>(offset)) return false;
  position_ = offset;
  return true;
}

}  // namespace troth::source
