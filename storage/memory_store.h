// MemoryStore: a Store that keeps everything in memory, for tests and the simulator. It follows the contract
// of Store to the letter and can be told to fail in the ways a disk does.
#ifndef PERDURE_STORAGE_MEMORY_STORE_H_
#define PERDURE_STORAGE_MEMORY_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/fault_plan.h"
#include "storage/mutex.h"
#include "storage/store.h"
#include "storage/versioned_map.h"

namespace perdure::storage {

// Thread-safe. Must outlive its snapshots and iterators.
class MemoryStore : public Store {
 public:
  MemoryStore();
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  absl::StatusOr<std::string> Get(std::string_view key) const override;
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const override;
  std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const override;
  absl::Status Commit(const std::vector<const Batch*>& batches) override;
  std::unique_ptr<ReadView> Snapshot() const override;
  StoreStats Stats() const override;
  void Compact(std::string_view begin, std::string_view end) override;

  // Replaces the fault plan; FaultPlan() has no faults. A store that has failed stays failed.
  void Inject(FaultPlan plan);
  // The size of the disk, or nullopt for one without end. A commit whose puts would go past it is refused
  // with ResourceExhausted; deletes always fit.
  void SetCapacity(std::optional<uint64_t> bytes);
  // Makes what was committed under DelaySync durable.
  void Sync();
  // The power cut: takes back what was committed and not synced. The store can then be used again, as by a
  // process that has just started. Snapshots taken before show the state that is left.
  void LoseUnsynced();
  // The process died and the disk did not: nothing is lost, and a failed store can be used again.
  void Reopen();

 private:
  class Rows;
  class View;

  absl::Status Check(const std::vector<const Batch*>& batches) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Apply(const std::vector<const Batch*>& batches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::unique_ptr<Iterator> NewRows(std::string_view begin, std::string_view end, uint64_t version,
                                    bool reverse) const;
  // Keeps what can be seen at the newest version readable until Unpin.
  uint64_t Pin() const;
  void Pin(uint64_t version) const;
  void Unpin(uint64_t version) const;
  void Forget() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<std::string> GetAt(std::string_view key, uint64_t version) const;

  mutable Mutex mu_;
  mutable VersionedMap map_ ABSL_GUARDED_BY(mu_);
  mutable std::multiset<uint64_t> pins_ ABSL_GUARDED_BY(mu_);
  // Numbers of commits: the last one, the last one synced. They never go down, not even when commits are
  // lost.
  uint64_t committed_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t synced_ ABSL_GUARDED_BY(mu_) = 0;
  FaultPlan plan_ ABSL_GUARDED_BY(mu_);
  absl::Status failed_ ABSL_GUARDED_BY(mu_);
  std::optional<uint64_t> capacity_bytes_ ABSL_GUARDED_BY(mu_);
  StoreStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_MEMORY_STORE_H_
