// Call: one thing that a client asked for, and what it was told in the end, however often it had to ask.
#ifndef PERDURE_TESTS_SIM_CALL_H_
#define PERDURE_TESTS_SIM_CALL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::sim {

struct Call {
  enum class Kind { kStart, kSignal, kSignalWithStart, kCancel, kTerminate, kDescribe, kResult };
  Kind kind = Kind::kStart;
  std::string workflow_id;
  // Empty: the latest run.
  std::string run_id;
  std::string request_id;
  // kStart, kSignalWithStart.
  v1::StartWorkflowRequest start;
  std::string signal_name;
  int64_t signal_value = 0;

  // How often it was asked.
  int64_t attempts = 0;
  // When it was first asked, and when the reply came; -1: none came.
  int64_t asked_ms = 0;
  int64_t told_ms = -1;
  absl::Status status;
  // What the reply says: the run, whether this call started it, and its status if the call asks for that.
  std::string told_run_id;
  bool started = false;
  v1::RunStatus run_status = v1::RUN_STATUS_UNSPECIFIED;

  bool done() const { return told_ms >= 0; }
  // The run that the call is about, as far as anybody can know.
  const std::string& run() const { return told_run_id.empty() ? run_id : told_run_id; }
};

const char* KindName(Call::Kind kind);
// "signal order-7 (request-31): OK", for people.
std::string Describe(const Call& call);

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_CALL_H_
