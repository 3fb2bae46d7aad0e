// Promises: what the server under test has said to anybody, and whether the disk still bears it out.
#ifndef PERDURE_TESTS_UNIT_PARTITION_PROMISES_H_
#define PERDURE_TESTS_UNIT_PARTITION_PROMISES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "perdure/v1/workflow_service.pb.h"
#include "storage/store.h"

namespace perdure::partition::testing {

// Each reply is noted as it comes, however it contradicts an earlier one: Problems tells.
class Promises {
 public:
  // ---- replies to clients ----
  void Started(const std::string& workflow_id, const std::string& request_id,
               const v1::StartWorkflowResponse& response);
  // `accepted` false: refused since the run is closed.
  void Signalled(const std::string& run_id, const std::string& request_id, bool accepted);
  void Cancelled(const std::string& run_id) { cancelled_.insert(run_id); }
  void Terminated(const std::string& run_id) { terminated_.insert(run_id); }
  void Result(const v1::GetResultResponse& response);
  void Described(const v1::DescribeWorkflowResponse& response);

  // ---- what workers were given ----
  void Delivered(uint32_t partition, uint64_t run, const v1::Event& event);

  // What is on disk must bear out all of the above; a sentence for each thing that it does not.
  std::vector<std::string> Problems(const storage::ReadView& store, uint32_t partitions) const;

 private:
  struct Start {
    std::string workflow_id;
    int begun = 0;  // replies that said so
    std::set<std::string> run_ids;
  };
  using RunKey = std::pair<uint32_t, uint64_t>;
  using Histories = std::map<std::string, std::vector<v1::Event>>;  // by run id

  void CheckStarts(const Histories& histories, std::vector<std::string>& problems) const;
  void CheckRequests(const Histories& histories, std::vector<std::string>& problems) const;
  void CheckResults(const Histories& histories, std::vector<std::string>& problems) const;

  std::map<std::string, Start> starts_;                          // by request id
  std::map<std::pair<std::string, std::string>, bool> signals_;  // by run id and request id
  std::set<std::string> cancelled_;
  std::set<std::string> terminated_;
  std::map<std::string, std::string> results_;  // by run id
  std::map<std::string, int64_t> events_;       // by run id: how many there were at least
  std::map<RunKey, std::map<int64_t, std::string>> delivered_;
  std::vector<std::string> contradictions_;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_PROMISES_H_
