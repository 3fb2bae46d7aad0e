// Which keys belong to one run, as RocksDB's filters see it. Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_PREFIX_H_
#define PERDURE_STORAGE_ROCKS_PREFIX_H_

#include <rocksdb/slice_transform.h>

#include <memory>
#include <string_view>

namespace perdure::storage {

// Partition, kind and run of a log or note key; no other key has a prefix.
std::shared_ptr<const rocksdb::SliceTransform> NewRunPrefix();

// Whether all keys of [begin, end) have the same such prefix, so that a scan may skip files by their filter.
bool WithinOneRun(std::string_view begin, std::string_view end);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_PREFIX_H_
