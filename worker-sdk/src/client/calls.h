// Unary calls that are repeated while the server cannot be reached, on gRPC's callback API.
//
// A call keeps its request, and with it its request id, across attempts. It ends with its answer, with an
// error that trying again cannot change, at its deadline, or when the calls are closed.
//
// Thread-safety: any thread. `done` is called once, from one of gRPC's threads or from Close.
#ifndef PERDURE_WORKER_SDK_SRC_CLIENT_CALLS_H_
#define PERDURE_WORKER_SDK_SRC_CLIENT_CALLS_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "perdure/v1/workflow_service.grpc.pb.h"
#include "worker-sdk/src/session/backoff.h"

namespace perdure::client {

using Milliseconds = std::chrono::milliseconds;

inline constexpr Milliseconds kRetryInitial{50};
inline constexpr Milliseconds kRetryMax{1000};
// One attempt of a call that does not wait for anything.
inline constexpr Milliseconds kAttemptTimeout{10'000};
// What a long poll may take beyond what it asks the server to wait.
inline constexpr Milliseconds kLongPollSlack{10'000};
// What the last answer may take when the caller's time is up.
inline constexpr Milliseconds kAnswerGrace{500};

struct CallOptions {
  // All attempts together; unset: no limit.
  std::optional<Milliseconds> deadline;
  // One attempt.
  Milliseconds attempt_timeout = kAttemptTimeout;
  // What an attempt may take beyond the deadline, so that an answer which is on its way arrives.
  Milliseconds grace{0};
};

// Whether another attempt may help.
bool Transient(const grpc::Status& status);

// The untyped part of a call.
class Call : public std::enable_shared_from_this<Call> {
 public:
  virtual ~Call() = default;

  void Begin();
  // Ends the call with this status unless it has ended; `done` may follow a little later.
  void Abandon(const grpc::Status& status);

 protected:
  Call(std::string address, const CallOptions& options);

  // Issues one attempt; AttemptDone follows.
  virtual void Issue(grpc::ClientContext* context) = 0;
  virtual void Finish(const grpc::Status& status) = 0;
  void AttemptDone(const grpc::Status& status);

 private:
  using Clock = std::chrono::steady_clock;

  void Attempt();
  // Unset: try again after this long. Set: the end.
  std::optional<grpc::Status> Judge(const grpc::Status& status, Milliseconds* wait);

  const std::string address_;
  const CallOptions options_;
  const Clock::time_point begun_ = Clock::now();

  std::mutex mu_;
  // All below: guarded by mu_.
  session::Backoff backoff_;
  std::optional<grpc::ClientContext> context_;
  // Another one for each wait, since an alarm cannot be set from its own callback.
  std::unique_ptr<grpc::Alarm> alarm_;
  int attempts_ = 0;
  std::optional<grpc::Status> abandoned_;
};

// Must not be destroyed on one of gRPC's threads: the last channel of a process ends them and waits for
// them, itself included. So nothing that a call holds outlives its end, and whoever owns the calls closes
// them, on a thread of its own, before it lets go of them.
class Calls {
 public:
  explicit Calls(std::string address);
  // Close() must have been called.
  ~Calls() = default;

  template <typename Request, typename Response>
  using Method = void (v1::WorkflowService::StubInterface::async_interface::*)(
      grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);

  template <typename Request, typename Response>
  void Start(Method<Request, Response> method, Request request, const CallOptions& options,
             std::function<void(const grpc::Status&, Response&)> done);

  // Waits for the answer. Throws nothing; the status says it all.
  template <typename Request, typename Response>
  grpc::Status Wait(Method<Request, Response> method, Request request, const CallOptions& options,
                    Response* response);

  // Abandons the calls that are under way, waits until they have ended, refuses others.
  void Close();

 private:
  template <typename Request, typename Response>
  class TypedCall;

  // False: closed.
  bool Add(const std::shared_ptr<Call>& call);
  void Remove(const std::shared_ptr<Call>& call);

  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::WorkflowService::Stub> stub_;

  std::mutex mu_;
  std::condition_variable ended_;
  // All below: guarded by mu_.
  std::set<std::shared_ptr<Call>> active_;
  bool closed_ = false;
};

grpc::Status ClosedStatus();

template <typename Request, typename Response>
class Calls::TypedCall final : public Call {
 public:
  using Done = std::function<void(const grpc::Status&, Response&)>;

  TypedCall(Calls* calls, Method<Request, Response> method, Request request, const CallOptions& options,
            Done done)
      : Call(calls->address_, options),
        calls_(calls),
        method_(method),
        request_(std::move(request)),
        done_(std::move(done)) {}

 private:
  void Issue(grpc::ClientContext* context) override {
    response_.Clear();
    auto self = this->shared_from_this();
    v1::WorkflowService::StubInterface* stub = calls_->stub_.get();
    (stub->async()->*method_)(context, &request_, &response_,
                              [this, self](const grpc::Status& status) { AttemptDone(status); });
  }

  void Finish(const grpc::Status& status) override {
    const std::shared_ptr<Call> self = this->shared_from_this();
    {
      // Gone, with all it holds, before the call counts as ended: see Calls.
      const Done done = std::move(done_);
      done(status, response_);
    }
    calls_->Remove(self);
  }

  Calls* const calls_;
  const Method<Request, Response> method_;
  const Request request_;
  Response response_;
  Done done_;
};

template <typename Request, typename Response>
void Calls::Start(Method<Request, Response> method, Request request, const CallOptions& options,
                  std::function<void(const grpc::Status&, Response&)> done) {
  auto call = std::make_shared<TypedCall<Request, Response>>(this, method, std::move(request), options, done);
  if (!Add(call)) {
    Response none;
    done(ClosedStatus(), none);
    return;
  }
  call->Begin();
}

template <typename Request, typename Response>
grpc::Status Calls::Wait(Method<Request, Response> method, Request request, const CallOptions& options,
                         Response* response) {
  std::promise<grpc::Status> ended;
  Start<Request, Response>(method, std::move(request), options,
                           [&](const grpc::Status& status, Response& answer) {
                             response->Swap(&answer);
                             ended.set_value(status);
                           });
  return ended.get_future().get();
}

}  // namespace perdure::client

#endif  // PERDURE_WORKER_SDK_SRC_CLIENT_CALLS_H_
