// Compares the commands that replayed code issues with those that its history records.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_COMMAND_DIFF_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_COMMAND_DIFF_H_

#include <optional>
#include <string>
#include <vector>

#include "perdure/errors.h"
#include "perdure/v1/history.pb.h"

namespace perdure::runtime {

// "task process_payment (seq 3)", "timer (seq 4)", "timer reminder (seq 5)", "complete run".
std::string DescribeCommand(const v1::Command& command);

// Where the lists come from, for the message.
struct Divergence {
  std::string workflow_type;
  std::string workflow_id;
  std::string run_id;
  // The Advanced event that records.
  std::int64_t event_id = 0;
};

// Null if both lists are the same by kind, sequence number and name. Otherwise a KIND_NON_DETERMINISM failure
// whose message shows them side by side and marks the first difference.
std::optional<Failure> CompareCommands(const Divergence& where, const v1::Advanced& recorded,
                                       const std::vector<v1::Command>& issued);

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_COMMAND_DIFF_H_
