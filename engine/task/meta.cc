#include "engine/task/meta.h"

#include <utility>

#include "engine/base/bytes.h"

namespace troth::task {
namespace {

void write_strings(base::ByteWriter& out, const std::vector<std::string>& strings) {
  out.varint(strings.size());
  for (const std::string& each : strings) out.string(each);
}

std::vector<std::string> read_strings(base::ByteReader& in) {
  std::vector<std::string> strings(in.count());
  for (std::string& each : strings) each = in.string();
  return strings;
}

void write_commit(base::ByteWriter& out, const CommitId& id) {
  out.varint(id.number);
  out.string(id.writer);
}

CommitId read_commit(base::ByteReader& in) {
  CommitId id;
  id.number = in.varint();
  id.writer = in.string();
  return id;
}

/// Reads the format's number; an error if it is another one.
base::Status read_format(base::ByteReader& in) {
  const std::uint64_t format = in.varint();
  if (in.ok() && format == kStoreFormat) return base::success();
  return base::Error{"the state directory has format " + std::to_string(format) + ", this program reads format " +
                     std::to_string(kStoreFormat) + ": use the program that wrote it, or rebuild the state from the log"};
}

base::Error damaged(std::string_view what) {
  return base::damage("the state is damaged: " + std::string(what) +
                     " cannot be read: restore a backup or rebuild the state from the log");
}

}  // namespace

std::string encode_meta(const InstanceMeta& meta) {
  base::ByteWriter out;
  out.varint(kStoreFormat);
  out.string(meta.foundation);
  out.varint(static_cast<std::uint64_t>(meta.partitions));
  out.boolean(meta.partitions_by_key);
  write_strings(out, meta.inputs);
  out.boolean(meta.horizon.has_value());
  if (meta.horizon) out.zigzag(*meta.horizon);
  out.string(meta.source_position);
  out.string(meta.sink_mark);
  return std::move(out).take();
}

base::Result<InstanceMeta> decode_instance_meta(std::string_view bytes) {
  base::ByteReader in(bytes);
  if (auto format = read_format(in); !format) return format.error();
  InstanceMeta meta;
  meta.foundation = in.string();
  meta.partitions = static_cast<std::int32_t>(in.varint());
  meta.partitions_by_key = in.boolean();
  meta.inputs = read_strings(in);
  if (in.boolean()) meta.horizon = in.zigzag();
  meta.source_position = in.string();
  meta.sink_mark = in.string();
  if (!in.ok() || !in.at_end()) return damaged("the record of the instance");
  return meta;
}

std::string encode_meta(const TaskMeta& meta) { return encode_meta(meta, meta.counter_names); }

std::string encode_meta(const TaskMeta& meta, const std::vector<std::string>& counter_names) {
  base::ByteWriter out;
  out.varint(kStoreFormat);
  out.zigzag(meta.tau);
  out.varint(meta.inputs.size());
  for (const InputMeta& input : meta.inputs) {
    out.zigzag(input.greatest);
    out.boolean(input.at_end);
    out.zigzag(input.next_offset);
  }
  out.varint(meta.tally.read);
  out.varint(meta.tally.applied);
  out.varint(meta.tally.duplicates);
  out.varint(meta.tally.refused.size());
  for (const std::uint64_t each : meta.tally.refused) out.varint(each);
  out.varint(meta.tally.counters.size());
  for (const std::int64_t each : meta.tally.counters) out.zigzag(each);
  write_strings(out, counter_names);
  out.varint(meta.epoch);
  out.zigzag(meta.epoch_records);
  out.varint(meta.erased_keys);
  out.string(meta.settled_under);
  out.string(meta.resettling_under);
  out.string(meta.resettled_to);
  write_strings(out, meta.unsettled);
  write_commit(out, meta.commit);
  write_commit(out, meta.previous);
  out.zigzag(meta.changelog_position);
  return std::move(out).take();
}

base::Result<TaskMeta> decode_task_meta(std::string_view bytes) {
  base::ByteReader in(bytes);
  if (auto format = read_format(in); !format) return format.error();
  TaskMeta meta;
  meta.tau = in.zigzag();
  meta.inputs.resize(in.count());
  for (InputMeta& input : meta.inputs) {
    input.greatest = in.zigzag();
    input.at_end = in.boolean();
    input.next_offset = in.zigzag();
  }
  meta.tally.read = in.varint();
  meta.tally.applied = in.varint();
  meta.tally.duplicates = in.varint();
  if (in.count() != meta.tally.refused.size()) return damaged("the record of a partition");
  for (std::uint64_t& each : meta.tally.refused) each = in.varint();
  meta.tally.counters.resize(in.count());
  for (std::int64_t& each : meta.tally.counters) each = in.zigzag();
  meta.counter_names = read_strings(in);
  meta.epoch = in.varint();
  meta.epoch_records = in.zigzag();
  meta.erased_keys = in.varint();
  meta.settled_under = in.string();
  meta.resettling_under = in.string();
  meta.resettled_to = in.string();
  meta.unsettled = read_strings(in);
  meta.commit = read_commit(in);
  meta.previous = read_commit(in);
  meta.changelog_position = in.zigzag();
  const bool is_whole = in.ok() && in.at_end() && meta.counter_names.size() == meta.tally.counters.size();
  if (!is_whole || !meta.tally.is_balanced()) return damaged("the record of a partition");
  return meta;
}

}  // namespace troth::task
