// See file_sink.h.
#include "engine/sink/file_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/json.h"
#include "engine/base/write_all.h"

namespace troth::sink {
namespace {

namespace fs = std::filesystem;

/// A mark, as bytes: its kind, how many streams (varint), and for each its name (string) and a number (varint).
enum class MarkKind : std::uint8_t {
  kFiles = 1,      // the lengths of the files in bytes
  kSwallowed = 2,  // the records that were counted and not written
};
struct Mark {
  MarkKind kind{};
  std::vector<std::pair<std::string, std::uint64_t>> streams;
};

constexpr std::string_view kDeadLetters = "deadletters";
constexpr std::size_t kBufferBytes = 1024 * 1024;

std::string words(int error) { return std::generic_category().message(error); }

std::string advice_on(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "The disk is full: make room, then start again; it goes on after the last commit.";
    case EROFS:
      return "The file system is read-only: mount it writable, then start again.";
    case EACCES:
    case EPERM:
      return "Give this user permission to write it, or choose another directory with --out.";
    case EFBIG:
      return "Files may not be that large here: choose another directory with --out.";
    case EMFILE:
    case ENFILE:
      return "Raise the limit of open files (ulimit -n).";
    default:
      return "Check the path and the disk, then start again; it goes on after the last commit.";
  }
}

base::Error error_of(const std::string& path, std::string_view what, int error) {
  return base::Error{path + ": " + std::string(what) + ": " + words(error) + ". " + advice_on(error)};
}

int sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  return error;
}

/// Makes the directory (and those above it) and its entry durable.
base::Status make_directory(const std::string& directory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return base::success();
  const fs::path path = fs::absolute(directory).lexically_normal();
  fs::create_directories(path, error);
  if (error) return error_of(directory, "the output directory cannot be created", error.value());
  const int unsynced = sync_directory(path.parent_path().string());
  if (unsynced != 0) return error_of(directory, "the output directory cannot be made durable", unsynced);
  return base::success();
}

std::string encode(const Mark& mark) {
  base::ByteWriter out;
  out.u8(static_cast<std::uint8_t>(mark.kind));
  out.varint(mark.streams.size());
  for (const auto& [name, number] : mark.streams) {
    out.string(name);
    out.varint(number);
  }
  return std::move(out).take();
}

base::Result<Mark> decode(std::string_view bytes) {
  base::ByteReader in(bytes);
  Mark mark{static_cast<MarkKind>(in.u8()), {}};
  const std::size_t count = in.count();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.string());
    mark.streams.emplace_back(std::move(name), in.varint());
  }
  const bool is_known = mark.kind == MarkKind::kFiles || mark.kind == MarkKind::kSwallowed;
  if (in.ok() && in.at_end() && is_known) return mark;
  return base::Error{
      "the stored mark of the output files is damaged or was written by a newer troth. Use that version, "
      "or begin anew with another state directory."};
}

void append_line(std::string& out, const task::Outgoing& record) {
  out += R"({"key":)";
  if (record.key) {
    base::append_json_string(out, *record.key);
  } else {
    out += "null";
  }
  out += R"(,"value":)";
  out += record.value ? std::string_view(*record.value) : std::string_view("null");
  out += "}\n";
}

}  // namespace

// ------------------------------------------------------------------------------------------------------ open, restore

base::Result<std::unique_ptr<FileSink>> FileSink::open(const std::string& directory,
                                                       std::span<const std::string_view> streams) {
  auto made = make_directory(directory);
  if (!made.ok()) return made.error();
  std::unique_ptr<FileSink> sink(new FileSink());
  sink->files_.reserve(streams.size() + 1);
  for (const std::string_view stream : streams) {
    auto opened = sink->open_file(directory, stream);
    if (!opened.ok()) return opened.error();
  }
  auto opened = sink->open_file(directory, kDeadLetters);
  if (!opened.ok()) return opened.error();
  const int unsynced = sync_directory(directory);
  if (unsynced != 0) return error_of(directory, "the output directory cannot be made durable", unsynced);
  return sink;
}

base::Status FileSink::open_file(const std::string& directory, std::string_view stream) {
  File& file = files_.emplace_back();
  file.stream = stream;
  file.path = (fs::path(directory) / (file.stream + ".ndjson")).string();
  file.fd = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return error_of(file.path, "cannot be opened for writing", errno);
  if (!S_ISREG(status.st_mode)) {
    return base::Error{file.path + ": is no regular file, so it could not be cut back after a crash. Move it away."};
  }
  if (flock(file.fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return error_of(file.path, "cannot be locked", errno);
    return base::Error{file.path +
                       ": is in use by another process. Stop the other one, or choose another directory with --out."};
  }
  return base::success();
}

FileSink::~FileSink() {
  // What is still buffered belongs to no commit: the next run writes it again.
  for (const File& file : files_) {
    if (file.fd >= 0) ::close(file.fd);
  }
}

base::Status FileSink::restore(std::string_view mark) {
  if (failed_) return *failed_;
  auto lengths = committed_lengths(mark);
  if (!lengths.ok()) return lengths.error();
  for (std::size_t i = 0; i < files_.size(); ++i) {  // all are judged before any is cut
    struct stat status {};
    if (fstat(files_[i].fd, &status) != 0) return fail(files_[i], "cannot be looked at", errno);
    if (static_cast<std::uint64_t>(status.st_size) < lengths->at(i)) {
      return base::Error{
          files_[i].path + ": has " + std::to_string(status.st_size) + " bytes, but the state says that " +
          std::to_string(lengths->at(i)) +
          " were written: it was cut, replaced or removed. Put the file back, or begin anew with another "
          "state directory."};
    }
  }
  for (std::size_t i = 0; i < files_.size(); ++i) {
    auto done = cut(files_[i], lengths->at(i));
    if (!done.ok()) return done;
  }
  is_restored_ = true;
  return base::success();
}

base::Result<std::vector<std::uint64_t>> FileSink::committed_lengths(std::string_view bytes) const {
  std::vector<std::uint64_t> lengths(files_.size(), 0);
  if (bytes.empty()) return lengths;
  auto mark = decode(bytes);
  if (!mark.ok()) return mark.error();
  if (mark->kind == MarkKind::kSwallowed) {
    return base::Error{
        "outputs of this state were made without --out and not written, so the files would lack them. Run "
        "without --out, or begin anew with another state directory."};
  }
  bool is_ours = mark->streams.size() == files_.size();
  for (std::size_t i = 0; is_ours && i < files_.size(); ++i) {
    is_ours = mark->streams[i].first == files_[i].stream;
    lengths[i] = mark->streams[i].second;
  }
  if (is_ours) return lengths;
  return base::Error{
      "the state was made with other output streams than this version of troth has. Use the version that "
      "made it, or begin anew with another state directory."};
}

base::Status FileSink::cut(File& file, std::uint64_t length) {
  const auto end = static_cast<off_t>(length);
  if (ftruncate(file.fd, end) != 0) return fail(file, "cannot be cut back to the last commit", errno);
  if (lseek(file.fd, end, SEEK_SET) != end) return fail(file, "cannot be positioned", errno);
  file.buffer.clear();
  file.length = length;
  file.is_synced = false;
  return base::success();
}

// ------------------------------------------------------------------------------------------------ write, make_durable

base::Status FileSink::write(const std::vector<task::Outgoing>& records) {
  TROTH_ASSERT(is_restored_);
  if (failed_) return *failed_;
  for (const task::Outgoing& record : records) {
    TROTH_ASSERT(record.stream < files_.size());
    File& file = files_[record.stream];
    append_line(file.buffer, record);
    if (file.buffer.size() < kBufferBytes) continue;
    auto flushed = flush(file);
    if (!flushed.ok()) return flushed;
  }
  return base::success();
}

base::Result<std::string> FileSink::make_durable() {
  TROTH_ASSERT(is_restored_);
  if (failed_) return *failed_;
  Mark mark{MarkKind::kFiles, {}};
  for (File& file : files_) {
    auto flushed = flush(file);
    if (!flushed.ok()) return flushed.error();
    if (!file.is_synced && fdatasync(file.fd) != 0) return fail(file, "cannot be synced to disk", errno);
    file.is_synced = true;
    mark.streams.emplace_back(file.stream, file.length);
  }
  return encode(mark);
}

base::Status FileSink::flush(File& file) {
  if (!file.buffer.empty()) file.is_synced = false;
  if (const int error = base::write_all(file.fd, file.buffer); error != 0) return fail(file, "cannot be written", error);
  file.length += file.buffer.size();
  file.buffer.clear();
  return base::success();
}

base::Error FileSink::fail(const File& file, std::string_view what, int error) {
  failed_ = error_of(file.path, what, error);
  return *failed_;
}

// ---------------------------------------------------------------------------------------------------------- NullSink

NullSink::NullSink(std::span<const std::string_view> streams) : streams_(streams.begin(), streams.end()) {
  streams_.emplace_back(kDeadLetters);
  counts_.resize(streams_.size());
}

base::Status NullSink::restore(std::string_view mark) {
  std::fill(counts_.begin(), counts_.end(), 0);
  mark_before_ = mark;
  if (mark.empty()) return base::success();
  auto decoded = decode(mark);
  if (!decoded.ok()) return decoded.error();
  if (decoded->kind == MarkKind::kFiles) return base::success();  // of a run with --out: counting begins now
  for (const auto& [name, number] : decoded->streams) {
    const auto at = std::find(streams_.begin(), streams_.end(), name);
    if (at != streams_.end()) counts_[static_cast<std::size_t>(at - streams_.begin())] = number;
  }
  return base::success();
}

base::Status NullSink::write(const std::vector<task::Outgoing>& records) {
  for (const task::Outgoing& record : records) ++counts_.at(record.stream);
  return base::success();
}

base::Result<std::string> NullSink::make_durable() {
  if (std::all_of(counts_.begin(), counts_.end(), [](std::uint64_t count) { return count == 0; })) return mark_before_;
  Mark mark{MarkKind::kSwallowed, {}};
  for (std::size_t i = 0; i < streams_.size(); ++i) mark.streams.emplace_back(streams_[i], counts_[i]);
  return encode(mark);
}

}  // namespace troth::sink
