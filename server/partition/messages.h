// Messages: what can be put into a partition's mailbox.
#ifndef PERDURE_SERVER_PARTITION_MESSAGES_H_
#define PERDURE_SERVER_PARTITION_MESSAGES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "perdure/v1/workflow_service.pb.h"
#include "server/engine/input.h"

namespace perdure::partition {

// The namespace that a request means: an empty one is the default one.
inline const std::string& NamespaceOf(const std::string& ns) {
  static const std::string kDefault = "default";
  return ns.empty() ? kDefault : ns;
}

// Called exactly once, by whoever commits, when what it says is durable. Must not block.
template <typename T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// ---- from clients; validated ----

struct StartRequest {
  v1::StartWorkflowRequest request;
  // Not 0: the reply waits for the run to close, until deadline_ms, and tells the outcome too. As in
  // ResultRequest.
  uint64_t waiter = 0;
  int64_t deadline_ms = 0;
  Reply<v1::StartWorkflowResponse> reply;
};
struct SignalRequest {
  v1::SignalWorkflowRequest request;
  Reply<v1::SignalWorkflowResponse> reply;
};
struct SignalWithStartRequest {
  v1::SignalWithStartWorkflowRequest request;
  Reply<v1::SignalWithStartWorkflowResponse> reply;
};
struct CancelRequest {
  v1::CancelWorkflowRequest request;
  Reply<v1::CancelWorkflowResponse> reply;
};
struct TerminateRequest {
  v1::TerminateWorkflowRequest request;
  Reply<v1::TerminateWorkflowResponse> reply;
};
struct DescribeRequest {
  v1::DescribeWorkflowRequest request;
  Reply<v1::DescribeWorkflowResponse> reply;
};
// Replies when the run is closed, or with status RUNNING at the deadline.
struct ResultRequest {
  v1::GetResultRequest request;
  int64_t deadline_ms = 0;
  // Chosen by the caller, for Forget.
  uint64_t waiter = 0;
  Reply<v1::GetResultResponse> reply;
};
// Where a run is: how far its history goes, and whether it is closed.
struct Progress {
  uint64_t run = 0;
  std::string run_id;
  int64_t last_event_id = 0;
  bool closed = false;
};
// Reports the progress at once and then after each commit that adds to the run's history, until it is closed
// or forgotten. An error is reported once, and ends it.
struct WatchRequest {
  std::string ns;
  v1::WorkflowExecution execution;
  uint64_t waiter = 0;
  absl::AnyInvocable<void(absl::StatusOr<Progress>)> progress;
};
// The client of a ResultRequest or WatchRequest went away.
struct Forget {
  uint64_t waiter = 0;
};

// ---- from dispatch ----

template <typename Input>
struct ForRun {
  uint64_t run = 0;
  Input input;
  // Of the answer that brought it: acknowledged when the outcome is durable. 0: none.
  uint64_t session = 0;
  uint64_t answer_id = 0;
  // Of the worker it comes from, who may name runs of this namespace only. Null: from dispatch itself.
  std::shared_ptr<const std::string> ns = nullptr;
};
struct CoroutinesGone {
  uint64_t session = 0;
};
struct RefillRequest {
  std::string queue;
  int64_t items = 0;
};
struct RecordSession {
  std::string session_id;
  std::string ns;
  std::string task_queue;
  bool connected = false;
};
struct ReleaseHeld {};
// From now on workers can come back: the reconnect grace counts from here.
struct BeginHold {};

// The server stops: those who wait or watch are told to ask again.
struct EndWaits {};

using Message =
    std::variant<StartRequest, SignalRequest, SignalWithStartRequest, CancelRequest, TerminateRequest,
                 DescribeRequest, ResultRequest, WatchRequest, Forget, ForRun<engine::ActivationAnswerInput>,
                 ForRun<engine::StepAnswerInput>, ForRun<engine::TaskAnswerInput>,
                 ForRun<engine::HeartbeatInput>, ForRun<engine::TakenInput>, ForRun<engine::TakenOverInput>,
                 ForRun<engine::ReturnedInput>, ForRun<engine::SpilledInput>,
                 ForRun<engine::CoroutineGoneInput>, CoroutinesGone, RefillRequest, RecordSession,
                 ReleaseHeld, BeginHold, EndWaits>;

// What a message holds in payloads: the part of it that can be large.
struct PayloadBytesOf {
  size_t operator()(const StartRequest& m) const { return m.request.input().data().size(); }
  size_t operator()(const SignalRequest& m) const { return m.request.input().data().size(); }
  size_t operator()(const SignalWithStartRequest& m) const {
    return m.request.start().input().data().size() + m.request.signal_input().data().size();
  }
  size_t operator()(const ForRun<engine::TaskAnswerInput>& m) const {
    return m.input.answer.result().data().size();
  }
  size_t operator()(const ForRun<engine::StepAnswerInput>& m) const {
    return m.input.answer.step().result().data().size();
  }
  size_t operator()(const ForRun<engine::HeartbeatInput>& m) const {
    return m.input.heartbeat.details().data().size();
  }
  template <typename T>
  size_t operator()(const T&) const {
    return 0;
  }
};
inline int64_t PayloadBytes(const Message& message) {
  return static_cast<int64_t>(std::visit(PayloadBytesOf(), message));
}

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_MESSAGES_H_
