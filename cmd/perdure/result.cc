// Long polls.
#include "cmd/perdure/result.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/failure_text.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/patience.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/status_text.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

// Of one call; the server may cut it further.
constexpr int64_t kPollMs = 20'000;
// Of the first one: if there is no result by then, what holds the run up is told.
constexpr int64_t kFirstPollMs = 2'000;
// Beyond the poll, for the answer to arrive.
constexpr int64_t kAnswerMs = 10'000;

std::string ResultJson(const RunOptions& run, const v1::GetResultResponse& result) {
  std::string json = "{\"workflow_id\":";
  base::AppendJsonString(json, run.workflow_id);
  const std::string message = MessageToJson(result);
  absl::StrAppend(&json, ",", message.substr(1));
  return json;
}

// Why nothing comes of it: the notes of `describe`, on stderr. Failures to get them are of no interest.
void TellWhatHoldsUp(Context& context, const v1::GetResultRequest& waiting) {
  v1::DescribeWorkflowRequest request;
  request.set_namespace_(waiting.namespace_());
  *request.mutable_execution() = waiting.execution();
  const auto description = context.client.Describe(request, context.CallTimeoutMs());
  if (!description.ok()) return;
  for (const std::string& note : description->notes())
    context.environment.err << "perdure: still waiting: " << Printable(note) << std::endl;
}

}  // namespace

absl::StatusOr<v1::GetResultResponse> WaitForResult(Context& context, const RunOptions& run,
                                                    const WaitOptions& options) {
  v1::GetResultRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = run.Execution();
  request.set_follow_runs(options.follow_runs);
  const int64_t start_ms = context.environment.now_unix_ms();
  Patience patience(context, options.reached_before);
  int64_t poll_ms = kFirstPollMs;
  while (true) {
    const int64_t waited_ms = context.environment.now_unix_ms() - start_ms;
    const bool limited = context.globals.timeout_ms > 0;
    const int64_t left_ms = limited ? context.globals.timeout_ms - waited_ms : poll_ms;
    request.set_wait_ms(options.once ? 0 : std::clamp<int64_t>(left_ms, 0, poll_ms));
    const auto response = context.client.GetResult(request, request.wait_ms() + kAnswerMs);
    if (response.ok()) {
      patience.Reached();
      if (response->status() != v1::RUN_STATUS_RUNNING || options.once) return response;
      // Whatever is started under this id meanwhile: it is this run that was asked for.
      request.mutable_execution()->set_run_id(response->run_id());
      if (std::exchange(poll_ms, kPollMs) == kFirstPollMs) TellWhatHoldsUp(context, request);
    } else if (!patience.KeepTrying(response.status())) {
      return Annotate(response.status(), absl::StrCat("cannot get the result of ", run.Name()));
    }
    if (limited && left_ms <= 0) {
      return absl::AbortedError(
          absl::StrCat(run.Name(), " is still running after ", ShortDuration(waited_ms)));
    }
  }
}

int PrintResult(Context& context, const RunOptions& run, const v1::GetResultResponse& result,
                bool with_status) {
  const bool completed = result.status() == v1::RUN_STATUS_COMPLETED;
  const int exit_code = completed ? kExitOk : kExitFailed;
  if (context.globals.json) {
    context.PrintJson(ResultJson(run, result));
    return exit_code;
  }
  const std::string status = StatusText(result.status());
  if (with_status && completed) context.environment.out << context.style(Tone::kGood, status) << "\n";
  if (completed) {
    const std::string text = PayloadText(result.result(), context.environment.width);
    if (!text.empty()) context.environment.out << text << "\n";
    return exit_code;
  }
  context.environment.out << std::flush;
  context.environment.err << Printable(run.Name()) << " "
                          << (result.status() == v1::RUN_STATUS_RUNNING ? "is " : "") << status;
  if (result.has_failure()) {
    const char* separator = ": ";
    for (std::string line : FailureLines(result.failure())) {
      // "terminated: terminated: why" says it once too often.
      if (line == status) continue;
      if (line.starts_with(status + ": ")) line.erase(0, status.size() + 2);
      context.environment.err << separator << line;
      separator = "\n  ";
    }
  }
  context.environment.err << "\n";
  return exit_code;
}

}  // namespace perdure::cli
