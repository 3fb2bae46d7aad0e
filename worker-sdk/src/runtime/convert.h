// Between the public value types of the SDK and the messages of the API.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_CONVERT_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_CONVERT_H_

#include "perdure/errors.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "perdure/v1/common.pb.h"

namespace perdure::runtime {

v1::Payload ToProto(Payload payload);
Payload FromProto(const v1::Payload& payload);

// With the converter applied to details on the way; it may be null. A converter that throws leaves details
// out.
v1::Failure ToProto(const Failure& failure, const PayloadConverter* converter = nullptr);
Failure FromProto(const v1::Failure& failure, const PayloadConverter* converter = nullptr);

v1::RetryPolicy ToProto(const RetryPolicy& policy);
v1::TaskTimeouts TimeoutsToProto(const TaskOptions& options);

// The trouble of a converter rather than of the payload: another attempt may fare better.
class ConverterFailed final : public DecodeError {
 public:
  using DecodeError::DecodeError;
};

// Encode and Decode of a converter that may be null; what it throws becomes EncodeError or ConverterFailed,
// save a DecodeError of its own. EncodeError also for an encoding or a type that the server would not take.
Payload Encode(const PayloadConverter* converter, Payload payload);
Payload Decode(const PayloadConverter* converter, Payload payload);

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_CONVERT_H_
