// The parts of a running worker, put together: session, executor, task pool.
//
// Frames come in on gRPC's threads and go to the executor or to the pool; their answers go to the session.
// Thread-safety: any thread.
#ifndef PERDURE_WORKER_SDK_SRC_WORKER_CORE_H_
#define PERDURE_WORKER_SDK_SRC_WORKER_CORE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perdure/registry.h"
#include "worker-sdk/src/runtime/executor.h"
#include "worker-sdk/src/session/session.h"
#include "worker-sdk/src/tasks/task_pool.h"

namespace perdure::worker {

// After the drain timeout: how long tasks that were told to stop, and steps, may take to end.
inline constexpr std::chrono::milliseconds kStopGrace{2000};
// How long the server may take to acknowledge the last answers, and to end the stream.
inline constexpr std::chrono::milliseconds kFlushTimeout{3000};
inline constexpr std::chrono::milliseconds kCloseTimeout{2000};

struct CoreOptions {
  session::SessionOptions session;
  runtime::ExecutorOptions executor;
  tasks::TaskPoolOptions tasks;
};

class Core final : private session::SessionHandler, private runtime::ExecutorSink, private tasks::TaskSink {
 public:
  // `refused` is called when the server will not have this worker. Registry must outlive the core.
  Core(const Registry& registry, CoreOptions options, std::function<void(const std::string&)> refused);
  ~Core() override;

  void Start() { session_.Start(); }
  // What is left after the timeout is told to stop. Whether everything finished and was acknowledged.
  bool Drain(std::chrono::milliseconds timeout);

  session::Session& session() { return session_; }
  const session::Session& session() const { return session_; }
  const runtime::Executor& executor() const { return executor_; }
  const tasks::TaskPool& pool() const { return pool_; }

 private:
  // session::SessionHandler.
  void AddInHand(v1::Hello* hello) override;
  void OnWelcome(const v1::Welcome& welcome, bool same_epoch) override;
  void OnFrame(std::shared_ptr<const v1::ServerFrame> frame) override;
  void OnRefused(const std::string& message) override { refused_(message); }

  // runtime::ExecutorSink.
  void Answer(v1::ActivationAnswer answer) override { session_.SendSoon(std::move(answer)); }
  void Answer(v1::StepAnswer answer) override { session_.SendSoon(std::move(answer)); }
  void Flush() override { session_.Flush(); }
  void RequestHistory(v1::HistoryRequest request) override { session_.Send(std::move(request)); }
  void Evicted(v1::WorkToken token) override { session_.SendEvicted(std::move(token)); }

  // tasks::TaskSink.
  void Answer(v1::TaskAnswer answer) override { session_.SendSoon(std::move(answer)); }
  void Heartbeat(v1::TaskHeartbeat heartbeat) override { session_.Send(std::move(heartbeat)); }
  bool Answered(const v1::WorkToken& token) override { return session_.Answered(token); }

  bool WaitIdle(std::chrono::milliseconds timeout) const;

  const std::function<void(const std::string&)> refused_;
  // Answers go to the session until executor and pool are gone.
  session::Session session_;
  runtime::Executor executor_;
  tasks::TaskPool pool_;
};

}  // namespace perdure::worker

#endif  // PERDURE_WORKER_SDK_SRC_WORKER_CORE_H_
