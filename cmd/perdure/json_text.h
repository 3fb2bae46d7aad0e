// JSON as text: checked, compacted and indented without ever turning its numbers into doubles.
#ifndef PERDURE_CMD_PERDURE_JSON_TEXT_H_
#define PERDURE_CMD_PERDURE_JSON_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace perdure::cli {

// InvalidArgument: "line 3, column 7: ...".
absl::Status CheckJson(std::string_view text);

// Both expect valid JSON; they only move white space and take any depth.
std::string CompactJson(std::string_view json);
// Two blanks a level, no newline at the end. Short arrays and objects without structure inside stay on one
// line if they fit into `width` columns.
std::string PrettyJson(std::string_view json, int width = 100);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_JSON_TEXT_H_
