// FileSink: output streams as files, DIR/{stream}.ndjson and DIR/deadletters.ndjson, a line per record:
// {"key":K,"value":V} in canonical JSON; K is a string or null, V the record or null.
//
// Driven by one thread. make_durable() syncs all files and answers their lengths as the mark that the commit holds;
// restore() cuts the files back to that mark, so that what was written after the last commit and is about to be written
// again stands there once (promise P3). An empty mark cuts them to nothing: a run without earlier state begins its
// outputs anew, also over files of an earlier run. Other files in the directory are left alone.
//
// A failed write or sync is final: nobody knows what is on the disk then. All later calls answer the same error; open
// and restore again.
//
// NullSink is what a run without --out has. It counts. Once it has swallowed a record its mark says so, so that adding
// --out to a later run on the same state is refused instead of giving files that lack a part.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/sink.h"

namespace troth::sink {

class FileSink final : public task::Sink {
 public:
  /// `streams` are the model's; the dead letters come after them. Creates the directory and the files, and locks them
  /// against other processes; changes no file yet.
  [[nodiscard]] static base::Result<std::unique_ptr<FileSink>> open(const std::string& directory,
                                                                    std::span<const std::string_view> streams);
  ~FileSink() override;
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  [[nodiscard]] base::Status restore(std::string_view mark) override;
  [[nodiscard]] base::Status write(const std::vector<task::Outgoing>& records) override;
  [[nodiscard]] base::Result<std::string> make_durable() override;

  /// The system refused a cut, a write or a sync.
  [[nodiscard]] bool has_failed() const { return failed_.has_value(); }

 private:
  struct File {
    std::string stream;
    std::string path;
    int fd = -1;
    std::string buffer;        // lines not yet written
    std::uint64_t length = 0;  // written
    bool is_synced = false;
  };

  FileSink() = default;
  [[nodiscard]] base::Status open_file(const std::string& directory, std::string_view stream);
  [[nodiscard]] base::Result<std::vector<std::uint64_t>> committed_lengths(std::string_view mark) const;
  [[nodiscard]] base::Status cut(File& file, std::uint64_t length);
  [[nodiscard]] base::Status flush(File& file);
  [[nodiscard]] base::Error fail(const File& file, std::string_view what, int error);

  std::vector<File> files_;
  bool is_restored_ = false;
  std::optional<base::Error> failed_;
};

class NullSink final : public task::Sink {
 public:
  explicit NullSink(std::span<const std::string_view> streams);

  [[nodiscard]] base::Status restore(std::string_view mark) override;
  [[nodiscard]] base::Status write(const std::vector<task::Outgoing>& records) override;
  [[nodiscard]] base::Result<std::string> make_durable() override;

  /// Records by stream, the dead letters last. After a resumed run they cover all runs without --out.
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }

 private:
  std::vector<std::string> streams_;
  std::vector<std::uint64_t> counts_;
  std::string mark_before_;  // stays the mark for as long as nothing was swallowed
};

}  // namespace troth::sink
