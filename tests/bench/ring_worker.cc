#include "tests/bench/ring_worker.h"

#include <grpcpp/grpcpp.h>
#include <pthread.h>
#include <signal.h>

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>

#include "perdure/v1/worker_service.grpc.pb.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::seconds kConnectTimeout{20};

int Number(const v1::Payload& payload) {
  int value = 0;
  std::from_chars(payload.data().data(), payload.data().data() + payload.data().size(), value);
  return value;
}

void SetNumber(v1::Payload* payload, int value) {
  payload->set_encoding("json");
  payload->set_data(std::to_string(value));
}

// The id of a step's answer tells which step it was, so that its acknowledgement is enough to go on from.
constexpr int kStepBits = 8;
constexpr uint64_t kStepMask = (1u << kStepBits) - 1;

class RingWorker final : public grpc::ClientBidiReactor<v1::WorkerFrame, v1::ServerFrame> {
 public:
  explicit RingWorker(v1::WorkerService::Stub* stub) {
    stub->async()->Connect(&context_, this);
    next_.mutable_hello()->set_identity("bench@ring");
    Flush();
    StartRead(&in_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      std::lock_guard lock(mutex_);
      for (const v1::Activation& activation : in_.activations()) Activate(activation);
      for (const v1::TaskDelivery& task : in_.tasks()) RunTask(task);
      for (const uint64_t id : in_.acked_answer_ids()) {
        if ((id & kStepMask) != 0) StepOn(id >> kStepBits, static_cast<int>(id & kStepMask));
      }
      Flush();
    }
    StartRead(&in_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) Flush();
  }
  void OnDone(const grpc::Status&) override {
    std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_one();
  }
  // Ends the stream, and returns once gRPC is through with this object.
  void Stop() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
  }

 private:
  v1::ActivationAnswer* Answer(uint64_t run) {
    v1::ActivationAnswer* answer = next_.add_activation_answers();
    answer->set_answer_id(run << kStepBits);
    answer->mutable_token()->set_run(run);
    answer->mutable_token()->set_delivery(++delivery_);
    return answer;
  }

  void Complete(uint64_t run, int result) {
    SetNumber(Answer(run)->mutable_advance()->add_commands()->mutable_complete_run()->mutable_result(),
              result);
  }

  void Activate(const v1::Activation& activation) {
    const uint64_t run = activation.token().run();
    const v1::Event& event = activation.events(0);
    const bool first = event.has_run_started();
    const int input = Number(event.run_started().input());
    const int result = Number(event.task_completed().result());
    if (activation.workflow_type() == "bench_chain") {
      if (!first && result == activation.deliver_through()) return Complete(run, result);
      return Schedule(run, 1, result);
    }
    if (activation.workflow_type() == "bench_fanout") {
      if (first) return Schedule(run, input, 0);
      return Complete(run, static_cast<int>(activation.deliver_through()));
    }
    if (activation.workflow_type() == "bench_steps") return StepOn(run, 0);
    Complete(run, input);
  }

  void Schedule(uint64_t run, int tasks, int input) {
    v1::Advance* advance = Answer(run)->mutable_advance();
    for (int i = 0; i < tasks; ++i) {
      v1::ScheduleTask* task = advance->add_commands()->mutable_schedule_task();
      task->set_seq(i + 1);
      task->set_task_type("bench_add_one");
      SetNumber(task->mutable_input(), input);
    }
  }

  void RunTask(const v1::TaskDelivery& task) {
    v1::TaskAnswer* answer = next_.add_task_answers();
    answer->set_answer_id(task.token().run() << kStepBits);
    *answer->mutable_token() = task.token();
    SetNumber(answer->mutable_result(), Number(task.input()) + 1);
  }

  // After step number `step` of the ten.
  void StepOn(uint64_t run, int step) {
    if (step == 10) return Complete(run, step);
    v1::StepAnswer* answer = next_.add_step_answers();
    answer->set_answer_id(run << kStepBits | static_cast<uint64_t>(step + 1));
    answer->mutable_token()->set_run(run);
    answer->mutable_token()->set_delivery(++delivery_);
    answer->mutable_step()->set_seq(step + 1);
    answer->mutable_step()->set_attempt(1);
    SetNumber(answer->mutable_step()->mutable_result(), step + 1);
  }

  void Flush() {
    if (writing_ || next_.ByteSizeLong() == 0) return;
    writing_ = true;
    out_.Clear();
    out_.Swap(&next_);
    StartWrite(&out_);
  }

  grpc::ClientContext context_;
  v1::ServerFrame in_;
  std::mutex mutex_;
  std::condition_variable ended_;
  // All that follows is guarded by mutex_.
  v1::WorkerFrame next_;
  v1::WorkerFrame out_;
  uint64_t delivery_ = 0;
  bool writing_ = false;
  bool done_ = false;
};

}  // namespace

int RunRingWorker(const Args& args) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto channel = grpc::CreateChannel(args.server, grpc::InsecureChannelCredentials());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnectTimeout)) {
    std::fprintf(stderr, "perdure-bench ring worker: cannot reach %s\n", args.server.c_str());
    return 1;
  }
  const auto stub = v1::WorkerService::NewStub(channel);
  RingWorker worker(stub.get());
  std::ofstream(args.ready_file) << "ready\n";
  int signal = 0;
  sigwait(&signals, &signal);
  worker.Stop();
  return 0;
}

}  // namespace perdure::bench
