// What a run's list row must say, given its history.
#ifndef PERDURE_SERVER_VERIFY_LIST_ROW_H_
#define PERDURE_SERVER_VERIFY_LIST_ROW_H_

#include "perdure/internal/v1/records.pb.h"
#include "server/engine/state.h"
#include "server/verify/difference.h"

namespace perdure::verify {

// The first field of the row that is not as the history wants it: first what is wanted, second what is there.
// When a run expires that named no retention of its own is the server's to say: not before it closed.
Difference ListRowDifference(const engine::RunState& state, const internal::v1::ListRecord& row);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_LIST_ROW_H_
