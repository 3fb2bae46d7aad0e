// perdure workflow signal, cancel, terminate.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/text.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

struct SignalOptions {
  RunOptions run;
  std::string name;
  std::string input;
  std::string request_id;
};

struct StopOptions {
  RunOptions run;
  std::string reason;
  std::string request_id;
};

int PrintDone(Context& context, const char* done, const RunOptions& run) {
  if (context.globals.json) {
    std::string json = "{\"workflow_id\":";
    base::AppendJsonString(json, run.workflow_id);
    absl::StrAppend(&json, ",\"done\":\"", done, "\"}");
    context.PrintJson(json);
  } else {
    context.environment.out << done << " " << context.style(Tone::kStrong, Printable(run.workflow_id))
                            << "\n";
  }
  return kExitOk;
}

absl::StatusOr<int> Signal(Context& context, const SignalOptions& options) {
  v1::SignalWorkflowRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = options.run.Execution();
  request.set_signal_name(options.name);
  ASSIGN_OR_RETURN(v1::Payload input, ReadPayload("--input", options.input, context.environment.in));
  if (!input.encoding().empty()) *request.mutable_input() = std::move(input);
  request.set_request_id(context.RequestId(options.request_id));
  request.set_identity(context.Identity());
  const auto response = context.client.Signal(request, context.CallTimeoutMs());
  if (!response.ok()) {
    return Annotate(response.status(),
                    absl::StrCat("cannot send signal '", options.name, "' to ", options.run.Name()));
  }
  return PrintDone(context, "signalled", options.run);
}

template <typename Request>
Request StopRequest(Context& context, const StopOptions& options) {
  Request request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = options.run.Execution();
  request.set_reason(options.reason);
  request.set_request_id(context.RequestId(options.request_id));
  request.set_identity(context.Identity());
  return request;
}

absl::StatusOr<int> Cancel(Context& context, const StopOptions& options) {
  const auto response = context.client.Cancel(StopRequest<v1::CancelWorkflowRequest>(context, options),
                                              context.CallTimeoutMs());
  if (!response.ok()) return Annotate(response.status(), absl::StrCat("cannot cancel ", options.run.Name()));
  return PrintDone(context, "asked to cancel", options.run);
}

absl::StatusOr<int> Terminate(Context& context, const StopOptions& options) {
  const auto response = context.client.Terminate(StopRequest<v1::TerminateWorkflowRequest>(context, options),
                                                 context.CallTimeoutMs());
  if (!response.ok())
    return Annotate(response.status(), absl::StrCat("cannot terminate ", options.run.Name()));
  return PrintDone(context, "terminated", options.run);
}

void AddStop(CLI::App& workflow, const char* name, const char* about, Command& chosen,
             absl::StatusOr<int> (*run)(Context&, const StopOptions&)) {
  CLI::App& command = *workflow.add_subcommand(name, about);
  auto options = std::make_shared<StopOptions>();
  RunOptions::Add(command, options->run);
  command.add_option("--reason", options->reason, "kept in the history");
  AddRequestId(command, options->request_id);
  command.callback([&chosen, options, run] {
    chosen = [options, run](Context& context) { return run(context, *options); };
  });
}

}  // namespace

void AddChangeCommands(CLI::App& workflow, Command& chosen) {
  CLI::App& signal = *workflow.add_subcommand("signal", "send a signal to an open workflow");
  auto options = std::make_shared<SignalOptions>();
  RunOptions::Add(signal, options->run);
  signal.add_option("NAME,--name", options->name, "name of the signal")->required();
  signal.add_option("--input", options->input, "JSON, @FILE, or - for standard input (default: no input)");
  AddRequestId(signal, options->request_id);
  signal.footer("Example: perdure workflow signal order-1 approve --input '{\"by\": \"ann\"}'");
  signal.callback(
      [&chosen, options] { chosen = [options](Context& context) { return Signal(context, *options); }; });
  AddStop(workflow, "cancel", "ask a workflow to end; its code may clean up", chosen, &Cancel);
  AddStop(workflow, "terminate", "close a workflow at once, without asking its code", chosen, &Terminate);
}

}  // namespace perdure::cli
