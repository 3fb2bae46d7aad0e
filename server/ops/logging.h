// Where log lines go and in which form.
#ifndef PERDURE_SERVER_OPS_LOGGING_H_
#define PERDURE_SERVER_OPS_LOGGING_H_

#include "absl/status/status.h"
#include "server/ops/config.h"

namespace perdure::ops {

// Directs base::Log of the whole process to stderr or `log_file`, as log_format and log_level say. May be
// called again to change them. Every line is flushed. Unavailable: the file cannot be opened; nothing
// changes.
absl::Status SetUpLogging(const ServerConfig& config);

// Back to base::Log's own output on stderr, the file closed.
void ShutDownLogging();

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_LOGGING_H_
