#include "worker-sdk/src/client/core.h"

#include <algorithm>
#include <utility>

#include "worker-sdk/src/client/convert.h"
#include "worker-sdk/src/client/errors.h"
#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/session/identity.h"

namespace perdure::client {
namespace {

using Stub = v1::WorkflowService::StubInterface::async_interface;

// What one page of a list may hold.
constexpr std::size_t kListPageMax = 1000;

}  // namespace

Core::Core(const ClientOptions& options)
    : options_(options), converter_(options_.Converter().get()), calls_(options_.Address()) {}

template <typename Request>
Request Core::About(const std::string& workflow_id, const std::string& run_id) const {
  Request request;
  request.set_namespace_(options_.Namespace());
  request.mutable_execution()->set_workflow_id(workflow_id);
  request.mutable_execution()->set_run_id(run_id);
  return request;
}

template <typename Request>
Request Core::Changing(const std::string& workflow_id, const std::string& run_id) const {
  Request request = About<Request>(workflow_id, run_id);
  request.set_request_id(session::NewUuid());
  request.set_identity(options_.Identity());
  return request;
}

template <typename Request, typename Response>
Response Core::Ask(Calls::Method<Request, Response> method, Request request) {
  Response response;
  ThrowUnlessOk(calls_.Wait(method, std::move(request), Bounded(), &response));
  return response;
}

std::string Core::LastRun(const std::string& workflow_id, const std::string& run_id) {
  auto request = About<v1::GetResultRequest>(workflow_id, run_id);
  request.set_follow_runs(true);
  v1::GetResultResponse response;
  calls_.Wait(&Stub::GetResult, std::move(request), Bounded(), &response);
  return response.run_id();
}

template <typename Request, typename Response>
void Core::Change(Calls::Method<Request, Response> method, Request request) {
  while (true) {
    Response response;
    const grpc::Status status = calls_.Wait(method, request, Bounded(), &response);
    const std::string& run_id = request.execution().run_id();
    if (status.error_code() != grpc::FAILED_PRECONDITION || run_id.empty()) return ThrowUnlessOk(status);
    const std::string last = LastRun(request.execution().workflow_id(), run_id);
    if (last.empty() || last == run_id) ThrowUnlessOk(status);
    request.mutable_execution()->set_run_id(last);
  }
}

v1::StartWorkflowRequest Core::StartRequest(const std::string& type, const StartOptions& options,
                                            Payload input) const {
  v1::StartWorkflowRequest request = ToProto(options, converter_);
  request.set_namespace_(options_.Namespace());
  request.set_workflow_id(options.WorkflowId().empty() ? session::NewUuid() : options.WorkflowId());
  request.set_workflow_type(type);
  request.set_task_queue(options.TaskQueue().empty() ? options_.TaskQueue() : options.TaskQueue());
  *request.mutable_input() = runtime::ToProto(runtime::Encode(converter_, std::move(input)));
  request.set_request_id(options.RequestId().empty() ? session::NewUuid() : options.RequestId());
  request.set_identity(options_.Identity());
  return request;
}

void Core::ThrowStartError(const grpc::Status& status, const std::string& workflow_id) {
  if (status.error_code() != grpc::ALREADY_EXISTS) ThrowUnlessOk(status);
  // Which run is in the way.
  v1::GetResultResponse latest;
  calls_.Wait(&Stub::GetResult, About<v1::GetResultRequest>(workflow_id, ""), Bounded(), &latest);
  throw AlreadyStarted(status.error_message(), workflow_id, latest.run_id());
}

detail::StartedRun Core::Start(const std::string& type, const StartOptions& options, Payload input) {
  v1::StartWorkflowRequest request = StartRequest(type, options, std::move(input));
  const std::string workflow_id = request.workflow_id();
  v1::StartWorkflowResponse response;
  const grpc::Status status = calls_.Wait(&Stub::StartWorkflow, std::move(request), Bounded(), &response);
  if (!status.ok()) ThrowStartError(status, workflow_id);
  return {workflow_id, response.run_id(), response.started()};
}

void Core::StartAsync(const std::string& type, const StartOptions& options, Payload input, StartDone done) {
  v1::StartWorkflowRequest request = StartRequest(type, options, std::move(input));
  {
    std::unique_lock lock(mu_);
    start_ended_.wait(lock, [this] { return starts_in_flight_ < options_.MaxStartsInFlight(); });
    ++starts_in_flight_;
  }
  const std::string workflow_id = request.workflow_id();
  calls_.Start<v1::StartWorkflowRequest, v1::StartWorkflowResponse>(
      &Stub::StartWorkflow, std::move(request), Bounded(),
      [this, workflow_id, done = std::move(done)](const grpc::Status& status,
                                                  v1::StartWorkflowResponse& response) {
        {
          std::lock_guard lock(mu_);
          --starts_in_flight_;
        }
        start_ended_.notify_one();
        if (status.ok()) {
          const detail::StartedRun run{workflow_id, response.run_id(), response.started()};
          done(nullptr, &run);
        } else if (status.error_code() != grpc::ALREADY_EXISTS) {
          done(ErrorOf(status), nullptr);
        } else {
          // Which run is in the way.
          const std::string message = status.error_message();
          calls_.Start<v1::GetResultRequest, v1::GetResultResponse>(
              &Stub::GetResult, About<v1::GetResultRequest>(workflow_id, ""), Bounded(),
              [workflow_id, message, done](const grpc::Status&, v1::GetResultResponse& latest) {
                done(std::make_exception_ptr(AlreadyStarted(message, workflow_id, latest.run_id())), nullptr);
              });
        }
      });
}

Payload Core::Execute(const std::string& type, const StartOptions& options, Payload input) {
  v1::StartWorkflowRequest request = StartRequest(type, options, std::move(input));
  const std::string workflow_id = request.workflow_id();
  request.set_wait_ms(options_.LongPoll().count());
  v1::StartWorkflowResponse response;
  // The deadline is for a server that cannot be reached, not for a run that takes its time.
  const CallOptions call{options_.Deadline() + options_.LongPoll(), options_.LongPoll() + kLongPollSlack};
  grpc::Status status = calls_.Wait(&Stub::StartWorkflow, std::move(request), call, &response);
  if (status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED) {
    status = grpc::Status(status.error_code(), status.error_message() + "; workflow '" + workflow_id +
                                                   "' may have been started: ask for its result");
  }
  if (!status.ok()) ThrowStartError(status, workflow_id);
  // A server that does not know wait_ms says nothing of the outcome.
  if (response.outcome().status() == v1::RUN_STATUS_UNSPECIFIED ||
      response.outcome().status() == v1::RUN_STATUS_RUNNING) {
    return WaitResult(workflow_id, response.run_id(), std::nullopt);
  }
  return ResultOf(response.outcome(), workflow_id);
}

detail::StartedRun Core::SignalWithStart(const std::string& signal, Payload value, const std::string& type,
                                         const StartOptions& options, Payload input) {
  v1::SignalWithStartWorkflowRequest request;
  *request.mutable_start() = StartRequest(type, options, std::move(input));
  request.set_signal_name(signal);
  *request.mutable_signal_input() = runtime::ToProto(runtime::Encode(converter_, std::move(value)));
  const std::string workflow_id = request.start().workflow_id();
  v1::SignalWithStartWorkflowResponse response;
  const grpc::Status status =
      calls_.Wait(&Stub::SignalWithStartWorkflow, std::move(request), Bounded(), &response);
  if (!status.ok()) ThrowStartError(status, workflow_id);
  return {workflow_id, response.run_id(), response.started()};
}

void Core::Wait(const std::string& workflow_id, const std::string& run_id,
                std::optional<Clock::time_point> until, PollDone done) {
  // Without a run id the first call only asks which run is the latest: a call that waits may have to be
  // repeated, and by then that could be another one.
  const Milliseconds wait = run_id.empty() ? Milliseconds(0) : options_.LongPoll();
  Poll(workflow_id, run_id, wait, until, std::move(done));
}

void Core::Poll(const std::string& workflow_id, const std::string& run_id, Milliseconds wait,
                std::optional<Clock::time_point> until, PollDone done) {
  auto request = About<v1::GetResultRequest>(workflow_id, run_id);
  request.set_follow_runs(true);
  CallOptions call{std::nullopt, wait + kLongPollSlack, Milliseconds(0)};
  if (until.has_value()) {
    const auto left = std::max(std::chrono::ceil<Milliseconds>(*until - Clock::now()), Milliseconds(0));
    wait = std::min(left, wait);
    call = {left, wait + kLongPollSlack, kAnswerGrace};
  }
  request.set_wait_ms(wait.count());
  calls_.Start<v1::GetResultRequest, v1::GetResultResponse>(
      &Stub::GetResult, std::move(request), call,
      [this, workflow_id, until, done = std::move(done)](const grpc::Status& status,
                                                         v1::GetResultResponse& response) {
        if (!status.ok() && until.has_value() && Transient(status)) {
          done(nullptr, nullptr, WhatOf(status));
        } else if (!status.ok()) {
          done(ErrorOf(status), nullptr, "");
        } else if (response.status() != v1::RUN_STATUS_RUNNING) {
          done(nullptr, &response, "");
        } else if (until.has_value() && Clock::now() >= *until) {
          done(nullptr, nullptr, "");
        } else {
          Poll(workflow_id, response.run_id(), options_.LongPoll(), until, done);
        }
      });
}

Payload Core::ResultOf(const v1::GetResultResponse& response, const std::string& workflow_id) const {
  if (response.status() != v1::RUN_STATUS_COMPLETED) {
    std::rethrow_exception(FailureOf(response, workflow_id, converter_));
  }
  return runtime::Decode(converter_, runtime::FromProto(response.result()));
}

Payload Core::WaitResult(const std::string& workflow_id, const std::string& run_id,
                         std::optional<Milliseconds> timeout) {
  std::optional<Clock::time_point> until;
  if (timeout.has_value()) until = Clock::now() + *timeout;
  struct Outcome {
    std::optional<v1::GetResultResponse> response;
    std::string trouble;
  };
  std::promise<Outcome> promise;
  Wait(workflow_id, run_id, until,
       [&](std::exception_ptr error, const v1::GetResultResponse* response, const std::string& trouble) {
         detail::Settle(promise, error, [&] {
           return Outcome{response != nullptr ? std::optional(*response) : std::nullopt, trouble};
         });
       });
  const Outcome outcome = promise.get_future().get();
  if (outcome.response.has_value()) return ResultOf(*outcome.response, workflow_id);
  const std::string after = " after " + std::to_string(timeout->count()) + " ms";
  if (outcome.trouble.empty()) throw TimeoutError("workflow '" + workflow_id + "' is still running" + after);
  throw TimeoutError("no word of workflow '" + workflow_id + "'" + after + ": " + outcome.trouble);
}

void Core::WaitResultAsync(const std::string& workflow_id, const std::string& run_id, ResultDone done) {
  Wait(workflow_id, run_id, std::nullopt,
       [this, workflow_id, done = std::move(done)](
           std::exception_ptr error, const v1::GetResultResponse* response, const std::string&) {
         if (error != nullptr) {
           done(error, nullptr);
           return;
         }
         Payload result;
         try {
           result = ResultOf(*response, workflow_id);
         } catch (...) {
           done(std::current_exception(), nullptr);
           return;
         }
         done(nullptr, &result);
       });
}

void Core::Signal(const std::string& workflow_id, const std::string& run_id, const std::string& signal,
                  Payload value) {
  auto request = Changing<v1::SignalWorkflowRequest>(workflow_id, run_id);
  request.set_signal_name(signal);
  *request.mutable_input() = runtime::ToProto(runtime::Encode(converter_, std::move(value)));
  Change(&Stub::SignalWorkflow, std::move(request));
}

void Core::Cancel(const std::string& workflow_id, const std::string& run_id, const std::string& reason) {
  auto request = Changing<v1::CancelWorkflowRequest>(workflow_id, run_id);
  request.set_reason(reason);
  Change(&Stub::CancelWorkflow, std::move(request));
}

void Core::Terminate(const std::string& workflow_id, const std::string& run_id, const std::string& reason) {
  auto request = Changing<v1::TerminateWorkflowRequest>(workflow_id, run_id);
  request.set_reason(reason);
  Change(&Stub::TerminateWorkflow, std::move(request));
}

RunDescription Core::Describe(const std::string& workflow_id, const std::string& run_id) {
  auto response = Ask(&Stub::DescribeWorkflow, About<v1::DescribeWorkflowRequest>(workflow_id, run_id));
  // Only these are followed by another run.
  const v1::RunStatus status = response.summary().status();
  if (!run_id.empty() && (status == v1::RUN_STATUS_FAILED || status == v1::RUN_STATUS_TIMED_OUT)) {
    const std::string last = LastRun(workflow_id, run_id);
    if (!last.empty() && last != run_id) {
      response = Ask(&Stub::DescribeWorkflow, About<v1::DescribeWorkflowRequest>(workflow_id, last));
    }
  }
  return FromProto(response, converter_);
}

RunStatus Core::Status(const std::string& workflow_id, const std::string& run_id) {
  auto request = About<v1::GetResultRequest>(workflow_id, run_id);
  request.set_follow_runs(true);
  return static_cast<RunStatus>(Ask(&Stub::GetResult, std::move(request)).status());
}

std::vector<RunSummary> Core::List(const ListFilter& filter, std::size_t max) {
  v1::ListWorkflowsRequest request;
  request.set_namespace_(options_.Namespace());
  *request.mutable_filter() = ToProto(filter);
  std::vector<RunSummary> runs;
  while (runs.size() < max) {
    request.set_page_size(static_cast<int>(std::min(max - runs.size(), kListPageMax)));
    const v1::ListWorkflowsResponse page = Ask(&Stub::ListWorkflows, request);
    for (const v1::WorkflowSummary& summary : page.workflows()) runs.push_back(FromProto(summary));
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return runs;
}

std::int64_t Core::Count(const ListFilter& filter) {
  v1::CountWorkflowsRequest request;
  request.set_namespace_(options_.Namespace());
  *request.mutable_filter() = ToProto(filter);
  return Ask(&Stub::CountWorkflows, std::move(request)).count();
}

ServerInfo Core::Server() { return FromProto(Ask(&Stub::GetServerInfo, v1::GetServerInfoRequest())); }

}  // namespace perdure::client
