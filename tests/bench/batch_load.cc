#include "tests/bench/batch_load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "perdure/v1/workflow_service.grpc.pb.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::seconds kCallDeadline{60};
constexpr std::chrono::milliseconds kRetryAfter{20};
constexpr std::chrono::duration<double> kPatience{900};
constexpr std::chrono::duration<double> kPollInterval{0.01};

class Batches {
 public:
  Batches(const Workload& workload, const BatchLoadOptions& options)
      : workload_(workload),
        options_(options),
        stub_(v1::WorkflowService::NewStub(
            grpc::CreateChannel(options.address, grpc::InsecureChannelCredentials()))) {}

  std::vector<Finished> Run() {
    std::vector<std::thread> threads;
    running_ = options_.calls;
    for (int i = 0; i < options_.calls; ++i) threads.emplace_back([this] { Drive(); });
    std::exception_ptr interrupted;
    bool all = false;
    try {
      all = WaitUntil([&] { return running_ == 0; }, kPatience, kPollInterval);
    } catch (...) {
      interrupted = std::current_exception();
    }
    stopped_ = true;
    for (std::thread& thread : threads) thread.join();
    if (interrupted) std::rethrow_exception(interrupted);
    if (!problem_.empty()) throw BenchError("a start failed: " + problem_);
    if (!all) throw BenchError("the runs were not all started after 15 minutes");
    return std::move(calls_);
  }

 private:
  void Drive() {
    for (;;) {
      const int64_t first = next_.fetch_add(options_.batch);
      if (first >= options_.total) break;
      const int64_t end = std::min<int64_t>(first + options_.batch, options_.total);
      v1::StartWorkflowsRequest request;
      for (int64_t n = first; n < end; ++n) Fill(n, *request.add_starts());
      while (!stopped_ && request.starts_size() > 0) Call(request);
    }
    --running_;
  }

  // Those that were refused for now stay in the request.
  void Call(v1::StartWorkflowsRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    v1::StartWorkflowsResponse response;
    const Clock::time_point begin = Clock::now();
    const grpc::Status status = stub_->StartWorkflows(&context, request, &response);
    v1::StartWorkflowsRequest again;
    std::string problem = status.ok() ? "" : status.error_message();
    for (int i = 0; i < response.results_size(); ++i) {
      const auto& result = response.results(i);
      if (result.code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
        *again.add_starts() = request.starts(i);
      } else if (result.code() != 0) {
        problem = result.message();
      }
    }
    Note({begin, Clock::now()}, problem);
    if (again.starts_size() > 0) std::this_thread::sleep_for(kRetryAfter);
    request.Swap(&again);
  }

  void Fill(int64_t number, v1::StartWorkflowRequest& start) const {
    start.set_workflow_id("bench-batch-" + std::to_string(number));
    start.set_request_id(start.workflow_id());
    start.set_workflow_type(std::string(workload_.workflow_type));
    start.set_task_queue(options_.task_queue);
    start.mutable_input()->set_encoding("json");
    start.mutable_input()->set_data(std::string(workload_.input));
  }

  void Note(Finished call, const std::string& problem) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (problem.empty()) return;
    stopped_ = true;
    if (problem_.empty()) problem_ = problem;
  }

  const Workload& workload_;
  const BatchLoadOptions options_;
  const std::unique_ptr<v1::WorkflowService::Stub> stub_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<int> running_{0};
  std::mutex mutex_;
  std::vector<Finished> calls_;  // guarded by mutex_
  std::string problem_;          // guarded by mutex_
};

}  // namespace

std::vector<Finished> StartInBatches(const Workload& workload, const BatchLoadOptions& options) {
  return Batches(workload, options).Run();
}

}  // namespace perdure::bench
