// What workflow_service.proto says of requests, written down a second time: a field of each name, and what
// may be in it. Knows nothing of the server's own validation.
#ifndef PERDURE_TESTS_FUZZ_REQUEST_RULES_H_
#define PERDURE_TESTS_FUZZ_REQUEST_RULES_H_

#include <google/protobuf/message.h>

#include <string>

#include "server/api/validate.h"

namespace perdure::fuzz {

// What in an accepted request breaks the documented limits; "" for nothing. A text or number for which there
// is no rule is broken too, so that no new field is forgotten.
std::string WhyNotAllowed(const google::protobuf::Message& request, const api::ApiLimits& limits);

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_REQUEST_RULES_H_
