// WorkflowService: validates, routes to a partition (or a reader), translates errors.
//
// Runs on gRPC's reaction threads and never blocks them: requests go into a mailbox, and the committer's
// thread answers once the outcome is durable.
#ifndef PERDURE_SERVER_API_WORKFLOW_SERVICE_H_
#define PERDURE_SERVER_API_WORKFLOW_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "perdure/v1/workflow_service.grpc.pb.h"
#include "server/api/metrics.h"
#include "server/api/request_size.h"
#include "server/api/ring.h"
#include "server/api/validate.h"
#include "server/api/watch.h"

namespace perdure::api {

struct ServerFacts {
  std::string version;
  uint64_t epoch = 0;
  int64_t started_ms = 0;
  std::string data_dir;
  int64_t (*now_ms)() = nullptr;
};

class WorkflowService final : public v1::WorkflowService::CallbackService {
 public:
  WorkflowService(Ring* ring, const ApiLimits& limits, ServerFacts facts, ApiMetrics* metrics);

  grpc::ServerUnaryReactor* StartWorkflow(grpc::CallbackServerContext* context,
                                          const v1::StartWorkflowRequest* request,
                                          v1::StartWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* SignalWorkflow(grpc::CallbackServerContext* context,
                                           const v1::SignalWorkflowRequest* request,
                                           v1::SignalWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* SignalWithStartWorkflow(grpc::CallbackServerContext* context,
                                                    const v1::SignalWithStartWorkflowRequest* request,
                                                    v1::SignalWithStartWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* CancelWorkflow(grpc::CallbackServerContext* context,
                                           const v1::CancelWorkflowRequest* request,
                                           v1::CancelWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* TerminateWorkflow(grpc::CallbackServerContext* context,
                                              const v1::TerminateWorkflowRequest* request,
                                              v1::TerminateWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* GetResult(grpc::CallbackServerContext* context,
                                      const v1::GetResultRequest* request,
                                      v1::GetResultResponse* response) override;
  grpc::ServerUnaryReactor* DescribeWorkflow(grpc::CallbackServerContext* context,
                                             const v1::DescribeWorkflowRequest* request,
                                             v1::DescribeWorkflowResponse* response) override;
  grpc::ServerUnaryReactor* GetHistory(grpc::CallbackServerContext* context,
                                       const v1::GetHistoryRequest* request,
                                       v1::GetHistoryResponse* response) override;
  grpc::ServerUnaryReactor* ListWorkflows(grpc::CallbackServerContext* context,
                                          const v1::ListWorkflowsRequest* request,
                                          v1::ListWorkflowsResponse* response) override;
  grpc::ServerUnaryReactor* CountWorkflows(grpc::CallbackServerContext* context,
                                           const v1::CountWorkflowsRequest* request,
                                           v1::CountWorkflowsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchWorkflowResponse>* WatchWorkflow(
      grpc::CallbackServerContext* context, const v1::WatchWorkflowRequest* request) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override;
  grpc::ServerUnaryReactor* StartWorkflows(grpc::CallbackServerContext* context,
                                           const v1::StartWorkflowsRequest* request,
                                           v1::StartWorkflowsResponse* response) override;

 private:
  // Finishes with an error, or sends the message to the workflow's partition.
  template <typename Message, typename Request, typename Response>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context, Method method,
                                   const Request& request, const std::string& ns,
                                   const std::string& workflow_id, Response* response);
  // Runs `read` on the reader pool; it fills the response.
  template <typename Request, typename Response, typename Read>
  grpc::ServerUnaryReactor* OnReader(grpc::CallbackServerContext* context, Method method,
                                     const Request& request, Response* response, Read read);
  grpc::ServerUnaryReactor* StartAndWait(grpc::CallbackServerContext* context,
                                         const v1::StartWorkflowRequest& request,
                                         v1::StartWorkflowResponse* response);
  void AddHosting(v1::DescribeWorkflowResponse& response) const;
  // Has requests that do not parse, or are too large to be parsed, answered with what is wrong. `index`: of
  // the method in the .proto file.
  template <typename Request, typename Response>
  void RefuseMalformed(int index, Method method, const RequestLimits& limits,
                       grpc::ServerUnaryReactor* (WorkflowService::*serve)(grpc::CallbackServerContext*,
                                                                           const Request*, Response*));
  void RefuseMalformedWatch(int index);

  Ring* const ring_;
  const ApiLimits limits_;
  const RequestLimits request_limits_;
  // Of StartWorkflows.
  const RequestLimits batch_limits_;
  const ServerFacts facts_;
  ApiMetrics* const metrics_;
  std::atomic<uint64_t> next_waiter_{1};
  Watches watches_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WORKFLOW_SERVICE_H_
