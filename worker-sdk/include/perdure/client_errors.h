// What calls of a Client throw when the server refuses them or cannot be reached.
//
//   try {
//     client.Start(OrderFulfillment, order, perdure::StartOptions().WorkflowId("order-42"));
//   } catch (const perdure::AlreadyStarted& e) {
//     std::cerr << "order-42 is underway as run " << e.RunId() << "\n";
//   }
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_ERRORS_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_ERRORS_H_

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace perdure {

// The numbers are those of gRPC.
enum class StatusCode {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "NOT_FOUND".
std::string_view StatusCodeName(StatusCode code);

// A call failed. what() is "NOT_FOUND: ..."; transient errors were tried again before.
class ServiceError : public std::runtime_error {
 public:
  ServiceError(StatusCode code, const std::string& message);
  StatusCode Code() const { return code_; }
  // What the server said.
  const std::string& Message() const { return message_; }

 private:
  StatusCode code_;
  std::string message_;
};

// A field is malformed or past a limit; the message names both.
class InvalidArgument : public ServiceError {
 public:
  explicit InvalidArgument(const std::string& message)
      : ServiceError(StatusCode::kInvalidArgument, message) {}
};

// There is no such workflow or run.
class NotFound : public ServiceError {
 public:
  explicit NotFound(const std::string& message) : ServiceError(StatusCode::kNotFound, message) {}
};

// The run is closed already.
class RunClosed : public ServiceError {
 public:
  explicit RunClosed(const std::string& message) : ServiceError(StatusCode::kFailedPrecondition, message) {}
};

// The id policies refused a start: another run is in the way.
class AlreadyStarted : public ServiceError {
 public:
  AlreadyStarted(const std::string& message, std::string workflow_id, std::string run_id)
      : ServiceError(StatusCode::kAlreadyExists, message),
        workflow_id_(std::move(workflow_id)),
        run_id_(std::move(run_id)) {}
  const std::string& WorkflowId() const { return workflow_id_; }
  // The run that is in the way; empty if it could not be found out.
  const std::string& RunId() const { return run_id_; }

 private:
  std::string workflow_id_;
  std::string run_id_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_ERRORS_H_
