// The rows that lead to runs: id, list and timer rows. The walk over the runs finds those that are missing;
// here are those that lead nowhere, or to the wrong place.
#ifndef PERDURE_SERVER_VERIFY_INDEX_ROWS_H_
#define PERDURE_SERVER_VERIFY_INDEX_ROWS_H_

#include "server/verify/scope.h"

namespace perdure::verify {

void CheckIdRows(Scope& scope);
void CheckListRows(Scope& scope);
void CheckTimerRows(Scope& scope);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_INDEX_ROWS_H_
