// See rocks_options.h. Settings whose defaults differ between versions of RocksDB are written out, so that 7.8 and 9.x
// behave alike and each can read what the other wrote.
#include "engine/state/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <cstdarg>
#include <memory>

namespace troth::state {
namespace {

constexpr int kBloomBitsPerKey = 10;
constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr int kLevels = 7;
constexpr int kUncompressedLevels = 2;  // short-lived: rewritten soon
constexpr int kOpenFiles = 512;
constexpr std::size_t kWriteBufferBytesMin = 64 * 1024;

/// RocksDB's own log is not written: 7.8 aborts the process if a write of it fails, so a full disk would be a crash.
/// What matters comes as the status of a call.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// To which of the ranges of task/keys.h a key belongs: its kind and partition. A key that is no longer than that belongs to
/// none, on purpose: a removed range begins with such a key, and RocksDB up to 10 mixes up the places of keys and of removed
/// ranges when it knows both by the same name.
class RangeOfKey final : public rocksdb::SliceTransform {
 public:
  [[nodiscard]] const char* Name() const override { return "troth.RangeOfKey"; }
  [[nodiscard]] rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), kRangeBytes}; }
  [[nodiscard]] bool InDomain(const rocksdb::Slice& key) const override { return key.size() > kRangeBytes; }
};

void set_compression(rocksdb::Options& settings) {
  const auto either = [](rocksdb::CompressionType wanted, rocksdb::CompressionType otherwise) {
    return rocksdb_can_compress_with(wanted) ? wanted : otherwise;
  };
  const rocksdb::CompressionType fast = either(rocksdb::kLZ4Compression, rocksdb::kNoCompression);
  settings.compression = fast;
  settings.compression_per_level.assign(kLevels, fast);
  std::fill_n(settings.compression_per_level.begin(), kUncompressedLevels, rocksdb::kNoCompression);
  settings.bottommost_compression = either(rocksdb::kZSTD, fast);
}

rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = kBlockBytes;
  table.format_version = 5;  // 6 cannot be read by 7.8: a downgrade must stay possible
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  // Indexes and filters count against the cache: it is the bound of memory.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

}  // namespace

bool rocksdb_can_compress_with(rocksdb::CompressionType type) {
  const auto all = rocksdb::GetSupportedCompressions();
  return std::find(all.begin(), all.end(), type) != all.end();
}

rocksdb::Options rocks_options(const RocksOptions& options) {
  rocksdb::Options settings;
  const std::size_t write_buffer_bytes = std::max(options.write_buffer_bytes, 2 * kWriteBufferBytesMin);
  // LRU, not HyperClockCache (not ready in 7.8); write buffers are charged to it. No row cache (false NotFound) and no
  // rate limiter (may stop granting): bugs of 7.8.
  const auto cache = rocksdb::NewLRUCache(options.cache_bytes);
  settings.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes, cache);
  settings.write_buffer_size = write_buffer_bytes / 2;
  settings.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));
  set_compression(settings);

  // A commit's keys ascend within a range: each looks for its place from where the last one was.
  settings.memtable_insert_with_hint_prefix_extractor = std::make_shared<RangeOfKey>();

  settings.num_levels = kLevels;
  settings.level_compaction_dynamic_level_bytes = true;
  settings.max_background_jobs = 2;
  settings.max_open_files = kOpenFiles;

  settings.paranoid_checks = true;
  // Resuming after a background error is unreliable, above all after "no space": the store is closed and reopened.
  settings.max_bgerror_resume_count = 0;
  // A torn tail of the log is a commit that was never acknowledged. Stopping there leaves a state right after a commit;
  // refusing to open would turn every power cut into a rebuild.
  settings.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  settings.track_and_verify_wals_in_manifest = false;  // refuses to open without reason in some versions
  settings.info_log = std::make_shared<NoLog>();
  return settings;
}

}  // namespace troth::state
