// See store_view.h.
#include "engine/state/store_view.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "engine/state/rocks_error.h"
#include "engine/state/rocks_options.h"

namespace troth::state {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return std::nullopt;
  return bytes;
}

/// What changes with every flush and compaction of the process that uses the store, and with its policy.
struct Edition {
  std::string manifest;  // its name; empty: there is none at this moment
  std::uintmax_t manifest_bytes = 0;
  std::vector<std::optional<std::string>> beside;
  friend bool operator==(const Edition&, const Edition&) = default;
};

Edition edition_of(const StateDirectory& directory, const std::vector<std::string>& beside) {
  Edition edition;
  std::string name = read_file(directory.store_path() + "/CURRENT").value_or(std::string());
  while (!name.empty() && name.back() == '\n') name.pop_back();
  std::error_code error;
  edition.manifest_bytes = fs::file_size(directory.store_path() + "/" + name, error);
  if (!error) edition.manifest = std::move(name);
  for (const std::string& each : beside) edition.beside.push_back(read_file(directory.path() + "/" + each));
  return edition;
}

}  // namespace

base::Result<StoreView> open_store_to_read(const StateDirectory& directory, const std::vector<std::string>& beside,
                                           const std::function<void()>& on_opened) {
  rocksdb::Options settings = rocks_options(kSmallStore);
  settings.create_if_missing = false;
  settings.max_open_files = -1;  // all of them are opened at once
  const std::string path = directory.store_path();
  rocksdb::Status status;
  for (int openings = 1; openings <= kOpeningsMax; ++openings) {
    Edition edition = edition_of(directory, beside);
    rocksdb::DB* store = nullptr;
    status = rocksdb::DB::OpenForReadOnly(settings, path, &store);
    std::unique_ptr<rocksdb::DB> owned(store);
    if (on_opened) on_opened();
    const bool has_moved = edition_of(directory, beside) != edition;
    if (status.ok() && !has_moved) return StoreView{std::move(owned), std::move(edition.beside), openings};
    // Files that vanish or that are half written are damage only if nobody was at work on them.
    if (!status.ok() && !has_moved) return rocks_error(path, "cannot be opened", status);
  }
  return base::Error{"store " + path + ": the process that uses it reorganised its files during each of " +
                     std::to_string(kOpeningsMax) + " attempts to open it" +
                     (status.ok() ? std::string() : ": " + status.ToString()) +
                     ". Start again when it has less to do, or stop it meanwhile."};
}

}  // namespace troth::state
