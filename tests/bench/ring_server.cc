#include "tests/bench/ring_server.h"

#include <grpcpp/grpcpp.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "perdure/v1/worker_service.grpc.pb.h"
#include "perdure/v1/workflow_service.grpc.pb.h"
#include "storage/keyspace.h"
#include "storage/rocks_store.h"

namespace perdure::bench {
namespace {

// The worker's stream, from the server's end.
class RingStream final : public grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame> {
 public:
  explicit RingStream(std::function<void(RingStream*, const v1::WorkerFrame&)> receive)
      : receive_(std::move(receive)) {
    StartRead(&in_);
  }

  // Sends it, with what else has come while another frame is being written.
  void Send(v1::ServerFrame& frame) {
    std::lock_guard lock(mutex_);
    if (next_.ByteSizeLong() == 0) {
      next_.Swap(&frame);
    } else {
      next_.MergeFrom(frame);
    }
    Flush();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      std::lock_guard lock(mutex_);
      finished_ = true;
      return Finish(grpc::Status::OK);
    }
    receive_(this, in_);
    StartRead(&in_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) Flush();
  }
  // Freed with its process: one worker connects, once.
  void OnDone() override {}

 private:
  void Flush() {
    if (writing_ || finished_ || next_.ByteSizeLong() == 0) return;
    writing_ = true;
    out_.Clear();
    out_.Swap(&next_);
    StartWrite(&out_);
  }

  const std::function<void(RingStream*, const v1::WorkerFrame&)> receive_;
  v1::WorkerFrame in_;
  std::mutex mutex_;
  v1::ServerFrame next_;  // guarded by mutex_, as all that follows
  v1::ServerFrame out_;
  bool writing_ = false;
  bool finished_ = false;
};

class Ring {
 public:
  // `store` null: nothing is kept, what follows is sent at once. Otherwise each entry has so many bytes.
  Ring(storage::Store* store, size_t entry_bytes) : store_(store), value_(entry_bytes, '\0') {
    // As far as it can be compressed, like real entries.
    for (size_t i = 0; i < value_.size(); i += 2) value_[i] = static_cast<char>(i * i * 31);
    if (store_ != nullptr) committer_ = std::thread([this] { CommitLoop(); });
  }

  grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context,
                                  const v1::StartWorkflowRequest& request,
                                  v1::StartWorkflowResponse* response) {
    grpc::ServerUnaryReactor* call = context->DefaultReactor();
    std::lock_guard lock(mutex_);
    const uint64_t number = ++runs_started_;
    Run& run = runs_[number];
    run.call = call;
    run.response = response;
    run.workflow_id = request.workflow_id();
    run.type = request.workflow_type();
    run.units = std::atoi(request.input().data().c_str());
    v1::RunStarted started;
    started.set_workflow_id(run.workflow_id);
    started.set_workflow_type(run.type);
    *started.mutable_input() = request.input();
    *Activate(number, run).mutable_run_started() = std::move(started);
    Stage(number, run);
    Staged();
    return call;
  }

  grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>* Connect() {
    return new RingStream([this](RingStream* from, const v1::WorkerFrame& frame) { Receive(from, frame); });
  }

 private:
  struct Run {
    grpc::ServerUnaryReactor* call = nullptr;
    v1::StartWorkflowResponse* response = nullptr;
    std::string workflow_id;
    std::string type;
    // Tasks or steps in all, and tasks that are done.
    int units = 0;
    int done = 0;
    uint64_t events = 0;
  };

  // The event of a new activation.
  v1::Event& Activate(uint64_t number, Run& run) {
    v1::Activation& activation = *frame_.add_activations();
    activation.mutable_token()->set_run(number);
    activation.mutable_token()->set_delivery(++deliveries_);
    activation.set_workflow_id(run.workflow_id);
    activation.set_run_id(run.workflow_id);
    activation.set_workflow_type(run.type);
    activation.set_activation_id(deliveries_);
    // How many tasks there are to be, for a worker that keeps nothing.
    activation.set_deliver_through(run.units);
    v1::Event& event = *activation.add_events();
    event.set_event_id(static_cast<int64_t>(run.events + 1));
    return event;
  }

  // One more entry of its log.
  void Stage(uint64_t number, Run& run) { batch_.Put(storage::LogKey(0, number, ++run.events), value_); }

  void Receive(RingStream* from, const v1::WorkerFrame& frame) {
    std::lock_guard lock(mutex_);
    stream_ = from;
    for (const v1::ActivationAnswer& answer : frame.activation_answers()) Advance(answer);
    for (const v1::StepAnswer& answer : frame.step_answers()) {
      Stage(answer.token().run(), runs_[answer.token().run()]);
      frame_.add_acked_answer_ids(answer.answer_id());
    }
    for (const v1::TaskAnswer& answer : frame.task_answers()) {
      const uint64_t number = answer.token().run();
      Run& run = runs_[number];
      Stage(number, run);
      frame_.add_acked_answer_ids(answer.answer_id());
      ++run.done;
      if (run.type == "bench_fanout" && run.done < run.units) continue;
      v1::TaskCompleted& completed = *Activate(number, run).mutable_task_completed();
      completed.set_seq(answer.token().seq());
      completed.set_attempt(1);
      *completed.mutable_result() = answer.result();
    }
    Staged();
  }

  void Advance(const v1::ActivationAnswer& answer) {
    const uint64_t number = answer.token().run();
    Run& run = runs_[number];
    Stage(number, run);
    frame_.add_acked_answer_ids(answer.answer_id());
    for (const v1::Command& command : answer.advance().commands()) {
      if (command.has_complete_run()) {
        v1::GetResultResponse& outcome = *run.response->mutable_outcome();
        outcome.set_status(v1::RUN_STATUS_COMPLETED);
        *outcome.mutable_result() = command.complete_run().result();
        calls_.push_back(run.call);
        runs_.erase(number);
        return;
      }
      const v1::ScheduleTask& task = command.schedule_task();
      v1::TaskDelivery& delivery = *frame_.add_tasks();
      delivery.mutable_token()->set_run(number);
      delivery.mutable_token()->set_seq(task.seq());
      delivery.mutable_token()->set_delivery(++deliveries_);
      delivery.set_workflow_id(run.workflow_id);
      delivery.set_run_id(run.workflow_id);
      delivery.set_workflow_type(run.type);
      delivery.set_task_type(task.task_type());
      *delivery.mutable_input() = task.input();
      delivery.set_attempt(1);
    }
  }

  void Staged() {
    if (store_ != nullptr) {
      if (idle_) work_.notify_one();
      return;
    }
    if (stream_ == nullptr) return;
    Release(frame_, calls_);
    frame_.Clear();
    calls_.clear();
  }

  void Release(v1::ServerFrame& frame, const std::vector<grpc::ServerUnaryReactor*>& calls) {
    stream_.load()->Send(frame);
    for (grpc::ServerUnaryReactor* call : calls) call->Finish(grpc::Status::OK);
  }

  void CommitLoop() {
    for (;;) {
      storage::Batch batch(0);
      v1::ServerFrame frame;
      std::vector<grpc::ServerUnaryReactor*> calls;
      {
        std::unique_lock lock(mutex_);
        idle_ = true;
        // Without a worker nothing could be sent.
        work_.wait(lock, [this] { return !batch_.empty() && stream_ != nullptr; });
        idle_ = false;
        std::swap(batch, batch_);
        frame.Swap(&frame_);
        calls.swap(calls_);
      }
      if (const absl::Status status = store_->Commit({&batch}); !status.ok()) {
        std::fprintf(stderr, "perdure-bench ring: %s\n", status.ToString().c_str());
        std::_Exit(1);
      }
      Release(frame, calls);
    }
  }

  storage::Store* const store_;
  std::string value_;
  std::atomic<RingStream*> stream_ = nullptr;
  std::mutex mutex_;
  std::condition_variable work_;
  // All that follows is guarded by mutex_.
  bool idle_ = false;
  uint64_t runs_started_ = 0;
  uint64_t deliveries_ = 0;
  std::unordered_map<uint64_t, Run> runs_;
  storage::Batch batch_{0};
  v1::ServerFrame frame_;
  std::vector<grpc::ServerUnaryReactor*> calls_;
  std::thread committer_;
};

class RingWorkflowService final : public v1::WorkflowService::CallbackService {
 public:
  explicit RingWorkflowService(Ring* ring) : ring_(ring) {}
  grpc::ServerUnaryReactor* StartWorkflow(grpc::CallbackServerContext* context,
                                          const v1::StartWorkflowRequest* request,
                                          v1::StartWorkflowResponse* response) override {
    return ring_->Start(context, *request, response);
  }

 private:
  Ring* const ring_;
};

class RingWorkerService final : public v1::WorkerService::CallbackService {
 public:
  explicit RingWorkerService(Ring* ring) : ring_(ring) {}
  grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>* Connect(grpc::CallbackServerContext*) override {
    return ring_->Connect();
  }

 private:
  Ring* const ring_;
};

}  // namespace

int RunRingServer(const Args& args) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::unique_ptr<storage::Store> store;
  if (args.ring_entry_bytes > 0) {
    storage::RocksStoreOptions options;
    options.data_dir = args.directory;
    absl::StatusOr<std::unique_ptr<storage::Store>> opened = storage::RocksStore::Open(options);
    if (!opened.ok()) {
      std::fprintf(stderr, "perdure-bench ring: %s\n", opened.status().ToString().c_str());
      return 1;
    }
    store = *std::move(opened);
  }
  // Its threads use it to the end of the process.
  Ring& ring = *new Ring(store.get(), static_cast<size_t>(args.ring_entry_bytes));
  RingWorkflowService workflows(&ring);
  RingWorkerService workers(&ring);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&workflows);
  builder.RegisterService(&workers);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fprintf(stderr, "perdure-bench ring: cannot listen on 127.0.0.1\n");
    return 1;
  }
  // Whoever waits for the file finds all of it.
  const std::string address = "127.0.0.1:" + std::to_string(port);
  std::ofstream(args.ready_file + ".new") << nlohmann::json{{"listen", address}, {"http_listen", ""}} << "\n";
  std::rename((args.ready_file + ".new").c_str(), args.ready_file.c_str());
  int signal = 0;
  sigwait(&signals, &signal);
  std::_Exit(0);
}

}  // namespace perdure::bench
