// What a verification found, for people and for programs.
#ifndef PERDURE_CMD_PERDURE_VERIFY_VIEW_H_
#define PERDURE_CMD_PERDURE_VERIFY_VIEW_H_

#include <string>

#include "cmd/perdure/style.h"
#include "server/verify/problem.h"

namespace perdure::cli {

// Several lines: what is wrong, the row, the run, what was expected and what was found.
std::string ProblemText(const verify::Problem& problem, const Style& style);
// The same as one JSON object, on one line.
std::string ProblemJson(const verify::Problem& problem);

std::string SummaryText(const verify::Summary& summary, const std::string& data_dir, const Style& style);
std::string SummaryJson(const verify::Summary& summary, const std::string& data_dir);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_VERIFY_VIEW_H_
