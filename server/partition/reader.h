// Reader: what clients read of committed data: histories and lists. Beside the partitions' threads.
//
// Thread-safe. Sees only what is durable, so a list reads the writes that were acknowledged before it began.
#ifndef PERDURE_SERVER_PARTITION_READER_H_
#define PERDURE_SERVER_PARTITION_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "perdure/v1/workflow_service.pb.h"
#include "storage/store.h"

namespace perdure::partition {

class Reader {
 public:
  struct Limits {
    // Rows that one List or Count call looks at.
    int64_t list_rows_scanned_max = 100'000;
  };

  Reader(const storage::Store* store, uint32_t partitions, Limits limits)
      : store_(store), partitions_(partitions), limits_(limits) {}

  struct RunPlace {
    uint32_t partition = 0;
    uint64_t run = 0;
    std::string run_id;
    v1::RunStatus status = v1::RUN_STATUS_UNSPECIFIED;
  };
  // Where a run's rows are; an empty run id means the latest run. NOT_FOUND.
  absl::StatusOr<RunPlace> Locate(const std::string& ns, const v1::WorkflowExecution& execution) const;

  struct Events {
    std::vector<v1::Event> events;
    // Where to go on; 0: that was all, as of now.
    int64_t next_event_id = 0;
  };
  // Events [from, through], at most `events_max` of them and about `bytes_max`.
  absl::StatusOr<Events> ReadEvents(uint32_t partition, uint64_t run, int64_t from, int64_t through,
                                    int64_t events_max, int64_t bytes_max) const;

  absl::StatusOr<v1::ListWorkflowsResponse> List(const v1::ListWorkflowsRequest& request) const;
  // RESOURCE_EXHAUSTED if there are more rows than list_rows_scanned_max times 10.
  absl::StatusOr<v1::CountWorkflowsResponse> Count(const v1::CountWorkflowsRequest& request) const;

 private:
  const storage::Store* const store_;
  const uint32_t partitions_;
  const Limits limits_;
};

// Which of `partitions` a workflow belongs to. Stable for as long as data directories live.
uint32_t PartitionOf(std::string_view ns, std::string_view workflow_id, uint32_t partitions);

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_READER_H_
