// Every maximum of the engine, by name, with what happens beyond it. The model's own caps stand in its policy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troth::base::limits {

/// A message beyond this is dead-lettered `too_large`.
inline constexpr std::size_t kMessageBytes = 65'536;
/// A line of a file beyond this is not kept in memory: it is read past and dead-lettered `too_large` without its bytes.
inline constexpr std::size_t kLineBytesKept = kMessageBytes;
/// Nesting of objects and arrays in a message, the message itself being the first; deeper is `malformed`.
inline constexpr int kJsonDepth = 64;
/// Partitions of a file replay (`--partitions`).
inline constexpr std::int32_t kPartitions = 1'024;
/// Worker threads (`--workers`).
inline constexpr int kWorkers = 64;
/// Files of one replay.
inline constexpr std::size_t kInputs = 1'024;
/// Decoded records that one input may have waiting for the heads of slower inputs; then it is paused.
inline constexpr std::size_t kMergeAhead = 8'192;
/// Timers held in memory per task; the rest stays in the store until these have fired.
inline constexpr std::size_t kTimersInMemory = 65'536;
/// Bytes of one outbox chunk.
inline constexpr std::size_t kOutboxChunkBytes = 256 * 1024;

/// A policy or configuration file.
inline constexpr std::size_t kConfigurationBytes = 1024 * 1024;

}  // namespace troth::base::limits
