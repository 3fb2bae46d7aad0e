#include "tests/unit/partition/test_server.h"

#include <utility>

#include "gtest/gtest.h"

namespace perdure::partition::testing {
namespace {

thread_local int g_fatal_commits = 0;

void CountFatal(const absl::Status&) { ++g_fatal_commits; }

}  // namespace

PartitionOptions TestOptions() {
  PartitionOptions options;
  options.now_ms = FakeClock::NowMs;
  options.random_seed = 1;
  options.full_disk_retry_ms = 0;
  return options;
}

TestServer::TestServer(PartitionOptions options, uint32_t partitions)
    : options_(options), partitions_wanted_(partitions) {
  FakeClock::Set(kStartMs);
  Recover();
}

TestServer::~TestServer() { Crash(); }

int TestServer::fatal_commits() { return g_fatal_commits; }

uint32_t TestServer::PartitionFor(const std::string& workflow_id) const {
  return PartitionOf(kNamespace, workflow_id, partitions_wanted_);
}

void TestServer::Put(Message message, uint32_t partition) {
  partitions_.at(partition)->Put(std::move(message));
}

// ---- clients ----

Answer<v1::StartWorkflowResponse> TestServer::Start(v1::StartWorkflowRequest request) {
  Answer<v1::StartWorkflowResponse> answer;
  const std::string ns = request.namespace_().empty() ? kNamespace : request.namespace_();
  const uint32_t partition = PartitionOf(ns, request.workflow_id(), partitions_wanted_);
  StartRequest start;
  start.request = std::move(request);
  start.reply = answer.reply();
  Put(std::move(start), partition);
  return answer;
}

Answer<v1::SignalWorkflowResponse> TestServer::Signal(const std::string& id, const std::string& name,
                                                      const std::string& request_id,
                                                      const std::string& run_id) {
  Answer<v1::SignalWorkflowResponse> answer;
  v1::SignalWorkflowRequest request;
  *request.mutable_execution() = Execution(id, run_id);
  request.set_signal_name(name);
  request.set_request_id(request_id);
  Put(SignalRequest{std::move(request), answer.reply()}, PartitionFor(id));
  return answer;
}

Answer<v1::SignalWithStartWorkflowResponse> TestServer::SignalWithStart(v1::StartWorkflowRequest start,
                                                                        const std::string& name) {
  Answer<v1::SignalWithStartWorkflowResponse> answer;
  const uint32_t partition = PartitionFor(start.workflow_id());
  v1::SignalWithStartWorkflowRequest request;
  *request.mutable_start() = std::move(start);
  request.set_signal_name(name);
  Put(SignalWithStartRequest{std::move(request), answer.reply()}, partition);
  return answer;
}

Answer<v1::CancelWorkflowResponse> TestServer::Cancel(const std::string& id, const std::string& request_id) {
  Answer<v1::CancelWorkflowResponse> answer;
  v1::CancelWorkflowRequest request;
  *request.mutable_execution() = Execution(id);
  request.set_request_id(request_id);
  Put(CancelRequest{std::move(request), answer.reply()}, PartitionFor(id));
  return answer;
}

Answer<v1::TerminateWorkflowResponse> TestServer::Terminate(const std::string& id,
                                                            const std::string& request_id,
                                                            const std::string& run_id) {
  Answer<v1::TerminateWorkflowResponse> answer;
  v1::TerminateWorkflowRequest request;
  *request.mutable_execution() = Execution(id, run_id);
  request.set_request_id(request_id);
  Put(TerminateRequest{std::move(request), answer.reply()}, PartitionFor(id));
  return answer;
}

Answer<v1::DescribeWorkflowResponse> TestServer::Describe(const std::string& id, const std::string& run_id) {
  Answer<v1::DescribeWorkflowResponse> answer;
  v1::DescribeWorkflowRequest request;
  *request.mutable_execution() = Execution(id, run_id);
  Put(DescribeRequest{std::move(request), answer.reply()}, PartitionFor(id));
  return answer;
}

Answer<v1::GetResultResponse> TestServer::Result(const std::string& id, int64_t wait_ms, bool follow,
                                                 const std::string& run_id, uint64_t waiter) {
  Answer<v1::GetResultResponse> answer;
  ResultRequest message;
  *message.request.mutable_execution() = Execution(id, run_id);
  message.request.set_wait_ms(wait_ms);
  message.request.set_follow_runs(follow);
  message.deadline_ms = FakeClock::NowMs() + wait_ms;
  message.waiter = waiter == 0 ? next_waiter_++ : waiter;
  message.reply = answer.reply();
  Put(std::move(message), PartitionFor(id));
  return answer;
}

TestServer::Told TestServer::Watch(const std::string& id, uint64_t waiter) {
  Told told = std::make_shared<std::vector<absl::StatusOr<Progress>>>();
  WatchRequest message;
  message.ns = kNamespace;
  message.execution = Execution(id);
  message.waiter = waiter == 0 ? next_waiter_++ : waiter;
  message.progress = [told](absl::StatusOr<Progress> progress) { told->push_back(std::move(progress)); };
  Put(std::move(message), PartitionFor(id));
  return told;
}

void TestServer::Forget(uint64_t waiter) {
  for (uint32_t p = 0; p < partitions_wanted_; ++p) Put(partition::Forget{waiter}, p);
}

// ---- the machine ----

void TestServer::Drain() {
  for (auto& partition : partitions_) partition->RunOnce(std::chrono::milliseconds(0));
}

bool TestServer::Commit() { return committer_->CommitOnce(); }

void TestServer::Settle() {
  do {
    Drain();
  } while (Commit());
}

void TestServer::Advance(int64_t ms) {
  FakeClock::Advance(ms);
  Settle();
}

void TestServer::Checkpoint() {
  Settle();
  const int64_t before = Metric("perdure_partition_checkpoints_total");
  FakeClock::Advance(options_.checkpoint_interval_ms);
  // A checkpoint of thousands of runs takes several drains, and one that has nothing to do is left out.
  for (int i = 0; i < 1'000 && Metric("perdure_partition_checkpoints_total") < before + partitions_wanted_;
       ++i) {
    Settle();
  }
}

// ---- crashes ----

void TestServer::Crash() {
  partitions_.clear();
  committer_.reset();
  outbox_ = Recorder();
}

void TestServer::Recover(bool hold_tasks) {
  epoch_ += uint64_t{1} << 40;
  committer_ = std::make_unique<Committer>(&store_, &outbox_, options_, CountFatal);
  recovered_.clear();
  for (uint32_t p = 0; p < partitions_wanted_; ++p) {
    partitions_.push_back(std::make_unique<Partition>(p, &store_, committer_.get(), options_, epoch_));
    absl::StatusOr<RecoveryStats> stats = partitions_.back()->Recover(hold_tasks);
    ASSERT_TRUE(stats.ok()) << stats.status();
    recovered_.push_back(*stats);
  }
}

void TestServer::Restart(bool hold_tasks) {
  Crash();
  Recover(hold_tasks);
}

int64_t TestServer::Metric(const std::string& name) const {
  MetricValues values;
  for (const auto& partition : partitions_) partition->Collect(values);
  if (committer_) committer_->Collect(values);
  return values.Get(name);
}

}  // namespace perdure::partition::testing
