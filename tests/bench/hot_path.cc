// perdure-hot-path WORKLOAD RUNS [DIRECTORY]: the server's way from a start to a result, with all that the
// daemon does to requests and frames except gRPC, in one thread and in lockstep, so that the same arguments
// execute the same instructions: a stand-in for a worker answers all that one round delivered, and one commit
// makes all of that durable. What a task costs in instructions is counted by callgrind, from ServerTurn down:
// instructions_test does, and fails when it grows.
//
// Prints what was done: "chain10 runs=64 tasks=640 rounds=22".
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "perdure/v1/worker_service.pb.h"
#include "server/api/frame.h"
#include "server/api/ring.h"
#include "server/base/log.h"
#include "server/dispatch/dispatcher.h"
#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "storage/rocks_store.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

constexpr uint64_t kEpoch = uint64_t{1} << 40;
constexpr int kInFlight = 64;
constexpr int64_t kFrameItemsMax = 10'000;
constexpr const char* kQueue = "hot";

void Require(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "perdure-hot-path: %s\n", what.c_str());
  std::exit(1);
}

[[noreturn]] void DieOfStorage(const absl::Status& status) {
  std::fprintf(stderr, "perdure-hot-path: a commit failed: %s\n", status.ToString().c_str());
  std::_Exit(1);
}

// A clock that moves with the work, not with the time.
int64_t now_ms = 1'700'000'000'000;
int64_t NowMs() { return now_ms; }

template <typename Frame>
grpc::ByteBuffer ToBytes(const Frame& frame) {
  grpc::ByteBuffer bytes;
  bool owned = false;
  Require(grpc::SerializationTraits<Frame>::Serialize(frame, &bytes, &owned).ok(), "cannot serialize");
  return bytes;
}

// Answers as the SDK does: a command at a time, a step together with the advance that asks for it.
class StandIn {
 public:
  explicit StandIn(int units) : units_(units) {}

  void Answer(const v1::ServerFrame& in, v1::WorkerFrame& out) {
    for (const v1::Activation& a : in.activations()) Activate(a, out);
    for (const v1::TaskDelivery& t : in.tasks()) {
      v1::TaskAnswer& answer = *out.add_task_answers();
      answer.set_answer_id(++answers_);
      *answer.mutable_token() = t.token();
      SetNumber(*answer.mutable_result(), 1);
      ++units_done_;
    }
  }
  int64_t units_done() const { return units_done_; }

 private:
  static void SetNumber(v1::Payload& payload, int value) {
    payload.set_encoding("json");
    payload.set_data(std::to_string(value));
  }

  void Activate(const v1::Activation& activation, v1::WorkerFrame& out) {
    Run& run = runs_[activation.token().run()];
    for (const v1::Event& event : activation.events()) {
      run.done += event.has_task_completed() || event.has_step_completed();
    }
    v1::ActivationAnswer& answer = *out.add_activation_answers();
    answer.set_answer_id(++answers_);
    *answer.mutable_token() = activation.token();
    v1::Advance& advance = *answer.mutable_advance();
    advance.set_consumed_through(activation.deliver_through());
    const std::string& type = activation.workflow_type();
    if (type == "bench_noop" || run.done == units_) {
      SetNumber(*advance.add_commands()->mutable_complete_run()->mutable_result(), run.done);
      runs_.erase(activation.token().run());
      return;
    }
    if (type == "bench_steps") {
      v1::RunStep& step = *advance.add_commands()->mutable_run_step();
      step.set_seq(++run.seq);
      step.set_name("add_one");
      v1::StepCompleted& done = *advance.add_steps();
      done.set_seq(run.seq);
      done.set_attempt(1);
      SetNumber(*done.mutable_result(), run.done + 1);
      ++units_done_;
      return;
    }
    const int tasks = type == "bench_chain" ? 1 : run.seq == 0 ? units_ : 0;
    for (int i = 0; i < tasks; ++i) {
      v1::ScheduleTask& task = *advance.add_commands()->mutable_schedule_task();
      task.set_seq(++run.seq);
      task.set_task_type("bench_add_one");
      SetNumber(*task.mutable_input(), run.done);
    }
  }

  struct Run {
    int64_t seq = 0;
    int done = 0;
  };
  const int units_;
  uint64_t answers_ = 0;
  int64_t units_done_ = 0;
  std::unordered_map<uint64_t, Run> runs_;
};

// The stream's place; TakeFrame is called for it in turn.
class Sink final : public dispatch::FrameSink {
 public:
  void Wake() override {}
  void Abort(absl::Status status) override { Require(false, "stream ended: " + status.ToString()); }
};

class HotPath {
 public:
  HotPath(const Workload& workload, const std::string& directory)
      : workload_(workload), stand_in_(static_cast<int>(workload.units_per_run)) {
    storage::RocksStoreOptions store;
    store.data_dir = directory + "/data";
    absl::StatusOr<std::unique_ptr<storage::Store>> opened = storage::RocksStore::Open(store);
    Require(opened.ok(), opened.status().ToString());
    store_ = *std::move(opened);
    partition::PartitionOptions partition;
    partition.now_ms = NowMs;
    partition.random_seed = 1;
    dispatch::DispatchOptions dispatch;
    dispatch.now_ms = NowMs;
    dispatch.server_epoch = kEpoch;
    ring_ = std::make_unique<api::Ring>(api::RingOptions{65'536, 10'000, NowMs});
    committer_ = std::make_unique<partition::Committer>(store_.get(), ring_.get(), partition, DieOfStorage);
    partition_ = std::make_unique<partition::Partition>(0, store_.get(), committer_.get(), partition, kEpoch);
    dispatcher_ = std::make_unique<dispatch::Dispatcher>(dispatch, ring_.get(), std::vector<std::string>());
    ring_->Connect({{partition_.get()}, committer_.get(), dispatcher_.get(), nullptr, nullptr, nullptr});
    Require(partition_->Recover(false).ok(), "cannot recover");
    v1::Hello hello;
    hello.set_session_id("stand-in");
    hello.set_identity("bench@hot-path");
    hello.set_task_queue(kQueue);
    hello.add_workflow_types(std::string(workload.workflow_type));
    hello.add_task_types("bench_add_one");
    hello.set_max_activations(10'000);
    hello.set_max_tasks(10'000);
    absl::StatusOr<dispatch::Dispatcher::Opened> session = dispatcher_->Open(hello, sink_);
    Require(session.ok(), session.status().ToString());
    session_ = session->session;
  }

  void Run(int64_t runs) {
    int64_t started = 0;
    while (closed_ < runs) {
      for (; started < runs && started - closed_ < kInFlight; ++started) Start(started);
      ServerTurn();
      WorkerTurn();
      ++rounds_;
      now_ms += 1;
      Require(rounds_ < runs * workload_.units_per_run * 4 + 100, "it stands still");
    }
    std::printf("%s runs=%lld tasks=%lld rounds=%lld\n", std::string(workload_.name).c_str(),
                static_cast<long long>(closed_), static_cast<long long>(stand_in_.units_done()),
                static_cast<long long>(rounds_));
  }

 private:
  void Start(int64_t number) {
    partition::StartRequest start;
    start.request.set_namespace_("default");
    start.request.set_workflow_id("bench-00000000-" + std::to_string(number));
    start.request.set_request_id(start.request.workflow_id());
    start.request.set_workflow_type(std::string(workload_.workflow_type));
    start.request.set_task_queue(kQueue);
    start.request.mutable_input()->set_encoding("json");
    start.request.mutable_input()->set_data(std::string(workload_.input));
    start.reply = [this,
                   id = start.request.workflow_id()](absl::StatusOr<v1::StartWorkflowResponse> started) {
      Require(started.ok(), started.status().ToString());
      v1::WorkflowExecution& run = started_.emplace_back();
      run.set_workflow_id(id);
      run.set_run_id(started->run_id());
    };
    starts_.push_back(std::move(start));
  }

  // All that the server does in a round, and nothing else: what callgrind counts.
  [[gnu::noinline]] void ServerTurn() {
    for (partition::StartRequest& start : starts_) partition_->Put(std::move(start));
    starts_.clear();
    for (v1::WorkflowExecution& run : started_) Await(std::move(run));
    started_.clear();
    for (grpc::ByteBuffer& bytes : received_) {
      v1::WorkerFrame frame;
      Require(api::ParseFrame(bytes, kFrameItemsMax, frame).ok(), "a frame does not parse");
      Require(dispatcher_->Receive(session_, sink_.get(), std::move(frame)).ok(), "a frame was refused");
    }
    received_.clear();
    partition_->RunOnce(std::chrono::milliseconds(0));
    committer_->CommitOnce();
    v1::ServerFrame frame;
    while (dispatcher_->TakeFrame(session_, sink_.get(), frame)) {
      api::SerializeFrame(frame, sent_.emplace_back());
      frame.Clear();
    }
  }

  void Await(v1::WorkflowExecution run) {
    partition::ResultRequest wait;
    wait.waiter = ++waiters_;
    wait.deadline_ms = now_ms + 60'000;
    wait.request.set_namespace_("default");
    *wait.request.mutable_execution() = std::move(run);
    wait.reply = [this](absl::StatusOr<v1::GetResultResponse> result) {
      Require(result.ok(), result.status().ToString());
      Require(result->status() == v1::RUN_STATUS_COMPLETED, "a run did not complete");
      ++closed_;
    };
    partition_->Put(std::move(wait));
  }

  void WorkerTurn() {
    v1::WorkerFrame out;
    for (grpc::ByteBuffer& bytes : sent_) {
      v1::ServerFrame in;
      Require(grpc::SerializationTraits<v1::ServerFrame>::Deserialize(&bytes, &in).ok(), "does not parse");
      stand_in_.Answer(in, out);
    }
    sent_.clear();
    if (out.ByteSizeLong() > 0) received_.push_back(ToBytes(out));
  }

  const Workload& workload_;
  StandIn stand_in_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<api::Ring> ring_;
  std::unique_ptr<partition::Committer> committer_;
  std::unique_ptr<partition::Partition> partition_;
  std::unique_ptr<dispatch::Dispatcher> dispatcher_;
  const std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
  dispatch::SessionNumber session_ = 0;
  std::vector<partition::StartRequest> starts_;
  std::vector<v1::WorkflowExecution> started_;
  std::vector<grpc::ByteBuffer> received_;
  std::vector<grpc::ByteBuffer> sent_;
  uint64_t waiters_ = 0;
  int64_t closed_ = 0;
  int64_t rounds_ = 0;
};

int Main(int argc, char** argv) {
  base::SetLogSink([](const base::LogEvent&) {});
  const bool asked = argc == 3 || argc == 4;
  const Workload* workload = asked ? FindWorkload(argv[1]) : nullptr;
  const int64_t runs = asked ? std::atoll(argv[2]) : 0;
  if (workload == nullptr || !workload->ring || runs <= 0) {
    std::fprintf(stderr, "usage: perdure-hot-path noop|chain10|steps10|fanout100 RUNS [DIRECTORY]\n");
    return 2;
  }
  const TempDir directory(TempBase(argc == 4 ? argv[3] : ""));
  HotPath(*workload, directory.path()).Run(runs);
  return 0;
}

}  // namespace
}  // namespace perdure::bench

int main(int argc, char** argv) { return perdure::bench::Main(argc, argv); }
