#include "storage/rocks_reader.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/data_dir.h"
#include "storage/dir_lock.h"
#include "storage/rocks_options.h"
#include "storage/rocks_read.h"
#include "storage/rocks_status.h"
#include "storage/rocks_wal.h"

namespace perdure::storage {
namespace {

constexpr uint64_t kMemoryBudgetBytes = 64 << 20;

rocksdb::Options ReaderOptions(const RocksStoreOptions& store_options) {
  rocksdb::Options options = MakeRocksOptions(store_options, rocksdb::NewLRUCache(kMemoryBudgetBytes));
  options.create_if_missing = false;
  // What is looked for is there nearly always, which no filter helps to find; and one filter may take more
  // memory than a shard of the cache has, so that each look would read it anew.
  auto* const table = options.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  table->filter_policy = nullptr;
  table->cache_index_and_filter_blocks = false;
  table->pin_l0_filter_and_index_blocks_in_cache = false;
  return options;
}

// RocksDB keeps a diary in the directory unless it is given another one.
class NoDiary : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class Reader : public RocksReader {
 public:
  Reader(const RocksStoreOptions& options, std::unique_ptr<SharedDirLock> lock)
      : dir_(options.data_dir),
        lock_(std::move(lock)),
        files_(std::make_shared<WalFileSystem>(rocksdb::FileSystem::Default(), dir_, MemtableBytes(options),
                                               [] { return uint64_t{0}; })),
        env_(rocksdb::NewCompositeEnv(files_)),
        continuity_(files_.get()) {}

  absl::Status Open(const RocksStoreOptions& store_options) {
    // From here on an attempt to write is an error.
    files_->Freeze();
    rocksdb::Options options = ReaderOptions(store_options);
    options.env = env_.get();
    options.wal_filter = &continuity_;
    options.info_log = std::make_shared<NoDiary>();
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, dir_, &db);
    db_.reset(db);
    if (continuity_.broken()) {
      return absl::DataLossError(absl::StrCat("the log of data directory ", dir_,
                                              " is not whole: ", continuity_.gap(),
                                              ". Restore the directory from a backup; check the disk"));
    }
    return FromRocks(status, absl::StrCat("opening data directory ", dir_));
  }

  absl::StatusOr<std::string> Get(std::string_view key) const override {
    return RocksGet(db_.get(), nullptr, key);
  }
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const override {
    return RocksScan(db_.get(), nullptr, begin, end);
  }
  std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const override {
    return RocksScanReverse(db_.get(), nullptr, begin, end);
  }

  absl::Status VerifyChecksums() const override {
    return FromRocks(db_->VerifyChecksum(), "comparing the checksums of the tables");
  }

 private:
  const std::string dir_;
  const std::unique_ptr<SharedDirLock> lock_;
  const std::shared_ptr<WalFileSystem> files_;
  const std::unique_ptr<rocksdb::Env> env_;
  WalContinuity continuity_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RocksReader>> RocksReader::Open(const std::string& data_dir) {
  RocksStoreOptions options;
  options.data_dir = data_dir;
  options.memory_budget_bytes = kMemoryBudgetBytes;
  while (options.data_dir.size() > 1 && options.data_dir.back() == '/') options.data_dir.pop_back();
  if (absl::Status status = CheckStoreDir(options.data_dir); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<SharedDirLock>> lock = SharedDirLock::Take(options.data_dir);
  if (!lock.ok()) return lock.status();
  auto reader = std::make_unique<Reader>(options, *std::move(lock));
  if (absl::Status status = reader->Open(options); !status.ok()) return status;
  return reader;
}

}  // namespace perdure::storage
