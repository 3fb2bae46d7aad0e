// perdure workflow start, signal-with-start.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/result.h"
#include "cmd/perdure/text.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

struct StartOptions {
  std::string type;
  std::string task_queue = "default";
  std::optional<std::string> id;
  std::string input;
  bool wait = false;
  std::string id_reuse = "allow";
  std::string id_conflict = "fail";
  std::string run_timeout;
  std::string execution_timeout;
  std::string start_delay;
  std::string retention;
  int retry_max_attempts = 0;
  std::vector<std::string> memo;
  std::string request_id;
  // signal-with-start only.
  std::string signal_name;
  std::string signal_input;
};

void AddOptions(CLI::App& command, StartOptions& options) {
  command.add_option("--type", options.type, "workflow type, as the worker hosts it")->required();
  command.add_option("--task-queue", options.task_queue, "where its worker listens")->capture_default_str();
  command.add_option("--id", options.id, "workflow id (default: the type and a random part)");
  command.add_option("--input", options.input, "JSON, @FILE, or - for standard input (default: no input)");
  command.add_flag("--wait", options.wait, "wait for the result and print it");
  command
      .add_option("--id-reuse", options.id_reuse,
                  "if a closed run has the id: allow, allow-if-failed, reject")
      ->capture_default_str();
  command.add_option("--run-timeout", options.run_timeout, "longest time from start to close, such as 30m");
  command.add_option("--execution-timeout", options.execution_timeout, "the same over all retried runs");
  command.add_option("--start-delay", options.start_delay, "hold the first activation back for this long");
  TakesWhole(*command.add_option("--retry-max-attempts", options.retry_max_attempts,
                                 "run a failed workflow again, so often in all (default: not retried)"),
             1, 1'000'000);
  command.add_option("--retention", options.retention,
                     "keep the closed run for this long (default: the server's)");
  command.add_option("--memo", options.memo, "KEY=VALUE shown by describe; may be repeated")->take_all();
  // Under an id that is made up anew, a repeated start is another workflow.
  AddRequestId(command, options.request_id).needs("--id");
}

absl::Status SetTimes(const StartOptions& options, v1::StartWorkflowRequest& request) {
  ASSIGN_OR_RETURN(const int64_t run_timeout, ReadDuration("--run-timeout", options.run_timeout));
  ASSIGN_OR_RETURN(const int64_t execution_timeout,
                   ReadDuration("--execution-timeout", options.execution_timeout));
  ASSIGN_OR_RETURN(const int64_t start_delay, ReadDuration("--start-delay", options.start_delay));
  ASSIGN_OR_RETURN(const int64_t retention, ReadDuration("--retention", options.retention));
  request.set_run_timeout_ms(run_timeout);
  request.set_execution_timeout_ms(execution_timeout);
  request.set_start_delay_ms(start_delay);
  request.set_retention_ms(retention);
  return absl::OkStatus();
}

absl::StatusOr<v1::StartWorkflowRequest> BuildRequest(Context& context, const StartOptions& options) {
  if (options.id.has_value() && options.id->empty()) {
    return absl::InvalidArgumentError("--id: must not be empty; leave it out to have one made up");
  }
  v1::StartWorkflowRequest request;
  request.set_namespace_(context.globals.name_space);
  request.set_workflow_type(options.type);
  request.set_task_queue(options.task_queue);
  request.set_workflow_id(options.id.has_value()
                              ? *options.id
                              : absl::StrCat(options.type, "-", context.environment.random_id(8)));
  request.set_request_id(context.RequestId(options.request_id));
  request.set_identity(context.Identity());
  RETURN_IF_ERROR(SetTimes(options, request));
  ASSIGN_OR_RETURN(const int reuse,
                   ReadChoice("--id-reuse", options.id_reuse, {"allow", "allow-if-failed", "reject"}));
  ASSIGN_OR_RETURN(const int conflict, ReadChoice("--id-conflict", options.id_conflict,
                                                  {"fail", "use-existing", "terminate-existing"}));
  request.set_id_reuse_policy(static_cast<v1::IdReusePolicy>(reuse + 1));
  request.set_id_conflict_policy(static_cast<v1::IdConflictPolicy>(conflict + 1));
  if (options.retry_max_attempts > 0)
    request.mutable_retry_policy()->set_max_attempts(options.retry_max_attempts);
  for (const std::string& entry : options.memo) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("--memo: '", entry, "' is not KEY=VALUE"));
    }
    (*request.mutable_memo())[entry.substr(0, equals)] = MemoValue(entry.substr(equals + 1));
  }
  ASSIGN_OR_RETURN(*request.mutable_input(), ReadPayload("--input", options.input, context.environment.in));
  if (request.input().encoding().empty()) request.clear_input();
  return request;
}

struct Started {
  std::string workflow_id;
  std::string run_id;
  bool is_new = false;
};

void PrintStarted(Context& context, const Started& started, const char* verb_if_old) {
  std::string json = "{\"workflow_id\":";
  if (context.globals.json) {
    base::AppendJsonString(json, started.workflow_id);
    absl::StrAppend(&json, ",\"run_id\":");
    base::AppendJsonString(json, started.run_id);
    absl::StrAppend(&json, ",\"started\":", started.is_new ? "true" : "false", "}");
    context.PrintJson(json);
    return;
  }
  context.environment.out << (started.is_new ? "started " : verb_if_old)
                          << context.style(Tone::kStrong, Printable(started.workflow_id)) << "  "
                          << context.style(Tone::kFaint, "run " + Printable(started.run_id)) << std::endl;
}

absl::StatusOr<int> Finish(Context& context, const StartOptions& options, const Started& started,
                           const char* verb_if_old) {
  // With --output json and --wait, the result's document says it all: one document only.
  if (!options.wait || !context.globals.json) PrintStarted(context, started, verb_if_old);
  if (!options.wait) return kExitOk;
  RunOptions run{started.workflow_id, started.run_id};
  const WaitOptions wait{.follow_runs = options.retry_max_attempts > 1, .reached_before = true};
  ASSIGN_OR_RETURN(const v1::GetResultResponse result, WaitForResult(context, run, wait));
  return PrintResult(context, run, result, /*with_status=*/true);
}

absl::StatusOr<int> Start(Context& context, const StartOptions& options) {
  ASSIGN_OR_RETURN(const v1::StartWorkflowRequest request, BuildRequest(context, options));
  const auto response = context.client.Start(request, context.CallTimeoutMs());
  if (!response.ok())
    return Annotate(response.status(), absl::StrCat("cannot start workflow '", request.workflow_id(), "'"));
  return Finish(context, options, {request.workflow_id(), response->run_id(), response->started()},
                "already started ");
}

absl::StatusOr<int> SignalWithStart(Context& context, const StartOptions& options) {
  if (options.input == "-" && options.signal_input == "-") {
    return absl::InvalidArgumentError("--input and --signal-input cannot both be standard input");
  }
  v1::SignalWithStartWorkflowRequest request;
  ASSIGN_OR_RETURN(*request.mutable_start(), BuildRequest(context, options));
  request.set_signal_name(options.signal_name);
  ASSIGN_OR_RETURN(*request.mutable_signal_input(),
                   ReadPayload("--signal-input", options.signal_input, context.environment.in));
  const auto response = context.client.SignalWithStart(request, context.CallTimeoutMs());
  const std::string& id = request.start().workflow_id();
  if (!response.ok())
    return Annotate(response.status(), absl::StrCat("cannot signal or start workflow '", id, "'"));
  return Finish(context, options, {id, response->run_id(), response->started()}, "signalled ");
}

}  // namespace

void AddStartCommands(CLI::App& workflow, Command& chosen) {
  CLI::App& start = *workflow.add_subcommand("start", "start a workflow");
  auto options = std::make_shared<StartOptions>();
  AddOptions(start, *options);
  start
      .add_option("--id-conflict", options->id_conflict,
                  "if an open run has the id: fail, use-existing, terminate-existing")
      ->capture_default_str();
  start.footer(
      "Example: perdure workflow start --type order_fulfillment --id order-1 --input @order.json --wait\n"
      "A script that gives --id and --request-id can repeat the command until it has an answer.");
  start.callback(
      [&chosen, options] { chosen = [options](Context& context) { return Start(context, *options); }; });

  CLI::App& both =
      *workflow.add_subcommand("signal-with-start", "signal the open run, or start one and signal it");
  auto both_options = std::make_shared<StartOptions>();
  AddOptions(both, *both_options);
  both.add_option("--signal", both_options->signal_name, "name of the signal")->required();
  both.add_option("--signal-input", both_options->signal_input, "JSON, @FILE, or - for standard input");
  both.callback([&chosen, both_options] {
    chosen = [both_options](Context& context) { return SignalWithStart(context, *both_options); };
  });
}

}  // namespace perdure::cli
