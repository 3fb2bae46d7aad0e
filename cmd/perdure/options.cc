// Shared options.
#include "cmd/perdure/options.h"

#include <CLI/CLI.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cmd/perdure/text.h"
#include "server/base/suggest.h"
#include "server/base/units.h"

namespace perdure::cli {

void RunOptions::Add(CLI::App& command, RunOptions& options) {
  command.add_option("WORKFLOW_ID,--id", options.workflow_id, "which workflow")->required();
  command.add_option("--run-id", options.run_id, "one run of it (default: the latest)");
}

std::string RunOptions::Name() const { return absl::StrCat("workflow '", workflow_id, "'"); }

v1::WorkflowExecution RunOptions::Execution() const {
  v1::WorkflowExecution execution;
  execution.set_workflow_id(workflow_id);
  execution.set_run_id(run_id);
  return execution;
}

CLI::Option& AddRequestId(CLI::App& command, std::string& request_id) {
  return *command.add_option("--request-id", request_id,
                             "makes it safe to repeat the command: with the same id it takes effect once");
}

void TakesWhole(CLI::Option& option, int64_t min, int64_t max) {
  // CLI11's own checks put the whole range of a double into their message.
  option.check([min, max](const std::string& text) -> std::string {
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value < min) {
      return absl::StrCat("'", text, "' is not a whole number of at least ", min);
    }
    return value <= max ? "" : absl::StrCat(text, " is more than the most, ", max);
  });
}

absl::StatusOr<int64_t> ReadDuration(const std::string& option, const std::string& value) {
  if (value.empty()) return 0;
  const absl::StatusOr<int64_t> ms = base::ParseDurationMs(value);
  if (!ms.ok()) return absl::InvalidArgumentError(absl::StrCat(option, ": ", ms.status().message()));
  return ms;
}

absl::StatusOr<int> ReadChoice(const std::string& option, const std::string& value,
                               const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == value) return static_cast<int>(i);
  }
  const std::string nearest = base::Nearest(value, words);
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": '", value, "' is not one of ", absl::StrJoin(words, ", "),
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

}  // namespace perdure::cli
