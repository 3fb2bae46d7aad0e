// How RocksDB is set up for Perdure, in one place. Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_OPTIONS_H_
#define PERDURE_STORAGE_ROCKS_OPTIONS_H_

#include <rocksdb/options.h>

#include <cstdint>
#include <memory>

#include "storage/rocks_store.h"

namespace perdure::storage {

// Of the memory budget, what one memtable may hold; a log file holds as much.
uint64_t MemtableBytes(const RocksStoreOptions& options);

// Options with a block cache of the whole budget, which the memtables are charged to. Env, listener and WAL
// filter are the caller's to set.
rocksdb::Options MakeRocksOptions(const RocksStoreOptions& options,
                                  const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_OPTIONS_H_
