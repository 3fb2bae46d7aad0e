// Which keys belong to one run, as RocksDB's filters see it. Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_PREFIX_H_
#define PERDURE_STORAGE_ROCKS_PREFIX_H_

#include <rocksdb/slice_transform.h>

#include <memory>
#include <string_view>

namespace perdure::storage {

// Partition, kind and run of a log or note key; no other key has a prefix.
std::shared_ptr<const rocksdb::SliceTransform> NewRunPrefix();

// Partition and kind of a log key, which shares the hint of where it goes in the memtable with others of its
// kind. Not for the begin of a range that is deleted: RocksDB keeps such ranges in a list of their own, but
// looks up the hint in the same map, and would follow it into the other list.
std::shared_ptr<const rocksdb::SliceTransform> NewInsertHint();
bool HasInsertHint(std::string_view key);

// Whether all keys of [begin, end) have the same such prefix, so that a scan may skip files by their filter.
bool WithinOneRun(std::string_view begin, std::string_view end);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_PREFIX_H_
