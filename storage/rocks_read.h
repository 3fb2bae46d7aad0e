// Reading from RocksDB: the same for the store and for its snapshots. Included by .cc files of this room
// only.
#ifndef PERDURE_STORAGE_ROCKS_READ_H_
#define PERDURE_STORAGE_ROCKS_READ_H_

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <string_view>

#include "storage/store.h"

namespace perdure::storage {

// Reads at `snapshot`, or what is committed when each call is made if that is null. Owns neither.
absl::StatusOr<std::string> RocksGet(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                     std::string_view key);
std::unique_ptr<Iterator> RocksScan(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                    std::string_view begin, std::string_view end);
std::unique_ptr<Iterator> RocksScanReverse(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                           std::string_view begin, std::string_view end);

// A frozen view; must not outlive `db`.
std::unique_ptr<ReadView> NewRocksSnapshot(rocksdb::DB* db);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_READ_H_
