// Patience: whether and how long to wait for a server that went away in the middle of a command.
#ifndef PERDURE_CMD_PERDURE_PATIENCE_H_
#define PERDURE_CMD_PERDURE_PATIENCE_H_

#include "absl/status/status.h"
#include "cmd/perdure/context.h"

namespace perdure::cli {

// A server that was never reached is not waited for; one that was there is waited for without limit (the
// caller watches --timeout). Says so once on stderr.
class Patience {
 public:
  Patience(Context& context, bool reached_before) : context_(context), reached_(reached_before) {}

  void Reached();
  // False: give up. True: has waited, try again.
  bool KeepTrying(const absl::Status& status);

 private:
  Context& context_;
  bool reached_;
  bool told_ = false;
  int64_t pause_ms_ = 0;
};

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_PATIENCE_H_
