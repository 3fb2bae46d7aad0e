// Spelling keys and ranges. Reading them back is in keyspace_parse.cc.
#include "storage/keyspace.h"

#include <cstdio>
#include <cstdlib>

namespace perdure::storage {
namespace {

Key Begin(uint32_t partition, KeyKind kind) {
  if (partition > kGlobalPartition) {
    std::fprintf(stderr, "perdure: partition %u does not fit in a key\n", partition);
    std::abort();
  }
  Key key;
  key.U16(static_cast<uint16_t>(partition)).U8(static_cast<uint8_t>(kind));
  return key;
}

KeyRange Prefix(const Key& prefix) { return {prefix, prefix.Successor()}; }

}  // namespace

Key LogKey(uint32_t partition, uint64_t run, uint64_t first_event) {
  return Begin(partition, KeyKind::kLog).U64(run).U64(first_event);
}
Key HeadKey(uint32_t partition, uint64_t run) { return Begin(partition, KeyKind::kHead).U64(run); }
Key NoteKey(uint32_t partition, uint64_t run, uint64_t seq) {
  return Begin(partition, KeyKind::kNote).U64(run).U64(seq);
}
Key IdKey(uint32_t partition, std::string_view ns, std::string_view workflow_id) {
  return Begin(partition, KeyKind::kId).Name(ns).Rest(workflow_id);
}
Key ListKey(uint32_t partition, std::string_view ns, uint64_t run) {
  return Begin(partition, KeyKind::kList).Name(ns).U64(~run);
}
Key TimerKey(uint32_t partition, uint64_t due_ms, uint64_t run) {
  return Begin(partition, KeyKind::kTimer).U64(due_ms).U64(run);
}
Key ReadyKey(uint32_t partition, std::string_view queue, uint64_t order, uint64_t run, uint64_t seq) {
  return Begin(partition, KeyKind::kReady).Name(queue).U64(order).U64(run).U64(seq);
}
Key DirtyKey(uint32_t partition, uint64_t commit) { return Begin(partition, KeyKind::kDirty).U64(commit); }
Key ExpiryKey(uint32_t partition, uint64_t expires_ms, uint64_t run) {
  return Begin(partition, KeyKind::kExpiry).U64(expires_ms).U64(run);
}
Key SessionKey(std::string_view session_id) {
  return Begin(kGlobalPartition, KeyKind::kSession).Rest(session_id);
}
Key FormatKey() { return Begin(kGlobalPartition, KeyKind::kFormat); }

Key EpochKey() { return Begin(kGlobalPartition, KeyKind::kEpoch); }

KeyRange PartitionRange(uint32_t partition) {
  // Kinds start at 1: the partition's first key is at or after its number and nothing else.
  Key prefix;
  prefix.Rest(Begin(partition, KeyKind::kLog).view().substr(0, 2));
  Key end = prefix.Successor();
  // After the last partition there is no such key: every key sorts before 0xff 0xff 0xff, which is no kind.
  if (end.size() == 0) end = Key().U16(0xffff).U8(0xff);
  return {prefix, end};
}
KeyRange KindRange(uint32_t partition, KeyKind kind) { return Prefix(Begin(partition, kind)); }

KeyRange LogRange(uint32_t partition, uint64_t run) {
  return Prefix(Begin(partition, KeyKind::kLog).U64(run));
}
KeyRange LogRangeFrom(uint32_t partition, uint64_t run, uint64_t first_event) {
  return {LogKey(partition, run, first_event), LogRange(partition, run).end};
}
KeyRange RunsLogRange(uint32_t partition, uint64_t run_begin, uint64_t run_end) {
  return {Begin(partition, KeyKind::kLog).U64(run_begin), Begin(partition, KeyKind::kLog).U64(run_end)};
}
KeyRange NoteRange(uint32_t partition, uint64_t run) {
  return Prefix(Begin(partition, KeyKind::kNote).U64(run));
}
KeyRange IdRange(uint32_t partition, std::string_view ns) {
  return Prefix(Begin(partition, KeyKind::kId).Name(ns));
}
KeyRange ListRange(uint32_t partition, std::string_view ns) {
  return Prefix(Begin(partition, KeyKind::kList).Name(ns));
}
KeyRange ListRowsRange(uint32_t partition, std::string_view ns, uint64_t run_begin, uint64_t run_end) {
  // Newest first: the last run of the range comes first. A range that starts with run 0 ends with its
  // namespace.
  const KeyRange whole = ListRange(partition, ns);
  const Key end = run_begin == 0 ? whole.end : ListKey(partition, ns, run_begin - 1);
  if (run_begin >= run_end) return {end, end};
  return {ListKey(partition, ns, run_end - 1), end};
}
KeyRange ListRangeAfter(uint32_t partition, std::string_view ns, uint64_t run) {
  return ListRowsRange(partition, ns, 0, run);
}
KeyRange TimerRange(uint32_t partition, uint64_t from_ms, uint64_t to_ms) {
  return {TimerKey(partition, from_ms, 0), TimerKey(partition, to_ms, 0)};
}
KeyRange ReadyRange(uint32_t partition, std::string_view queue) {
  return Prefix(Begin(partition, KeyKind::kReady).Name(queue));
}
KeyRange DirtyRange(uint32_t partition, uint64_t from, uint64_t to) {
  return {DirtyKey(partition, from), DirtyKey(partition, to)};
}
KeyRange ExpiryRange(uint32_t partition, uint64_t from_ms, uint64_t to_ms) {
  return {ExpiryKey(partition, from_ms, 0), ExpiryKey(partition, to_ms, 0)};
}
KeyRange SessionRange() { return KindRange(kGlobalPartition, KeyKind::kSession); }

}  // namespace perdure::storage
