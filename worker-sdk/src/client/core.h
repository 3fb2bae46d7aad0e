// What a Client and its handles share: requests out of public types, answers back, long polls.
#ifndef PERDURE_WORKER_SDK_SRC_CLIENT_CORE_H_
#define PERDURE_WORKER_SDK_SRC_CLIENT_CORE_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "perdure/client.h"
#include "worker-sdk/src/client/calls.h"

namespace perdure::client {

// Outlives its calls, since the client closes it before it lets go of it.
class Core final : public detail::ClientCore {
 public:
  explicit Core(const ClientOptions& options);

  detail::StartedRun Start(const std::string& type, const StartOptions& options, Payload input) override;
  void StartAsync(const std::string& type, const StartOptions& options, Payload input,
                  StartDone done) override;
  Payload Execute(const std::string& type, const StartOptions& options, Payload input) override;
  detail::StartedRun SignalWithStart(const std::string& signal, Payload value, const std::string& type,
                                     const StartOptions& options, Payload input) override;
  Payload WaitResult(const std::string& workflow_id, const std::string& run_id,
                     std::optional<Milliseconds> timeout) override;
  void WaitResultAsync(const std::string& workflow_id, const std::string& run_id, ResultDone done) override;
  void Signal(const std::string& workflow_id, const std::string& run_id, const std::string& signal,
              Payload value) override;
  void Cancel(const std::string& workflow_id, const std::string& run_id, const std::string& reason) override;
  void Terminate(const std::string& workflow_id, const std::string& run_id,
                 const std::string& reason) override;
  RunDescription Describe(const std::string& workflow_id, const std::string& run_id) override;
  RunStatus Status(const std::string& workflow_id, const std::string& run_id) override;
  std::vector<RunSummary> List(const ListFilter& filter, std::size_t max) override;
  std::int64_t Count(const ListFilter& filter) override;
  ServerInfo Server() override;
  void Close() override { calls_.Close(); }

 private:
  using Clock = std::chrono::steady_clock;

  CallOptions Bounded() const { return {options_.Deadline(), kAttemptTimeout}; }
  v1::StartWorkflowRequest StartRequest(const std::string& type, const StartOptions& options,
                                        Payload input) const;
  // Fills in what every request about a run carries.
  template <typename Request>
  Request About(const std::string& workflow_id, const std::string& run_id) const;
  template <typename Request>
  Request Changing(const std::string& workflow_id, const std::string& run_id) const;
  // Throws what the status says.
  template <typename Request, typename Response>
  Response Ask(Calls::Method<Request, Response> method, Request request);
  // Same, for what changes a run: if that run is closed and was followed by another, asks that one, with the
  // same request id.
  template <typename Request, typename Response>
  void Change(Calls::Method<Request, Response> method, Request request);
  // The last run of the chain that `run_id` belongs to; empty if the server cannot say.
  std::string LastRun(const std::string& workflow_id, const std::string& run_id);
  [[noreturn]] void ThrowStartError(const grpc::Status& status, const std::string& workflow_id);

  // One long poll after the other until the run is closed or `until` has passed. `done` gets an error or the
  // last answer; or neither when the time was up, and what went wrong last, "" if nothing did.
  using PollDone =
      std::function<void(std::exception_ptr, const v1::GetResultResponse*, const std::string& trouble)>;
  void Wait(const std::string& workflow_id, const std::string& run_id, std::optional<Clock::time_point> until,
            PollDone done);
  // The next of these polls, `wait` long.
  void Poll(const std::string& workflow_id, const std::string& run_id, Milliseconds wait,
            std::optional<Clock::time_point> until, PollDone done);
  // What a closed run yields; throws WorkflowFailed.
  Payload ResultOf(const v1::GetResultResponse& response, const std::string& workflow_id) const;

  const ClientOptions options_;
  const PayloadConverter* const converter_;
  Calls calls_;

  std::mutex mu_;
  std::condition_variable start_ended_;
  // Guarded by mu_.
  int starts_in_flight_ = 0;
};

}  // namespace perdure::client

#endif  // PERDURE_WORKER_SDK_SRC_CLIENT_CORE_H_
