// Shared options.
#include "cmd/perdure/options.h"

#include <CLI/CLI.hpp>

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
