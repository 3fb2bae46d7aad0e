// Failures for people.
#ifndef PERDURE_CMD_PERDURE_FAILURE_TEXT_H_
#define PERDURE_CMD_PERDURE_FAILURE_TEXT_H_

#include <string>
#include <vector>

#include "perdure/v1/common.pb.h"

namespace perdure::cli {

// One printable line, without the causes: "task charge (seq 3, attempt 2): CardDeclined: no funds".
std::string FailureLine(const v1::Failure& failure);

// The one that began it: the innermost cause.
const v1::Failure& RootCause(const v1::Failure& failure);

// The chain of causes, outermost first; causes begin with "caused by: ". A message of several lines (what
// non-determinism reports) stays so, indented.
std::vector<std::string> FailureLines(const v1::Failure& failure);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_FAILURE_TEXT_H_
