// Where the daemon's store has its files. perdured-failpoints (tests/sim) has another answer than perdured.
#ifndef PERDURE_CMD_PERDURED_STORE_FILES_H_
#define PERDURE_CMD_PERDURED_STORE_FILES_H_

#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace perdure {

// As RocksStoreOptions.files: null for the operating system's.
std::shared_ptr<rocksdb::FileSystem> StoreFiles();

}  // namespace perdure

#endif  // PERDURE_CMD_PERDURED_STORE_FILES_H_
