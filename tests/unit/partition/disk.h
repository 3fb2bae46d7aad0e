// Disk: what a partition left in the store, and what must be true of it whenever the process may die.
#ifndef PERDURE_TESTS_UNIT_PARTITION_DISK_H_
#define PERDURE_TESTS_UNIT_PARTITION_DISK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "perdure/internal/v1/records.pb.h"
#include "server/engine/state.h"
#include "storage/keyspace.h"
#include "storage/store.h"
#include "tests/unit/partition/requests.h"

namespace perdure::partition::testing {

namespace records = ::perdure::internal::v1;

// Reads the store at each call.
class Disk {
 public:
  // `partitions`: how many there are; 0: not known.
  explicit Disk(const storage::ReadView& view, uint32_t partition = 0, uint32_t partitions = 0)
      : view_(view), partition_(partition), partitions_(partitions) {}

  size_t Count(storage::KeyKind kind) const;
  std::vector<std::string> Keys(storage::KeyKind kind) const;
  bool Has(std::string_view key) const { return view_.Get(key).ok(); }

  // Runs that have a history, oldest first.
  std::vector<uint64_t> Runs() const;
  // A run's events, in order.
  std::vector<v1::Event> History(uint64_t run) const;
  std::optional<records::ListRecord> ListRow(uint64_t run, const std::string& ns = kNamespace) const;
  std::optional<records::IdRecord> IdRow(const std::string& workflow_id,
                                         const std::string& ns = kNamespace) const;
  // The run's state as a load folds it, from its head if it has one and `use_head`, else from event 1. Not
  // revived.
  absl::StatusOr<engine::RunState> Fold(uint64_t run, bool use_head) const;

  struct Journal {
    std::set<uint64_t> dirty;
    std::set<uint64_t> closed;
    uint64_t next_run = 0;
  };
  Journal ReadJournal() const;
  // (queue, run, seq) of each ready row.
  std::vector<storage::ReadyParts> Ready() const;

  // What is wrong, a sentence each: the invariants are those of server/verify/verify.h. What the verifier
  // calls a leftover counts too: no test leaves any.
  std::vector<std::string> Problems() const;
  // What is left over once every run is closed and a checkpoint is over.
  std::vector<std::string> Leftovers() const;

 private:
  const storage::ReadView& view_;
  const uint32_t partition_;
  const uint32_t partitions_;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_DISK_H_
