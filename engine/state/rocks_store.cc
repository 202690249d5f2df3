// See rocks_store.h.
#include "engine/state/rocks_store.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/iterator.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/state/rocks_error.h"
#include "engine/state/rocks_options.h"
#include "engine/state/store_view.h"

namespace troth::state {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

base::Result<std::unique_ptr<RocksStore>> RocksStore::open(StateDirectory& directory, const RocksOptions& options) {
  rocksdb::Options settings = rocks_options(options);
  settings.create_if_missing = !directory.has_store();
  const std::string path = directory.store_path();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(settings, path, &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return rocks_error(path, "cannot be opened", status);
  auto remembered = directory.remember_store();
  if (!remembered.ok()) return remembered.error();
  return std::unique_ptr<RocksStore>(new RocksStore(path, std::move(db)));
}

base::Result<std::unique_ptr<RocksStore>> RocksStore::open_to_read(const StateDirectory& directory,
                                                                  const std::vector<std::string>& beside,
                                                                  std::vector<std::optional<std::string>>& contents) {
  auto opened = open_store_to_read(directory, beside);
  if (!opened) return opened.error();
  contents = std::move(opened->beside);
  return std::unique_ptr<RocksStore>(new RocksStore(directory.store_path(), std::move(opened->store)));
}

RocksStore::RocksStore(std::string path, std::unique_ptr<rocksdb::DB> db)
    : path_(std::move(path)), db_(std::move(db)) {}

RocksStore::~RocksStore() {
  const rocksdb::Status closed = db_->Close();
  closed.PermitUncheckedError();
}

base::Error RocksStore::failed(std::string_view what, const rocksdb::Status& status) const {
  has_failed_ = true;
  return rocks_error(path_, what, status);
}

base::Result<std::optional<std::string>> RocksStore::get(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.ok()) return std::optional(std::move(value));
  if (status.IsNotFound()) return std::optional<std::string>();
  return failed("a read failed", status);
}

base::Status RocksStore::scan(std::string_view from, std::string_view to,
                              const std::function<bool(std::string_view, std::string_view)>& each) const {
  if (from >= to) return base::success();
  // The bound spares the iterator the deleted keys behind the range; it lives for this call only, since it pins files.
  const rocksdb::Slice bound = slice(to);
  rocksdb::ReadOptions settings;
  settings.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(settings));
  for (at->Seek(slice(from)); at->Valid(); at->Next()) {
    if (!each(view(at->key()), view(at->value()))) return base::success();
  }
  const rocksdb::Status status = at->status();
  if (!status.ok()) return failed("a read failed", status);
  return base::success();
}

base::Status RocksStore::commit(const task::Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failed_) return *failed_;
  if (batch.empty()) return base::success();
  constexpr std::size_t kOverheadPerChange = 16;  // RocksDB's, at most; a hint
  rocksdb::WriteBatch changes(batch.bytes() + kOverheadPerChange * batch.changes().size());
  rocksdb::Status status;
  for (const auto& [from, to] : batch.ranges()) {
    TROTH_ASSERT(from.size() <= kRangeBytes);  // rocks_options.cc, RangeOfKey
    if (status.ok() && from < to) {
      status = changes.DeleteRange(db_->DefaultColumnFamily(), slice(from), slice(to));
    }
  }
  for (const task::Batch::Change& change : batch.changes()) {
    if (!status.ok()) break;
    status = change.value ? changes.Put(slice(change.key), slice(*change.value)) : changes.Delete(slice(change.key));
  }
  rocksdb::WriteOptions settings;
  settings.sync = true;  // P3: durable when it returns
  if (status.ok()) status = db_->Write(settings, &changes);
  if (status.ok()) return base::success();
  failed_ = failed("a commit failed", status);
  return *failed_;
}

base::Status RocksStore::load(const task::Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failed_) return *failed_;
  if (batch.empty()) return base::success();
  TROTH_ASSERT(batch.ranges().empty());
  const std::string file = path_ + "/load.sst";
  rocksdb::Status status = write_table(file, batch);
  if (status.ok()) {
    rocksdb::IngestExternalFileOptions settings;
    settings.move_files = true;
    settings.snapshot_consistency = false;  // nobody reads a partition that is being loaded
    status = db_->IngestExternalFile({file}, settings);
  }
  if (status.ok()) return base::success();
  failed_ = failed("a load failed", status);
  return *failed_;
}

rocksdb::Status RocksStore::write_table(const std::string& file, const task::Batch& batch) const {
  std::vector<const task::Batch::Change*> changes;
  changes.reserve(batch.changes().size());
  for (const task::Batch::Change& change : batch.changes()) changes.push_back(&change);
  const auto is_before = [](const auto* a, const auto* b) { return a->key < b->key; };
  if (!std::is_sorted(changes.begin(), changes.end(), is_before)) {
    std::stable_sort(changes.begin(), changes.end(), is_before);
  }
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), db_->GetOptions());
  rocksdb::Status status = writer.Open(file);
  for (std::size_t i = 0; i < changes.size() && status.ok(); ++i) {
    if (i + 1 < changes.size() && changes[i + 1]->key == changes[i]->key) continue;  // a later change wins
    status = changes[i]->value ? writer.Put(slice(changes[i]->key), slice(*changes[i]->value))
                               : writer.Delete(slice(changes[i]->key));
  }
  return status.ok() ? writer.Finish() : status;
}

std::string rocksdb_description() {
  std::string text = "RocksDB " + rocksdb::GetRocksVersionAsString();
  if (rocksdb_can_compress_with(rocksdb::kLZ4Compression)) text += ", lz4";
  if (rocksdb_can_compress_with(rocksdb::kZSTD)) text += ", zstd";
  return text;
}

}  // namespace troth::state
