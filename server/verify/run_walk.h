// The walk over the runs of a partition, in order: log, head and note rows side by side, and with them the
// dirty journal, the ready rows and the expiry rows, which are sorted by something else.
#ifndef PERDURE_SERVER_VERIFY_RUN_WALK_H_
#define PERDURE_SERVER_VERIFY_RUN_WALK_H_

#include "server/verify/scope.h"

namespace perdure::verify {

// Checks every run, and every row of these six kinds.
void WalkRuns(Scope& scope);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_RUN_WALK_H_
