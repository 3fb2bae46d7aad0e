// perdure workflow result.
#include <CLI/CLI.hpp>
#include <memory>

#include "cmd/perdure/commands.h"
#include "cmd/perdure/result.h"
#include "server/base/status_macros.h"

namespace perdure::cli {
namespace {

struct ResultOptions {
  RunOptions run;
  bool no_wait = false;
  bool follow = false;
};

absl::StatusOr<int> Result(Context& context, const ResultOptions& options) {
  const WaitOptions wait{.once = options.no_wait, .follow_runs = options.follow};
  ASSIGN_OR_RETURN(const v1::GetResultResponse result, WaitForResult(context, options.run, wait));
  return PrintResult(context, options.run, result, /*with_status=*/false);
}

}  // namespace

void AddResultCommand(CLI::App& workflow, Command& chosen) {
  CLI::App& command = *workflow.add_subcommand("result", "wait for a workflow to close and print its result");
  auto options = std::make_shared<ResultOptions>();
  RunOptions::Add(command, options->run);
  command.add_flag("--no-wait", options->no_wait, "do not wait if it is still running");
  command.add_flag("--follow", options->follow, "follow a retried run to the one that came after it");
  command.footer("Exit status: 0 completed, 1 any other end (or still running), 3 no such workflow.");
  command.callback(
      [&chosen, options] { chosen = [options](Context& context) { return Result(context, *options); }; });
}

}  // namespace perdure::cli
