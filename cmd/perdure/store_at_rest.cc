#include "cmd/perdure/store_at_rest.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/errors.h"
#include "server/base/status_macros.h"

namespace perdure::cli {

void AddDataDir(CLI::App& command, std::string& data_dir) {
  command.add_option("--data-dir", data_dir, "the directory that perdured was started with")->required();
}

absl::StatusOr<StoreAtRest> OpenAtRest(const std::string& data_dir) {
  StoreAtRest at_rest;
  ASSIGN_OR_RETURN(at_rest.store, storage::RocksReader::Open(data_dir));
  absl::StatusOr<storage::Format> format = storage::ReadFormat(*at_rest.store);
  if (!format.ok()) return Annotate(format.status(), absl::StrCat("data directory ", data_dir));
  at_rest.format = *format;
  return at_rest;
}

}  // namespace perdure::cli
