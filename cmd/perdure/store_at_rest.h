// The data directory that --data-dir names, opened for reading only.
#ifndef PERDURE_CMD_PERDURE_STORE_AT_REST_H_
#define PERDURE_CMD_PERDURE_STORE_AT_REST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/format.h"
#include "storage/rocks_reader.h"

namespace CLI {
class App;
}

namespace perdure::cli {

// --data-dir, for a command that looks into one.
void AddDataDir(CLI::App& command, std::string& data_dir);

struct StoreAtRest {
  std::unique_ptr<storage::RocksReader> store;
  storage::Format format;
};

// Refuses a directory that a daemon has open, one that holds no store, and one of another format.
absl::StatusOr<StoreAtRest> OpenAtRest(const std::string& data_dir);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_STORE_AT_REST_H_
