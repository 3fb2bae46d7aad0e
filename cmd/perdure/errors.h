// What goes to stderr when a command does not work out.
#ifndef PERDURE_CMD_PERDURE_ERRORS_H_
#define PERDURE_CMD_PERDURE_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "cmd/perdure/context.h"

namespace perdure::cli {

// One or two lines: what failed, with which value, and what to do.
std::string ErrorText(const absl::Status& status, const Globals& globals);

int ExitCodeOf(const absl::Status& status);

// The status with "what: " before its message; code and the rest stay.
absl::Status Annotate(const absl::Status& status, const std::string& what);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_ERRORS_H_
