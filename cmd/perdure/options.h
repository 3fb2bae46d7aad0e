// Options that several commands share.
#ifndef PERDURE_CMD_PERDURE_OPTIONS_H_
#define PERDURE_CMD_PERDURE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cmd/perdure/context.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace perdure::cli {

// Which run: WORKFLOW_ID as first argument (or --id), and --run-id.
struct RunOptions {
  std::string workflow_id;
  std::string run_id;

  static void Add(CLI::App& command, RunOptions& options);
  // "workflow 'order-1'", for messages.
  std::string Name() const;
  v1::WorkflowExecution Execution() const;
};

// --request-id, for a command that changes something.
CLI::Option& AddRequestId(CLI::App& command, std::string& request_id);

// The option takes a whole number from `min` to `max`.
void TakesWhole(CLI::Option& option, int64_t min, int64_t max);

// Duration of an option; InvalidArgument names the option. "" is 0.
absl::StatusOr<int64_t> ReadDuration(const std::string& option, const std::string& value);

// One of `words`; InvalidArgument names the option, the value, the words and the nearest. The index is
// returned.
absl::StatusOr<int> ReadChoice(const std::string& option, const std::string& value,
                               const std::vector<std::string>& words);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_OPTIONS_H_
