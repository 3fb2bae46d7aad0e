// Payloads: to and from what people type and read.
#ifndef PERDURE_CMD_PERDURE_PAYLOAD_TEXT_H_
#define PERDURE_CMD_PERDURE_PAYLOAD_TEXT_H_

#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "perdure/v1/common.pb.h"

namespace perdure::cli {

// One printable line: compact JSON, or what it is and how long ("protobuf shop.Order, 120 bytes"). "" for
// none.
std::string PayloadLine(const v1::Payload& payload);

// Printable, over several lines if it is JSON.
std::string PayloadText(const v1::Payload& payload, int width);

// The payload of an option such as --input: JSON text, @FILE, or - for standard input. InvalidArgument names
// the option and, for bad JSON, line and column. "" gives no payload.
absl::StatusOr<v1::Payload> ReadPayload(const std::string& option, const std::string& value,
                                        std::istream& in);

// For --memo KEY=VALUE: VALUE itself if it is JSON, else as a JSON string.
v1::Payload MemoValue(const std::string& value);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_PAYLOAD_TEXT_H_
