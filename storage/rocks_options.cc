// The settings, and why each is not RocksDB's default.
#include "storage/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "storage/rocks_prefix.h"

namespace perdure::storage {
namespace {

constexpr uint64_t kMiB = 1 << 20;

void SetLog(rocksdb::Options& o) {
  // See rocks_wal.h, also for why logs are not recycled.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  o.recycle_log_file_num = 0;
  // A log that was synced and is gone or short at the next start is an error, not an empty log.
  o.track_and_verify_wals_in_manifest = true;
  // One committer writes; nothing is gained by letting several into the memtable at once.
  o.allow_concurrent_memtable_write = false;
  o.enable_write_thread_adaptive_yield = false;
}

void SetMemory(rocksdb::Options& o, const RocksStoreOptions& options,
               const std::shared_ptr<rocksdb::Cache>& cache) {
  o.write_buffer_size = MemtableBytes(options);
  o.max_write_buffer_number = 4;
  // Half the budget at most for memtables; they take their room from the cache.
  o.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memory_budget_bytes / 2, cache);
  // The place of a log key is sought from where the last one of its partition was put. Commits come sorted
  // (Rocks::Gather), so that is a few steps and not the whole way down the skip list.
  o.memtable_insert_with_hint_prefix_extractor = NewInsertHint();
}

void SetTables(rocksdb::Options& o, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Indexes and filters count towards the budget too.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = 16 << 10;
  table.format_version = 5;
  // Whole keys: a start looks for a workflow id that is mostly not there. Prefixes: a run's log and notes.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.optimize_filters_for_memory = true;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.prefix_extractor = NewRunPrefix();
  // Most of what is old is history that nobody reads.
  o.compression = rocksdb::kLZ4Compression;
  o.bottommost_compression = rocksdb::kZSTD;
}

void SetCompaction(rocksdb::Options& o, const RocksStoreOptions& options) {
  o.max_background_jobs = options.background_jobs;
  o.level_compaction_dynamic_level_bytes = true;
  o.max_bytes_for_level_base = std::max<uint64_t>(4 * o.write_buffer_size, 16 * kMiB);
  o.target_file_size_base = std::max<uint64_t>(o.write_buffer_size, 4 * kMiB);
  // Timer and ready rows are written at one end and deleted at the other: files of little but deletes would
  // make every look at the head of a queue slow.
  o.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(8192, 4096, 0.5));
  // Writes reach the disk as they are made, so that no sync of the log waits behind a burst of them.
  o.bytes_per_sync = kMiB;
  o.compaction_readahead_size = 2 * kMiB;
}

}  // namespace

uint64_t MemtableBytes(const RocksStoreOptions& options) {
  // 16, 32 and 64 MiB were measured to cost the same per entry; small ones keep memory and recovery small.
  return std::clamp<uint64_t>(options.memory_budget_bytes / 16, 256 << 10, 64 * kMiB);
}

rocksdb::Options MakeRocksOptions(const RocksStoreOptions& options,
                                  const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::Options o;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  // Half of what a process may open by default, tables being 16 MiB and more.
  o.max_open_files = 512;
  o.skip_stats_update_on_db_open = true;
  // RocksDB's own diary: small, and without figures every ten minutes.
  o.max_log_file_size = 4 * kMiB;
  o.keep_log_file_num = 4;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  SetLog(o);
  SetMemory(o, options, cache);
  SetTables(o, cache);
  SetCompaction(o, options);
  return o;
}

}  // namespace perdure::storage
