#include "cmd/perdured/store_files.h"

namespace perdure {

std::shared_ptr<rocksdb::FileSystem> StoreFiles() { return nullptr; }

}  // namespace perdure
