// Outbox: what the last commit of one partition sends, durable with the state: its outputs, in chunks, and the keys that it
// changed, from which the changelog's rows can be made again. It stays until the next commit of the partition takes its
// place: whether it was delivered, the other side knows (recovery.h).
//
// Owned by the instance with the partition's task, driver's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/sink.h"
#include "engine/task/store.h"

namespace troth::task {

class Outbox {
 public:
  /// Learns what the store holds of it.
  [[nodiscard]] static base::Result<Outbox> load(const Store& store, std::int32_t partition);

  /// Puts `records`, and the changelog keys of `changes` if there is a changelog, in the place of what was there.
  void write(Batch& batch, const std::vector<Outgoing>& records, const std::vector<std::string>* changes);

  /// What was written last.
  [[nodiscard]] base::Result<std::vector<Outgoing>> read_records(const Store& store) const;
  /// Changelog keys, in the order of their rows.
  [[nodiscard]] base::Result<std::vector<std::string>> read_changes(const Store& store) const;

  [[nodiscard]] std::size_t chunks() const { return chunks_; }

 private:
  explicit Outbox(std::int32_t partition) : partition_(partition) {}
  void put_changes(Batch& batch, const std::vector<std::string>& changes);

  std::int32_t partition_;
  bool has_changes_ = false;  // a list was written
  std::size_t chunks_ = 0;    // in the store, or in the batch that is about to be committed
};

}  // namespace troth::task
