// The keyspace: how every key is spelled. Pure functions, no state, any thread.
//
//   key = partition (big-endian u16) | kind (one byte) | fields
//
// Fields are spelled so that keys sort as their fields do. A partition's keys share a prefix, and in it those
// of one kind. What is not of one partition stands under kGlobalPartition.
//
//   | kind    | fields                    | value                                  |
//   | ------- | ------------------------- | -------------------------------------- |
//   | kLog    | run, first event          | the events of one transition           |
//   | kHead   | run                       | the run's state as of some event       |
//   | kNote   | run, seq                  | what is kept of a pending item         |
//   | kId     | namespace, workflow id    | the latest run under that id           |
//   | kList   | namespace, ~run           | what a list shows of it; newest first  |
//   | kTimer  | due time, run             | nothing                                |
//   | kReady  | queue, order, run, seq    | nothing                                |
//   | kDirty  | commit                    | the runs whose derived rows are behind |
//   | kExpiry | time, run                 | closed runs to delete                  |
//   | kSession| session id                | a worker session that was connected    |
//   | kFormat |                           | the format of the data directory       |
//   | kEpoch  |                           | the epoch of the server's last start   |
//
// Times are milliseconds since 1970. Ranges are half-open: [from, to).
#ifndef PERDURE_STORAGE_KEYSPACE_H_
#define PERDURE_STORAGE_KEYSPACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/key.h"

namespace perdure::storage {

// Written in every key: numbers are never changed or used again.
enum class KeyKind : uint8_t {
  kLog = 1,
  kHead = 2,
  kNote = 3,
  kId = 4,
  kList = 5,
  kTimer = 6,
  kReady = 7,
  kDirty = 8,
  kExpiry = 9,
  kSession = 10,
  kFormat = 11,
  kEpoch = 12,
};

inline constexpr uint32_t kGlobalPartition = 0xffff;
// Partitions are numbered from 0, below this. A larger number is a programmer's error and ends the process.
inline constexpr uint32_t kPartitionsMax = 0xffff;

// One key.
Key LogKey(uint32_t partition, uint64_t run, uint64_t first_event);
Key HeadKey(uint32_t partition, uint64_t run);
Key NoteKey(uint32_t partition, uint64_t run, uint64_t seq);
Key IdKey(uint32_t partition, std::string_view ns, std::string_view workflow_id);
Key ListKey(uint32_t partition, std::string_view ns, uint64_t run);
Key TimerKey(uint32_t partition, uint64_t due_ms, uint64_t run);
Key ReadyKey(uint32_t partition, std::string_view queue, uint64_t order, uint64_t run, uint64_t seq);
Key DirtyKey(uint32_t partition, uint64_t commit);
Key ExpiryKey(uint32_t partition, uint64_t expires_ms, uint64_t run);
Key SessionKey(std::string_view session_id);
Key FormatKey();
Key EpochKey();

// What a key says.
struct LogParts {
  uint32_t partition;
  uint64_t run;
  uint64_t first_event;
};
struct HeadParts {
  uint32_t partition;
  uint64_t run;
};
struct NoteParts {
  uint32_t partition;
  uint64_t run;
  uint64_t seq;
};
struct IdParts {
  uint32_t partition;
  std::string ns;
  std::string workflow_id;
};
struct ListParts {
  uint32_t partition;
  std::string ns;
  uint64_t run;
};
struct TimerParts {
  uint32_t partition;
  uint64_t due_ms;
  uint64_t run;
};
struct ReadyParts {
  uint32_t partition;
  std::string queue;
  uint64_t order;
  uint64_t run;
  uint64_t seq;
};
struct DirtyParts {
  uint32_t partition;
  uint64_t commit;
};
struct ExpiryParts {
  uint32_t partition;
  uint64_t expires_ms;
  uint64_t run;
};
struct SessionParts {
  std::string session_id;
};

// DataLoss, with the key in hexadecimal, for bytes that the function above would never have spelled.
absl::StatusOr<LogParts> ParseLogKey(std::string_view key);
absl::StatusOr<HeadParts> ParseHeadKey(std::string_view key);
absl::StatusOr<NoteParts> ParseNoteKey(std::string_view key);
absl::StatusOr<IdParts> ParseIdKey(std::string_view key);
absl::StatusOr<ListParts> ParseListKey(std::string_view key);
absl::StatusOr<TimerParts> ParseTimerKey(std::string_view key);
absl::StatusOr<ReadyParts> ParseReadyKey(std::string_view key);
absl::StatusOr<DirtyParts> ParseDirtyKey(std::string_view key);
absl::StatusOr<ExpiryParts> ParseExpiryKey(std::string_view key);
absl::StatusOr<SessionParts> ParseSessionKey(std::string_view key);

// The kind of a key, if it is one this program knows.
std::optional<KeyKind> KindOf(std::string_view key);

// Everything of a partition, and everything of one kind in it.
KeyRange PartitionRange(uint32_t partition);
KeyRange KindRange(uint32_t partition, KeyKind kind);

// A run's history: all of it, or from the transition whose first event is `first_event`.
KeyRange LogRange(uint32_t partition, uint64_t run);
KeyRange LogRangeFrom(uint32_t partition, uint64_t run, uint64_t first_event);
// The histories of the runs of [run_begin, run_end): for deleting many with one range.
KeyRange RunsLogRange(uint32_t partition, uint64_t run_begin, uint64_t run_end);
KeyRange NoteRange(uint32_t partition, uint64_t run);
// The ids of one namespace.
KeyRange IdRange(uint32_t partition, std::string_view ns);
// The list rows of one namespace, newest run first; and those of the runs of [run_begin, run_end).
KeyRange ListRange(uint32_t partition, std::string_view ns);
KeyRange ListRowsRange(uint32_t partition, std::string_view ns, uint64_t run_begin, uint64_t run_end);
// The list rows that come after `run` in list order, that is, of older runs: where a page goes on.
KeyRange ListRangeAfter(uint32_t partition, std::string_view ns, uint64_t run);
KeyRange TimerRange(uint32_t partition, uint64_t from_ms, uint64_t to_ms);
KeyRange ReadyRange(uint32_t partition, std::string_view queue);
KeyRange DirtyRange(uint32_t partition, uint64_t from, uint64_t to);
KeyRange ExpiryRange(uint32_t partition, uint64_t from_ms, uint64_t to_ms);
KeyRange SessionRange();

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_KEYSPACE_H_
