// A server of WorkflowService for tests: each call goes to a function that the test gives.
#ifndef PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKFLOW_SERVER_H_
#define PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKFLOW_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "perdure/v1/workflow_service.grpc.pb.h"

namespace perdure::testing {

// What a method does. Unset: UNIMPLEMENTED. Set before the first call; called from gRPC's threads.
template <typename Request, typename Response>
using Method = std::function<grpc::Status(const Request&, Response*)>;

class FakeWorkflowServer final : private v1::WorkflowService::Service {
 public:
  explicit FakeWorkflowServer(int port = 0) : port_(port) {}
  ~FakeWorkflowServer() override { Kill(); }

  // On any free port, or on the one given.
  void Listen() {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) throw std::runtime_error("the fake server cannot listen");
  }
  void Kill() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  Method<v1::StartWorkflowRequest, v1::StartWorkflowResponse> start;
  Method<v1::SignalWorkflowRequest, v1::SignalWorkflowResponse> signal;
  Method<v1::SignalWithStartWorkflowRequest, v1::SignalWithStartWorkflowResponse> signal_with_start;
  Method<v1::CancelWorkflowRequest, v1::CancelWorkflowResponse> cancel;
  Method<v1::TerminateWorkflowRequest, v1::TerminateWorkflowResponse> terminate;
  Method<v1::GetResultRequest, v1::GetResultResponse> result;
  Method<v1::DescribeWorkflowRequest, v1::DescribeWorkflowResponse> describe;
  Method<v1::ListWorkflowsRequest, v1::ListWorkflowsResponse> list;
  Method<v1::CountWorkflowsRequest, v1::CountWorkflowsResponse> count;

 private:
  template <typename Request, typename Response>
  static grpc::Status Call(const Method<Request, Response>& method, const Request* request,
                           Response* response) {
    if (!method) return grpc::Status(grpc::UNIMPLEMENTED, "the test gives no such method");
    return method(*request, response);
  }

  grpc::Status StartWorkflow(grpc::ServerContext*, const v1::StartWorkflowRequest* request,
                             v1::StartWorkflowResponse* response) override {
    return Call(start, request, response);
  }
  grpc::Status SignalWorkflow(grpc::ServerContext*, const v1::SignalWorkflowRequest* request,
                              v1::SignalWorkflowResponse* response) override {
    return Call(signal, request, response);
  }
  grpc::Status SignalWithStartWorkflow(grpc::ServerContext*,
                                       const v1::SignalWithStartWorkflowRequest* request,
                                       v1::SignalWithStartWorkflowResponse* response) override {
    return Call(signal_with_start, request, response);
  }
  grpc::Status CancelWorkflow(grpc::ServerContext*, const v1::CancelWorkflowRequest* request,
                              v1::CancelWorkflowResponse* response) override {
    return Call(cancel, request, response);
  }
  grpc::Status TerminateWorkflow(grpc::ServerContext*, const v1::TerminateWorkflowRequest* request,
                                 v1::TerminateWorkflowResponse* response) override {
    return Call(terminate, request, response);
  }
  grpc::Status GetResult(grpc::ServerContext*, const v1::GetResultRequest* request,
                         v1::GetResultResponse* response) override {
    return Call(result, request, response);
  }
  grpc::Status DescribeWorkflow(grpc::ServerContext*, const v1::DescribeWorkflowRequest* request,
                                v1::DescribeWorkflowResponse* response) override {
    return Call(describe, request, response);
  }
  grpc::Status ListWorkflows(grpc::ServerContext*, const v1::ListWorkflowsRequest* request,
                             v1::ListWorkflowsResponse* response) override {
    return Call(list, request, response);
  }
  grpc::Status CountWorkflows(grpc::ServerContext*, const v1::CountWorkflowsRequest* request,
                              v1::CountWorkflowsResponse* response) override {
    return Call(count, request, response);
  }

  int port_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace perdure::testing

#endif  // PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKFLOW_SERVER_H_
