// Waiting for a run to close, and showing what came of it.
#ifndef PERDURE_CMD_PERDURE_RESULT_H_
#define PERDURE_CMD_PERDURE_RESULT_H_

#include "absl/status/statusor.h"
#include "cmd/perdure/context.h"
#include "cmd/perdure/options.h"

namespace perdure::cli {

struct WaitOptions {
  // Ask once only.
  bool once = false;
  bool follow_runs = false;
  // The server was reached a moment ago, so if it is gone now, wait for it to come back.
  bool reached_before = false;
};

// Asks until the run is closed, through restarts of the server, or until --timeout has passed: then Aborted.
absl::StatusOr<v1::GetResultResponse> WaitForResult(Context& context, const RunOptions& run,
                                                    const WaitOptions& options);

// Prints the result, or why there is none, and returns the exit status: success only for COMPLETED.
// `with_status`: in text form, a line with the status comes first.
int PrintResult(Context& context, const RunOptions& run, const v1::GetResultResponse& result,
                bool with_status);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_RESULT_H_
