#include "engine/task/outbox.h"

#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/task/keys.h"

namespace troth::task {
namespace {

void write_optional(base::ByteWriter& out, const std::optional<std::string>& text) {
  out.boolean(text.has_value());
  if (text) out.string(*text);
}

std::optional<std::string> read_optional(base::ByteReader& in) {
  if (!in.boolean()) return std::nullopt;
  return std::string(in.string());
}

std::string encoded(const Outgoing& record) {
  base::ByteWriter out;
  out.u8(record.stream);
  write_optional(out, record.key);
  write_optional(out, record.value);
  return std::move(out).take();
}

base::Error damaged(std::string_view what) {
  return base::damage("the outbox is damaged: " + std::string(what) +
                     " cannot be read: restore a backup or rebuild the state from the log");
}

/// Appends the records of a chunk.
base::Status read_chunk(std::string_view bytes, std::vector<Outgoing>& records) {
  base::ByteReader in(bytes);
  while (in.ok() && !in.at_end()) {
    Outgoing record;
    record.stream = in.u8();
    record.key = read_optional(in);
    record.value = read_optional(in);
    records.push_back(std::move(record));
  }
  if (!in.ok()) {
    return damaged("its records");
  }
  return base::success();
}

}  // namespace

base::Result<Outbox> Outbox::load(const Store& store, std::int32_t partition) {
  Outbox outbox(partition);
  const std::string from = keys::outbox(partition);
  const auto count = [&](std::string_view, std::string_view) {
    ++outbox.chunks_;
    return true;
  };
  if (auto scanned = store.scan(from, keys::behind(from), count); !scanned) return scanned.error();
  return outbox;
}

void Outbox::write(Batch& batch, const std::vector<Outgoing>& records, const std::vector<std::string>* changes) {
  if (TROTH_PLANTED(outbox_not_cleared) && records.empty() && changes != nullptr) {
    put_changes(batch, *changes);
    return;
  }
  std::size_t chunks = 0;
  std::string chunk;
  const auto put_chunk = [&] { batch.put(keys::outbox_chunk(partition_, chunks++), std::exchange(chunk, {})); };
  for (const Outgoing& record : records) {
    const std::string bytes = encoded(record);
    if (!chunk.empty() && chunk.size() + bytes.size() > base::limits::kOutboxChunkBytes) put_chunk();
    chunk += bytes;
  }
  if (!chunk.empty()) put_chunk();
  for (std::size_t old = chunks; old < chunks_; ++old) batch.remove(keys::outbox_chunk(partition_, old));
  chunks_ = chunks;
  if (changes != nullptr) put_changes(batch, *changes);
}

void Outbox::put_changes(Batch& batch, const std::vector<std::string>& changes) {
  if (TROTH_PLANTED(changes_listed_once) && std::exchange(has_changes_, true)) return;
  base::ByteWriter out;
  for (const std::string& key : changes) out.string(key);
  batch.put(keys::outbox_changes(partition_), std::move(out).take());
}

base::Result<std::vector<Outgoing>> Outbox::read_records(const Store& store) const {
  std::vector<Outgoing> records;
  base::Status status = base::success();
  const std::string from = keys::outbox(partition_);
  const auto take = [&](std::string_view, std::string_view value) {
    status = read_chunk(value, records);
    return status.ok();
  };
  if (auto scanned = store.scan(from, keys::behind(from), take); !scanned) return scanned.error();
  if (!status) return status.error();
  return records;
}

base::Result<std::vector<std::string>> Outbox::read_changes(const Store& store) const {
  auto bytes = store.get(keys::outbox_changes(partition_));
  if (!bytes) return bytes.error();
  std::vector<std::string> changes;
  if (!bytes->has_value()) return changes;
  base::ByteReader in(**bytes);
  while (in.ok() && !in.at_end()) changes.emplace_back(in.string());
  if (!in.ok()) return damaged("its list of changes");
  return changes;
}

}  // namespace troth::task
