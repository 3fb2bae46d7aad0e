// A directory of its own for each test, and RocksDB stores in it.
#ifndef PERDURE_TESTS_UNIT_STORAGE_ROCKS_FIXTURE_H_
#define PERDURE_TESTS_UNIT_STORAGE_ROCKS_FIXTURE_H_

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "storage/rocks_store.h"

namespace perdure::storage {

// Removed with everything in it when it goes out of scope.
class TempDir {
 public:
  TempDir() : path_(std::filesystem::temp_directory_path() / "perdure-store-XXXXXX") {
    std::string name = path_.string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Memtables of 512 KiB, so that little data already makes several files; a reserve that any test machine has.
inline RocksStoreOptions SmallStore(const std::string& dir) {
  RocksStoreOptions options;
  options.data_dir = dir;
  options.memory_budget_bytes = 8 << 20;
  options.disk_reserve_bytes = 1 << 20;
  return options;
}

inline std::unique_ptr<Store> OpenStore(const RocksStoreOptions& options) {
  absl::StatusOr<std::unique_ptr<Store>> store = RocksStore::Open(options);
  EXPECT_TRUE(store.ok()) << store.status();
  if (!store.ok()) std::abort();
  return *std::move(store);
}

inline absl::Status PutOne(Store& store, std::string_view key, std::string_view value) {
  Batch batch;
  batch.Put(key, value);
  return store.Commit({&batch});
}

}  // namespace perdure::storage

#endif  // PERDURE_TESTS_UNIT_STORAGE_ROCKS_FIXTURE_H_
