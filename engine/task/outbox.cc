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

base::Result<std::vector<Outgoing>> read_chunk(std::string_view bytes) {
  base::ByteReader in(bytes);
  std::vector<Outgoing> records;
  while (in.ok() && !in.at_end()) {
    Outgoing record;
    record.stream = in.u8();
    record.key = read_optional(in);
    record.value = read_optional(in);
    records.push_back(std::move(record));
  }
  if (!in.ok()) {
    return base::Error{"the outbox is damaged: its records cannot be read: restore a backup or rebuild the state from "
                       "the log"};
  }
  return records;
}

}  // namespace

base::Status Outbox::redeliver(const Store& store, Sink& sink) {
  const std::string end = keys::behind(keys::outbox());
  std::string from = keys::outbox();
  for (;;) {
    std::optional<std::pair<std::uint64_t, std::string>> chunk;
    const auto take = [&](std::string_view key, std::string_view value) {
      chunk.emplace(base::ByteReader(key.substr(keys::outbox().size())).be64(), value);
      return false;
    };
    if (auto scanned = store.scan(from, end, take); !scanned) return scanned;
    if (!chunk) break;
    auto records = read_chunk(chunk->second);
    if (!records) return records.error();
    if (!TROTH_PLANTED(outbox_not_sent_again)) {
      if (auto written = sink.write(*records); !written) return written;
    }
    in_delivery_.push_back(chunk->first);
    next_sequence_ = chunk->first + 1;
    from = keys::outbox_chunk(next_sequence_);
  }
  if (in_delivery_.empty()) return base::success();
  if (auto durable = sink.make_durable(); !durable) return durable.error();
  acknowledge();
  return base::success();
}

void Outbox::write(Batch& batch, const std::vector<Outgoing>& records) {
  for (const std::uint64_t sequence : std::exchange(delivered_, {})) batch.remove(keys::outbox_chunk(sequence));
  std::string chunk;
  const auto put_chunk = [&] {
    in_delivery_.push_back(next_sequence_);
    batch.put(keys::outbox_chunk(next_sequence_++), std::exchange(chunk, {}));
  };
  for (const Outgoing& record : records) {
    const std::string bytes = encoded(record);
    if (!chunk.empty() && chunk.size() + bytes.size() > base::limits::kOutboxChunkBytes) put_chunk();
    chunk += bytes;
  }
  if (!chunk.empty()) put_chunk();
}

void Outbox::acknowledge() {
  delivered_.insert(delivered_.end(), in_delivery_.begin(), in_delivery_.end());
  in_delivery_.clear();
}

}  // namespace troth::task
