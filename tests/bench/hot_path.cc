// perdure-hot-path WORKLOAD RUNS [DIRECTORY]: the way from a start to a result, with all that the daemon does
// to requests and frames and the SDK to activations, except gRPC, in one thread and in lockstep, so that the
// same arguments execute the same instructions: the SDK's executor answers all that one round delivered, a
// stand-in its tasks, and one commit makes all of that durable. What a task costs in instructions is counted
// by callgrind, from ServerTurn or from WorkerTurn down: instructions_test does, and fails when it grows.
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
#include <vector>

#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"
#include "server/api/frame.h"
#include "server/api/ring.h"
#include "server/base/log.h"
#include "server/dispatch/dispatcher.h"
#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "storage/rocks_store.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/workflows.h"
#include "worker-sdk/src/runtime/executor.h"
#include "worker-sdk/src/session/frame.h"
#include "worker-sdk/src/session/outbox.h"

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
std::chrono::steady_clock::time_point SteadyNow() {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms));
}

// The SDK without its threads and its stream.
class SdkWorker final : private runtime::ExecutorSink {
 public:
  SdkWorker() : registry_(AllWorkflows()), executor_(registry_, Options(), this) {}

  void Take(const std::shared_ptr<const v1::ServerFrame>& in) {
    for (const uint64_t id : in->acked_answer_ids()) outbox_.Ack(id);
    executor_.Take(in);
    for (const v1::TaskDelivery& t : in->tasks()) {
      v1::TaskAnswer answer;
      *answer.mutable_token() = t.token();
      answer.mutable_result()->set_encoding("json");
      answer.mutable_result()->set_data("1");
      outbox_.Add(std::move(answer));
    }
    units_done_ += in->tasks_size();
  }
  // All that can be done now.
  void Work() {
    while (executor_.RunReady() || executor_.RunStep()) {
    }
  }
  bool NextFrame(std::string* out) { return outbox_.NextFrame(out); }

  int64_t units_done() const { return units_done_ + executor_.Stats().steps; }

 private:
  static Registry AllWorkflows() {
    Registry registry;
    ForEachWorkflow([&registry](const auto& workflow, auto function) {
      registry.AddWorkflow(workflow.Name(), detail::EraseWorkflow(workflow, function));
    });
    return registry;
  }
  static runtime::ExecutorOptions Options() {
    runtime::ExecutorOptions options;
    options.threads = 0;
    options.step_threads = 0;
    options.now = SteadyNow;
    options.random_seed = 1;
    return options;
  }

  void Answer(v1::ActivationAnswer answer) override { outbox_.Add(std::move(answer)); }
  void Answer(v1::StepAnswer answer) override { outbox_.Add(std::move(answer)); }
  void RequestHistory(v1::HistoryRequest) override { Require(false, "a run was replayed"); }
  void Evicted(v1::WorkToken) override { Require(false, "a coroutine was dropped"); }

  const Registry registry_;
  session::Outbox outbox_;
  int64_t units_done_ = 0;
  runtime::Executor executor_;
};

// The stream's place; TakeFrame is called for it in turn.
class Sink final : public dispatch::FrameSink {
 public:
  void Wake() override {}
  void Abort(absl::Status status) override { Require(false, "stream ended: " + status.ToString()); }
};

class HotPath {
 public:
  HotPath(const Workload& workload, const std::string& directory) : workload_(workload) {
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
                static_cast<long long>(closed_), static_cast<long long>(worker_.units_done()),
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

  // All that the SDK does in a round.
  [[gnu::noinline]] void WorkerTurn() {
    for (grpc::ByteBuffer& bytes : sent_) {
      const std::shared_ptr<v1::ServerFrame> in = session::NewFrame();
      Require(grpc::SerializationTraits<v1::ServerFrame>::Deserialize(&bytes, in.get()).ok(),
              "does not parse");
      worker_.Take(in);
    }
    sent_.clear();
    worker_.Work();
    std::string out;
    while (worker_.NextFrame(&out)) {
      const grpc::Slice bytes(out);
      received_.emplace_back(&bytes, 1);
    }
  }

  const Workload& workload_;
  SdkWorker worker_;
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
