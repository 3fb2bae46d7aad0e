// Run statuses for people.
#ifndef PERDURE_CMD_PERDURE_STATUS_TEXT_H_
#define PERDURE_CMD_PERDURE_STATUS_TEXT_H_

#include <string>
#include <vector>

#include "cmd/perdure/style.h"
#include "perdure/v1/common.pb.h"

namespace perdure::cli {

// "running", "timed out".
std::string StatusText(v1::RunStatus status);
Tone StatusTone(v1::RunStatus status);

// The words of --status, in the order of the enum, from "running" on.
const std::vector<std::string>& StatusWords();

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_STATUS_TEXT_H_
