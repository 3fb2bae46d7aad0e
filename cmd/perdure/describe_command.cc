// perdure workflow describe.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/describe_view.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/options.h"

namespace perdure::cli {
namespace {

absl::StatusOr<int> Describe(Context& context, const RunOptions& run) {
  v1::DescribeWorkflowRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = run.Execution();
  const auto response = context.client.Describe(request, context.CallTimeoutMs());
  if (!response.ok()) return Annotate(response.status(), absl::StrCat("cannot describe ", run.Name()));
  if (context.globals.json) {
    context.PrintJson(*response);
  } else {
    context.environment.out << FormatDescription(*response, context.style, context.environment.width,
                                                 context.environment.now_unix_ms());
  }
  return kExitOk;
}

}  // namespace

void AddDescribeCommand(CLI::App& workflow, Command& chosen) {
  CLI::App& command =
      *workflow.add_subcommand("describe", "show a workflow's state and what it is waiting for");
  auto run = std::make_shared<RunOptions>();
  RunOptions::Add(command, *run);
  command.callback([&chosen, run] { chosen = [run](Context& context) { return Describe(context, *run); }; });
}

}  // namespace perdure::cli
