// KafkaPosition: where one input of one partition stands: the next offset, whether it is at its end, and what is wrong
// with the offsets that arrive. Pure bookkeeping without a client; owned by KafkaSource, run on its thread.
//
// Below the position: dropped and counted. The client library delivered records twice in several versions; the position
// in our own state is the only truth.
//
// Above the position: a gap. It cannot be an error, because the client hides whatever takes offsets without being a
// record: commit markers of transactions, aborted records, records removed by compaction. Nor can it be ignored,
// because a client that loses its place (seen after resume and seek of librdkafka 2.0.2) skips records in just this
// way. So the first record after the client was told a position is held against it: if it lies above, the client is
// told once more, and only what then still is missing counts as a gap. Gaps elsewhere are counted, for people to look
// at.
//
// The same holds for an end: one that lies above the position is believed only when it is reached again after the client was
// told its position once more. (Seen: within a rebalance the client dropped the records it had fetched, and delivered the
// end behind them. Believed, it lets the engine's time jump to the wall clock, and the records are late when they come.)
//
// At its end, and not: an input is at its end when the client has read up to what the broker last showed (its
// end-of-partition event). It leaves that state only when a record arrives with a backlog of more than `behind_records`
// after it: under a steady flow the end is always a few records away, and to hold back the engine's time for those
// would delay every alert; a backlog larger than what a fetch or two bring has to be read in order of time with the
// other inputs, or it would find its events late.
#pragma once

#include <cstdint>
#include <optional>

namespace troth::source {

struct KafkaOffsetCounts {
  std::uint64_t below = 0;    // records delivered again by the client, dropped here
  std::uint64_t gaps = 0;     // places where offsets were missing
  std::uint64_t missing = 0;  // offsets missing in them
  std::uint64_t reread = 0;   // times the client was told its position once more
};

class KafkaPosition {
 public:
  enum class Step : std::uint8_t {
    kDeliver,    // next in order: the position is now behind it
    kDrop,       // had before
    kReadAgain,  // drop it and whatever follows it, and tell the client to read from next() again
  };

  /// The client was told to read from `next`; −1: from the beginning.
  void start(std::int64_t next);
  /// The client was stopped and goes on from next().
  void resumed();

  [[nodiscard]] Step take(std::int64_t offset, KafkaOffsetCounts& counts);

  enum class End : std::uint8_t {
    kNews,       // the input is at its end, and was not
    kKnown,      // it was there already, or this is of an earlier reading
    kReadAgain,  // records may be missing before it: tell the client to read from next() again
  };
  /// The client has reached the end, at `offset`.
  [[nodiscard]] End reach_end(std::int64_t offset);
  /// A record at `offset` arrived and the broker's end is `end`. True: the input is no longer at its end, and that is
  /// news.
  [[nodiscard]] bool fall_behind(std::int64_t offset, std::int64_t end, std::int64_t behind_records);

  [[nodiscard]] bool at_end() const { return at_end_; }
  /// The offset of the next record to deliver; −1: the first there is.
  [[nodiscard]] std::int64_t next() const { return next_; }
  /// Records between here and the broker's end; markers count as records. Nothing: not known.
  [[nodiscard]] std::optional<std::int64_t> lag(std::int64_t end) const;

  bool paused = false;  // by the driver

 private:
  std::int64_t next_ = -1;
  std::int64_t seen_ = -1;  // the end was reached here: nothing is between next_ and it
  bool at_end_ = false;
  bool told_ = false;  // the next record is the first since the client was told its position
  bool told_twice_ = false;
  std::int64_t doubted_ = -1;  // the end that was not believed at first
};

}  // namespace troth::source
