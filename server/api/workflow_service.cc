#include "server/api/workflow_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/api/errors.h"
#include "server/api/start_calls.h"
#include "server/api/watch.h"
#include "server/api/well_formed.h"
#include "server/base/status_macros.h"

namespace perdure::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kHistoryPageDefault = 1'000;
constexpr int64_t kHistoryPageBytes = 1 << 20;
constexpr int64_t kListPageDefault = 100;
// A long poll ends this much before its client would give up on it.
constexpr std::chrono::milliseconds kDeadlineMargin{200};

// What a request holds, to be handed on. gRPC hands requests out as const, but makes each for its one call,
// and keeps it until the call ends: a payload would stay in memory for as long as a client waits.
template <typename Request>
Request Take(const Request& request) {
  return std::move(const_cast<Request&>(request));
}

// Finishes a call and counts it.
class Call {
 public:
  Call(grpc::CallbackServerContext* context, Method method, ApiMetrics* metrics)
      : reactor_(context->DefaultReactor()), method_(method), metrics_(metrics), begin_(metrics->Begin()) {}
  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  grpc::ServerUnaryReactor* Finish(const absl::Status& status) const {
    metrics_->Record(method_, status.raw_code(), begin_);
    reactor_->Finish(ToGrpc(status));
    return reactor_;
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
  Method method_;
  ApiMetrics* metrics_;
  Clock::time_point begin_;
};

// A long poll: also hears when its client goes away.
class ResultCall final : public grpc::ServerUnaryReactor {
 public:
  ResultCall(ApiMetrics* metrics, partition::Partition* partition, uint64_t waiter,
             v1::GetResultResponse* response)
      : metrics_(metrics),
        partition_(partition),
        waiter_(waiter),
        response_(response),
        begin_(metrics->Begin()) {}
  void Answer(absl::StatusOr<v1::GetResultResponse> result) {
    if (result.ok()) *response_ = *std::move(result);
    metrics_->Record(Method::kGetResult, result.status().raw_code(), begin_);
    Finish(ToGrpc(result.status()));
  }
  void Fail(const absl::Status& status) {
    metrics_->Record(Method::kGetResult, status.raw_code(), begin_);
    Finish(ToGrpc(status));
  }
  void OnCancel() override { partition_->Put(partition::Forget{waiter_}); }
  void OnDone() override { delete this; }

 private:
  // As in WaitingStart.
  bool InternalInlineable() override { return true; }

  ApiMetrics* const metrics_;
  partition::Partition* const partition_;
  const uint64_t waiter_;
  v1::GetResultResponse* const response_;
  const Clock::time_point begin_;
};

// When a long poll must answer: as asked, but in time for its client.
int64_t PollDeadlineMs(const grpc::CallbackServerContext& context, int64_t now_ms, int64_t wait_ms) {
  using std::chrono::milliseconds;
  const auto left = context.deadline() - std::chrono::system_clock::now() - kDeadlineMargin;
  const int64_t left_ms = std::max<int64_t>(0, std::chrono::duration_cast<milliseconds>(left).count());
  return now_ms + std::min(wait_ms, left_ms);
}

struct HistoryPosition {
  std::string run_id;
  int64_t event_id = 1;
};

// A page token is "run id/next event".
absl::StatusOr<HistoryPosition> ParseHistoryToken(const v1::GetHistoryRequest& request) {
  HistoryPosition position{request.execution().run_id(), 1};
  if (request.page_token().empty()) return position;
  const std::vector<std::string> parts = absl::StrSplit(request.page_token(), '/');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &position.event_id) || position.event_id < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "page_token '", request.page_token(), "' is not one that this server handed out; start without it"));
  }
  position.run_id = parts[0];
  return position;
}

absl::Status Malformed(const std::string& type) {
  return absl::InvalidArgumentError(
      absl::StrCat("the request is not a ", type, ": its bytes do not parse, or a text in it is not UTF-8"));
}

// Where the methods stand in the .proto file.
enum MethodIndex : int {
  kStartIndex,
  kSignalIndex,
  kSignalWithStartIndex,
  kCancelIndex,
  kTerminateIndex,
  kGetResultIndex,
  kDescribeIndex,
  kGetHistoryIndex,
  kListIndex,
  kCountIndex,
  kWatchIndex,
  kGetServerInfoIndex,
  kStartManyIndex,
};

}  // namespace

WorkflowService::WorkflowService(Ring* ring, const ApiLimits& limits, ServerFacts facts, ApiMetrics* metrics)
    : ring_(ring),
      limits_(limits),
      request_limits_(RequestLimitsOf(limits)),
      batch_limits_(BatchLimitsOf(limits)),
      facts_(std::move(facts)),
      metrics_(metrics),
      watches_{ring, metrics, limits.watchers_max} {
  RefuseMalformed(kStartIndex, Method::kStart, request_limits_, &WorkflowService::StartWorkflow);
  RefuseMalformed(kSignalIndex, Method::kSignal, request_limits_, &WorkflowService::SignalWorkflow);
  RefuseMalformed(kSignalWithStartIndex, Method::kSignalWithStart, request_limits_,
                  &WorkflowService::SignalWithStartWorkflow);
  RefuseMalformed(kCancelIndex, Method::kCancel, request_limits_, &WorkflowService::CancelWorkflow);
  RefuseMalformed(kTerminateIndex, Method::kTerminate, request_limits_, &WorkflowService::TerminateWorkflow);
  RefuseMalformed(kGetResultIndex, Method::kGetResult, request_limits_, &WorkflowService::GetResult);
  RefuseMalformed(kDescribeIndex, Method::kDescribe, request_limits_, &WorkflowService::DescribeWorkflow);
  RefuseMalformed(kGetHistoryIndex, Method::kGetHistory, request_limits_, &WorkflowService::GetHistory);
  RefuseMalformed(kListIndex, Method::kList, request_limits_, &WorkflowService::ListWorkflows);
  RefuseMalformed(kCountIndex, Method::kCount, request_limits_, &WorkflowService::CountWorkflows);
  RefuseMalformedWatch(kWatchIndex);
  RefuseMalformed(kGetServerInfoIndex, Method::kGetServerInfo, request_limits_,
                  &WorkflowService::GetServerInfo);
  RefuseMalformed(kStartManyIndex, Method::kStartMany, batch_limits_, &WorkflowService::StartWorkflows);
}

template <typename Request, typename Response>
void WorkflowService::RefuseMalformed(int index, Method method, const RequestLimits& limits,
                                      grpc::ServerUnaryReactor* (WorkflowService::*serve)(
                                          grpc::CallbackServerContext*, const Request*, Response*)) {
  using Handler = grpc::internal::CallbackUnaryHandler<Request, Response>;
  MarkMethodCallback(
      index,
      new WellFormed<Request, Handler>(
          limits,
          [this, serve](grpc::CallbackServerContext* context, const Request* request, Response* response) {
            return (this->*serve)(context, request, response);
          },
          [this, method](grpc::CallbackServerContext* context, const Request*, Response*) {
            return Call(context, method, metrics_).Finish(Malformed(Request::descriptor()->full_name()));
          },
          [this, method, limits](grpc::CallbackServerContext* context, const Request*, Response*) {
            return Call(context, method, metrics_).Finish(TooLarge(limits));
          }));
}

void WorkflowService::RefuseMalformedWatch(int index) {
  using Request = v1::WatchWorkflowRequest;
  using Handler = grpc::internal::CallbackServerStreamingHandler<Request, v1::WatchWorkflowResponse>;
  const auto refuse = [this](const absl::Status& why) { return StartWatch(&watches_, Request(), 0, why); };
  MarkMethodCallback(index, new WellFormed<Request, Handler>(
                                request_limits_,
                                [this](grpc::CallbackServerContext* context, const Request* request) {
                                  return WatchWorkflow(context, request);
                                },
                                [refuse](grpc::CallbackServerContext*, const Request*) {
                                  return refuse(Malformed(Request::descriptor()->full_name()));
                                },
                                [this, refuse](grpc::CallbackServerContext*, const Request*) {
                                  return refuse(TooLarge(request_limits_));
                                }));
}

template <typename Message, typename Request, typename Response>
grpc::ServerUnaryReactor* WorkflowService::Change(grpc::CallbackServerContext* context, Method method,
                                                  const Request& request, const std::string& ns,
                                                  const std::string& workflow_id, Response* response) {
  const Call call(context, method, metrics_);
  if (absl::Status s = Validate(request, limits_); !s.ok()) return call.Finish(s);
  if (absl::Status s = ring_->Admit(ns, workflow_id); !s.ok()) return call.Finish(s);
  partition::Partition& partition = ring_->PartitionFor(ns, workflow_id);
  Message message;
  message.request = Take(request);
  message.reply = [call, response](absl::StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    call.Finish(result.status());
  };
  partition.Put(std::move(message));
  return call.reactor();
}

template <typename Request, typename Response, typename Read>
grpc::ServerUnaryReactor* WorkflowService::OnReader(grpc::CallbackServerContext* context, Method method,
                                                    const Request& request, Response* response, Read read) {
  const Call call(context, method, metrics_);
  if (absl::Status s = Validate(request, limits_); !s.ok()) return call.Finish(s);
  const bool taken = ring_->pool().Submit([call, response, read = std::move(read)] {
    absl::StatusOr<Response> result = read();
    if (result.ok()) *response = *std::move(result);
    call.Finish(result.status());
  });
  return taken ? call.reactor() : call.Finish(ring_->TooManyReads());
}

grpc::ServerUnaryReactor* WorkflowService::StartWorkflow(grpc::CallbackServerContext* context,
                                                         const v1::StartWorkflowRequest* request,
                                                         v1::StartWorkflowResponse* response) {
  if (request->wait_ms() > 0) return StartAndWait(context, *request, response);
  return Change<partition::StartRequest>(context, Method::kStart, *request, request->namespace_(),
                                         request->workflow_id(), response);
}

grpc::ServerUnaryReactor* WorkflowService::StartAndWait(grpc::CallbackServerContext* context,
                                                        const v1::StartWorkflowRequest& request,
                                                        v1::StartWorkflowResponse* response) {
  absl::Status wrong = Validate(request, limits_);
  if (wrong.ok()) wrong = ring_->Admit(request.namespace_(), request.workflow_id());
  partition::Partition* partition = &ring_->PartitionFor(request.namespace_(), request.workflow_id());
  partition::StartRequest start;
  start.waiter = next_waiter_.fetch_add(1, std::memory_order_relaxed);
  start.deadline_ms =
      PollDeadlineMs(*context, facts_.now_ms(), std::min(request.wait_ms(), limits_.long_poll_ms_max));
  auto* call = new WaitingStart(metrics_, partition, start.waiter, response);
  if (!wrong.ok()) {
    call->Answer(wrong);
    return call;
  }
  start.request = Take(request);
  start.reply = [call](absl::StatusOr<v1::StartWorkflowResponse> started) {
    call->Answer(std::move(started));
  };
  partition->Put(std::move(start));
  return call;
}

grpc::ServerUnaryReactor* WorkflowService::StartWorkflows(grpc::CallbackServerContext* context,
                                                          const v1::StartWorkflowsRequest* request,
                                                          v1::StartWorkflowsResponse* response) {
  absl::Status wrong = Validate(*request, limits_);
  if (wrong.ok()) wrong = ring_->AdmitAny();
  if (!wrong.ok()) return Call(context, Method::kStartMany, metrics_).Finish(wrong);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const auto starts = std::make_shared<ManyStarts>(metrics_, reactor, request->starts_size(), response);
  std::vector<std::vector<partition::Message>> messages(ring_->partitions());
  std::vector<partition::Partition*> partitions(ring_->partitions());
  for (int i = 0; i < request->starts_size(); ++i) {
    const v1::StartWorkflowRequest& one = request->starts(i);
    partition::Partition& partition = ring_->PartitionFor(one.namespace_(), one.workflow_id());
    std::vector<partition::Message>& its_messages = messages[partition.number()];
    absl::Status wrong_one = ValidateInBatch(one, limits_);
    if (wrong_one.ok()) {
      wrong_one =
          ring_->Admit(one.namespace_(), one.workflow_id(), static_cast<int64_t>(its_messages.size()));
    }
    if (!wrong_one.ok()) {
      starts->Answer(i, std::move(wrong_one));
      continue;
    }
    partition::StartRequest message;
    message.request = Take(one);
    message.reply = [starts, i](absl::StatusOr<v1::StartWorkflowResponse> started) {
      starts->Answer(i, std::move(started));
    };
    partitions[partition.number()] = &partition;
    its_messages.push_back(std::move(message));
  }
  for (size_t p = 0; p < messages.size(); ++p) {
    if (partitions[p] != nullptr) partitions[p]->Put(std::move(messages[p]));
  }
  return reactor;
}

grpc::ServerUnaryReactor* WorkflowService::SignalWorkflow(grpc::CallbackServerContext* context,
                                                          const v1::SignalWorkflowRequest* request,
                                                          v1::SignalWorkflowResponse* response) {
  return Change<partition::SignalRequest>(context, Method::kSignal, *request, request->namespace_(),
                                          request->execution().workflow_id(), response);
}

grpc::ServerUnaryReactor* WorkflowService::SignalWithStartWorkflow(
    grpc::CallbackServerContext* context, const v1::SignalWithStartWorkflowRequest* request,
    v1::SignalWithStartWorkflowResponse* response) {
  return Change<partition::SignalWithStartRequest>(context, Method::kSignalWithStart, *request,
                                                   request->start().namespace_(),
                                                   request->start().workflow_id(), response);
}

grpc::ServerUnaryReactor* WorkflowService::CancelWorkflow(grpc::CallbackServerContext* context,
                                                          const v1::CancelWorkflowRequest* request,
                                                          v1::CancelWorkflowResponse* response) {
  return Change<partition::CancelRequest>(context, Method::kCancel, *request, request->namespace_(),
                                          request->execution().workflow_id(), response);
}

grpc::ServerUnaryReactor* WorkflowService::TerminateWorkflow(grpc::CallbackServerContext* context,
                                                             const v1::TerminateWorkflowRequest* request,
                                                             v1::TerminateWorkflowResponse* response) {
  return Change<partition::TerminateRequest>(context, Method::kTerminate, *request, request->namespace_(),
                                             request->execution().workflow_id(), response);
}

grpc::ServerUnaryReactor* WorkflowService::GetResult(grpc::CallbackServerContext* context,
                                                     const v1::GetResultRequest* request,
                                                     v1::GetResultResponse* response) {
  absl::Status wrong = Validate(*request, limits_);
  if (wrong.ok() && ring_->draining()) wrong = absl::UnavailableError("the server is stopping; ask again");
  if (wrong.ok()) wrong = ring_->AdmitRead(request->namespace_(), request->execution().workflow_id());
  partition::Partition* partition =
      &ring_->PartitionFor(request->namespace_(), request->execution().workflow_id());
  partition::ResultRequest message;
  message.request = *request;
  message.waiter = next_waiter_.fetch_add(1, std::memory_order_relaxed);
  message.deadline_ms =
      PollDeadlineMs(*context, facts_.now_ms(), std::min(request->wait_ms(), limits_.long_poll_ms_max));
  auto* call = new ResultCall(metrics_, partition, message.waiter, response);
  if (!wrong.ok()) {
    call->Fail(wrong);
  } else {
    message.reply = [call](absl::StatusOr<v1::GetResultResponse> result) { call->Answer(std::move(result)); };
    partition->Put(std::move(message));
  }
  return call;
}

grpc::ServerUnaryReactor* WorkflowService::DescribeWorkflow(grpc::CallbackServerContext* context,
                                                            const v1::DescribeWorkflowRequest* request,
                                                            v1::DescribeWorkflowResponse* response) {
  const Call call(context, Method::kDescribe, metrics_);
  const std::string& workflow_id = request->execution().workflow_id();
  if (absl::Status s = Validate(*request, limits_); !s.ok()) return call.Finish(s);
  if (absl::Status s = ring_->AdmitRead(request->namespace_(), workflow_id); !s.ok()) return call.Finish(s);
  partition::DescribeRequest message;
  message.request = *request;
  message.reply = [this, call, response](absl::StatusOr<v1::DescribeWorkflowResponse> result) {
    if (result.ok()) {
      *response = *std::move(result);
      AddHosting(*response);
    }
    call.Finish(result.status());
  };
  ring_->PartitionFor(request->namespace_(), workflow_id).Put(std::move(message));
  return call.reactor();
}

// What only dispatch knows: whether anybody is there to do the work.
void WorkflowService::AddHosting(v1::DescribeWorkflowResponse& r) const {
  const v1::RunStarted& started = r.started();
  const dispatch::Dispatcher& dispatcher = ring_->dispatcher();
  if (r.summary().status() != v1::RUN_STATUS_RUNNING) return;
  const bool hosted = dispatcher.Hosted(started.namespace_(), started.task_queue(), WorkKind::kActivation,
                                        started.workflow_type());
  if (r.has_pending_activation()) r.mutable_pending_activation()->set_hosted(hosted);
  if (!hosted) {
    r.add_notes(absl::StrCat("no connected worker hosts workflow type '", started.workflow_type(),
                             "' on task queue '", started.task_queue(), "': the run waits for one"));
  }
  if (r.pending_activation().attempt() > 1) {
    r.add_notes(
        absl::StrCat("the last activation failed: ", r.pending_activation().last_failure().message()));
  }
  std::string last_type;
  for (v1::PendingTask& task : *r.mutable_pending_tasks()) {
    task.set_hosted(
        dispatcher.Hosted(started.namespace_(), task.task_queue(), WorkKind::kTask, task.task_type()));
    if (task.hosted() || task.task_type() == last_type) continue;
    last_type = task.task_type();
    r.add_notes(absl::StrCat("no connected worker hosts task type '", task.task_type(), "' on task queue '",
                             task.task_queue(), "': the task waits for one"));
  }
}

grpc::ServerUnaryReactor* WorkflowService::GetHistory(grpc::CallbackServerContext* context,
                                                      const v1::GetHistoryRequest* request,
                                                      v1::GetHistoryResponse* response) {
  return OnReader(context, Method::kGetHistory, *request, response,
                  [this, request]() -> absl::StatusOr<v1::GetHistoryResponse> {
                    ASSIGN_OR_RETURN(const HistoryPosition from, ParseHistoryToken(*request));
                    v1::WorkflowExecution execution = request->execution();
                    execution.set_run_id(from.run_id);
                    ASSIGN_OR_RETURN(const partition::Reader::RunPlace place,
                                     ring_->reader().Locate(request->namespace_(), execution));
                    const int64_t size = request->page_size() > 0
                                             ? request->page_size()
                                             : std::min(kHistoryPageDefault, limits_.history_page_size_max);
                    ASSIGN_OR_RETURN(partition::Reader::Events page,
                                     ring_->reader().ReadEvents(place.partition, place.run, from.event_id,
                                                                INT64_MAX, size, kHistoryPageBytes));
                    v1::GetHistoryResponse out;
                    out.set_run_id(place.run_id);
                    for (v1::Event& event : page.events) *out.add_events() = std::move(event);
                    if (page.next_event_id != 0) {
                      out.set_next_page_token(absl::StrCat(place.run_id, "/", page.next_event_id));
                    }
                    return out;
                  });
}

grpc::ServerUnaryReactor* WorkflowService::ListWorkflows(grpc::CallbackServerContext* context,
                                                         const v1::ListWorkflowsRequest* request,
                                                         v1::ListWorkflowsResponse* response) {
  return OnReader(context, Method::kList, *request, response, [this, request] {
    v1::ListWorkflowsRequest list = *request;
    if (list.page_size() == 0) {
      list.set_page_size(static_cast<int32_t>(std::min(kListPageDefault, limits_.page_size_max)));
    }
    return ring_->reader().List(list);
  });
}

grpc::ServerUnaryReactor* WorkflowService::CountWorkflows(grpc::CallbackServerContext* context,
                                                          const v1::CountWorkflowsRequest* request,
                                                          v1::CountWorkflowsResponse* response) {
  return OnReader(context, Method::kCount, *request, response,
                  [this, request] { return ring_->reader().Count(*request); });
}

grpc::ServerWriteReactor<v1::WatchWorkflowResponse>* WorkflowService::WatchWorkflow(
    grpc::CallbackServerContext*, const v1::WatchWorkflowRequest* request) {
  const uint64_t waiter = next_waiter_.fetch_add(1, std::memory_order_relaxed);
  absl::Status valid = Validate(*request, limits_);
  if (valid.ok() && ring_->draining()) valid = absl::UnavailableError("the server is stopping; watch again");
  if (valid.ok()) valid = ring_->AdmitRead(request->namespace_(), request->execution().workflow_id());
  return StartWatch(&watches_, *request, waiter, valid);
}

grpc::ServerUnaryReactor* WorkflowService::GetServerInfo(grpc::CallbackServerContext* context,
                                                         const v1::GetServerInfoRequest*,
                                                         v1::GetServerInfoResponse* response) {
  const Call call(context, Method::kGetServerInfo, metrics_);
  response->set_version(facts_.version);
  response->set_server_epoch(facts_.epoch);
  response->set_started_unix_ms(facts_.started_ms);
  response->set_partitions(static_cast<int32_t>(ring_->partitions()));
  response->set_state(ring_->draining() ? "draining" : ring_->disk_full() ? "disk full" : "ready");
  response->set_data_dir(facts_.data_dir);
  ring_->dispatcher().FillInfo(*response);
  return call.Finish(absl::OkStatus());
}

}  // namespace perdure::api
