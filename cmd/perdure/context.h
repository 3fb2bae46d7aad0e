// What a command gets to work with.
#ifndef PERDURE_CMD_PERDURE_CONTEXT_H_
#define PERDURE_CMD_PERDURE_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "cmd/perdure/client.h"
#include "cmd/perdure/environment.h"
#include "cmd/perdure/style.h"
#include "perdure/v1/workflow_service.pb.h"

namespace google::protobuf {
class Message;
}

namespace perdure::cli {

// Exit statuses, as the documentation lists them.
enum ExitCode {
  kExitOk = 0,
  // The workflow failed, or something else went wrong.
  kExitFailed = 1,
  // Wrong arguments, found here or by the server.
  kExitUsage = 2,
  kExitNotFound = 3,
  // No server answered.
  kExitUnreachable = 4,
};

// Flags that every command has.
struct Globals {
  std::string address;
  std::string name_space;
  bool json = false;
  // 0: not given.
  int64_t timeout_ms = 0;
};

// Lives for one command.
struct Context {
  const Globals& globals;
  Environment& environment;
  Client& client;
  Style style;

  // For one call that should answer at once.
  int64_t CallTimeoutMs() const { return globals.timeout_ms > 0 ? globals.timeout_ms : 10'000; }
  // "user@host", for the server's records.
  std::string Identity() const;
  // The request id that was given, or a new one.
  std::string RequestId(const std::string& given) const {
    return given.empty() ? environment.random_id(32) : given;
  }

  // With --output json: the message, or the JSON text, indented.
  void PrintJson(const google::protobuf::Message& message) const;
  void PrintJson(const std::string& json) const;
};

// What a command line asks for: returns the exit status, or why there is none.
using Command = std::function<absl::StatusOr<int>(Context&)>;

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_CONTEXT_H_
