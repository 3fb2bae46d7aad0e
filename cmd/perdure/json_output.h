// API messages as JSON, for --output json.
//
// Field names are those of the proto files. Payloads of encoding "json" appear as the JSON they hold, others
// as
// {"encoding", "type", "data_base64"}; no payload is null. Enums are lower-case words ("running"), fixed64
// ids are strings (JSON readers round large numbers). Unset messages and unspecified enums are left out; an
// event and a command say which kind they are in "kind".
#ifndef PERDURE_CMD_PERDURE_JSON_OUTPUT_H_
#define PERDURE_CMD_PERDURE_JSON_OUTPUT_H_

#include <cstddef>
#include <limits>
#include <string>

namespace google::protobuf {
class Message;
}

namespace perdure::cli {

// Compact, one line. Of payloads with more than `payload_bytes_max` bytes only the beginning is shown, as
// {"encoding", "type", "bytes", "begins" or "begins_base64"}.
std::string MessageToJson(const google::protobuf::Message& message,
                          size_t payload_bytes_max = std::numeric_limits<size_t>::max());

// "running" for RUN_STATUS_RUNNING: the value's name without the enum's prefix.
std::string EnumWord(const std::string& value_name, const std::string& enum_name);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_JSON_OUTPUT_H_
