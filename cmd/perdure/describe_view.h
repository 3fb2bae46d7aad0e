// What a run is and what it is waiting for, for people.
#ifndef PERDURE_CMD_PERDURE_DESCRIBE_VIEW_H_
#define PERDURE_CMD_PERDURE_DESCRIBE_VIEW_H_

#include <cstdint>
#include <string>

#include "cmd/perdure/style.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::cli {

std::string FormatDescription(const v1::DescribeWorkflowResponse& description, const Style& style, int width,
                              int64_t now_unix_ms);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_DESCRIBE_VIEW_H_
