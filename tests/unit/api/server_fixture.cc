#include "tests/unit/api/server_fixture.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "server/base/clock.h"
#include "server/base/log.h"

namespace perdure::api {
namespace {

constexpr std::chrono::milliseconds kHousekeepingInterval{20};
constexpr uint64_t kEpoch = uint64_t{1} << 40;

using base::NowMs;

[[noreturn]] void DieOfStorage(const absl::Status& status) {
  std::fprintf(stderr, "a commit failed: %s\n", status.ToString().c_str());
  _exit(70);
}

// Tests make the server warn; that is not news.
void DropLog(const base::LogEvent&) {}

}  // namespace

TestServer::TestServer(TestServerOptions options)
    : options_([&] {
        options.partition.now_ms = NowMs;
        options.dispatch.now_ms = NowMs;
        options.dispatch.server_epoch = kEpoch;
        options.dispatch.server_version = "test";
        return options;
      }()) {
  base::SetLogSink(&DropLog);
  ring_ = std::make_unique<Ring>(RingOptions{options_.mailbox_items_max, options_.reads_waiting_max, NowMs});
  committer_ = std::make_unique<partition::Committer>(&store_, ring_.get(), options_.partition, DieOfStorage);
  std::vector<partition::Partition*> partitions;
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    partitions_.push_back(
        std::make_unique<partition::Partition>(p, &store_, committer_.get(), options_.partition, kEpoch));
    partitions.push_back(partitions_.back().get());
  }
  reader_ = std::make_unique<partition::Reader>(&store_, options_.partitions, partition::Reader::Limits());
  pool_ = std::make_unique<partition::ReaderPool>(2, options_.reads_waiting_max);
  replay_pool_ = std::make_unique<partition::ReaderPool>(1, options_.reads_waiting_max);
  dispatcher_ =
      std::make_unique<dispatch::Dispatcher>(options_.dispatch, ring_.get(), std::vector<std::string>());
  ring_->Connect({std::move(partitions), committer_.get(), dispatcher_.get(), reader_.get(), pool_.get(),
                  replay_pool_.get()});
  committer_->Start();
  for (auto& partition : partitions_) {
    const auto recovered = partition->Recover(false);
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    partition->Start();
  }
  workflow_service_ = std::make_unique<WorkflowService>(
      ring_.get(), options_.limits, ServerFacts{"test", kEpoch, NowMs(), "memory", NowMs}, &metrics_);
  worker_service_ = std::make_unique<WorkerService>(
      dispatcher_.get(), WorkerServiceOptions{options_.frame_items_max}, &metrics_);
  GrpcServerOptions listen;
  listen.listen = "127.0.0.1:0";
  listen.frame_bytes_max = options_.frame_bytes_max;
  listen.grpc_memory_bytes_max = options_.grpc_memory_bytes_max;
  auto grpc = GrpcServer::Listen(listen, {workflow_service_.get(), worker_service_.get()});
  EXPECT_TRUE(grpc.ok()) << grpc.status();
  grpc_ = *std::move(grpc);
  housekeeper_ = std::thread([this] { Housekeep(); });
}

TestServer::~TestServer() {
  Stop();
  base::SetLogSink(nullptr);
}

void TestServer::Housekeep() {
  std::unique_lock lock(mu_);
  while (!cv_.wait_for(lock, kHousekeepingInterval, [this] { return stopping_; })) {
    lock.unlock();
    dispatcher_->Tick();
    lock.lock();
  }
}

void TestServer::Stop(int64_t grace_ms) {
  if (std::exchange(stopped_, true)) return;
  ring_->BeginDrain();
  grpc_->SetServing(false);
  dispatcher_->Shutdown(absl::UnavailableError("the server is stopping; reconnect with backoff"));
  for (auto& partition : partitions_) partition->Put(partition::EndWaits{});
  grpc_->Shutdown(grace_ms);
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  cv_.notify_all();
  housekeeper_.join();
  pool_->Stop();
  replay_pool_->Stop();
  for (auto& partition : partitions_) partition->Stop();
  committer_->Stop();
}

MetricValues TestServer::Metrics() const {
  MetricValues values;
  committer_->Collect(values);
  for (const auto& partition : partitions_) partition->Collect(values);
  dispatcher_->Collect(values);
  ring_->Collect(values);
  metrics_.Collect(values);
  return values;
}

TestServer& ServerTest::server() {
  if (!server_) server_ = std::make_unique<TestServer>(options);
  return *server_;
}

std::shared_ptr<grpc::Channel> ServerTest::channel() {
  if (!channel_) channel_ = grpc::CreateChannel(server().address(), grpc::InsecureChannelCredentials());
  return channel_;
}

v1::WorkflowService::Stub& ServerTest::client() {
  if (!client_) client_ = v1::WorkflowService::NewStub(channel());
  return *client_;
}

v1::StartWorkflowRequest ServerTest::StartOf(const std::string& workflow_id) {
  v1::StartWorkflowRequest request;
  request.set_workflow_id(workflow_id);
  request.set_workflow_type("order");
  request.set_task_queue("main");
  return request;
}

std::string ServerTest::Start(const std::string& workflow_id) {
  grpc::ClientContext context;
  v1::StartWorkflowResponse response;
  const grpc::Status status = client().StartWorkflow(&context, StartOf(workflow_id), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.run_id();
}

v1::GetResultResponse ServerTest::Result(const std::string& workflow_id, int64_t wait_ms) {
  grpc::ClientContext context;
  v1::GetResultRequest request;
  request.mutable_execution()->set_workflow_id(workflow_id);
  request.set_wait_ms(wait_ms);
  v1::GetResultResponse response;
  const grpc::Status status = client().GetResult(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::DescribeWorkflowResponse ServerTest::Describe(const std::string& workflow_id) {
  grpc::ClientContext context;
  v1::DescribeWorkflowRequest request;
  request.mutable_execution()->set_workflow_id(workflow_id);
  v1::DescribeWorkflowResponse response;
  const grpc::Status status = client().DescribeWorkflow(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

grpc::Status ServerTest::Signal(const std::string& workflow_id, const std::string& name,
                                const std::string& request_id) {
  grpc::ClientContext context;
  v1::SignalWorkflowRequest request;
  request.mutable_execution()->set_workflow_id(workflow_id);
  request.set_signal_name(name);
  request.set_request_id(request_id);
  v1::SignalWorkflowResponse response;
  return client().SignalWorkflow(&context, request, &response);
}

grpc::Status ServerTest::Terminate(const std::string& workflow_id) {
  grpc::ClientContext context;
  v1::TerminateWorkflowRequest request;
  request.mutable_execution()->set_workflow_id(workflow_id);
  v1::TerminateWorkflowResponse response;
  return client().TerminateWorkflow(&context, request, &response);
}

::testing::AssertionResult ServerTest::Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::mutex mu;
  std::condition_variable cv;
  std::unique_lock lock(mu);
  // What is waited for is a metric or a description, which tell nobody when they change.
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return ::testing::AssertionFailure() << "it never came true";
    cv.wait_for(lock, std::chrono::milliseconds(5));
  }
  return ::testing::AssertionSuccess();
}

void ServerTest::ExpectWorks() {
  static int number = 0;
  const std::string id = "works-" + std::to_string(++number);
  v1::StartWorkflowRequest start = StartOf(id);
  start.set_task_queue("works-" + std::to_string(number));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::StartWorkflowResponse started;
  const grpc::Status status = client().StartWorkflow(&context, start, &started);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::Hello hello = WorkerHello(id).Workflows({"order"});
  hello.set_task_queue(start.task_queue());
  RawWorker worker(channel(), hello);
  worker.Advance(worker.NextActivation(), {CompleteWith("fine")});
  EXPECT_EQ(Result(id).result().data(), "fine");
}

WorkerHello::WorkerHello(const std::string& session_id) {
  hello_.set_session_id(session_id);
  hello_.set_identity("identity of " + session_id);
  hello_.set_task_queue("main");
  hello_.set_build_id("build-1");
}

WorkerHello& WorkerHello::Workflows(const std::vector<std::string>& types, int credits) {
  for (const std::string& type : types) hello_.add_workflow_types(type);
  hello_.set_max_activations(credits);
  return *this;
}

WorkerHello& WorkerHello::Tasks(const std::vector<std::string>& types, int credits) {
  for (const std::string& type : types) hello_.add_task_types(type);
  hello_.set_max_tasks(credits);
  return *this;
}

WorkerHello& WorkerHello::TaskInHand(const v1::WorkToken& token) {
  *hello_.add_tasks_in_hand()->mutable_token() = token;
  return *this;
}

RawWorker::RawWorker(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)), stub_(v1::WorkerService::NewStub(channel_)) {
  // A test that waits for a frame that does not come fails instead of hanging.
  context_.set_deadline(std::chrono::system_clock::now() + kPatience);
  stream_ = stub_->Connect(&context_);
}

RawWorker::RawWorker(std::shared_ptr<grpc::Channel> channel, const v1::Hello& hello)
    : RawWorker(std::move(channel)) {
  WriteHello(hello);
  v1::ServerFrame frame;
  if (Read(&frame)) welcome = frame.welcome();
}

RawWorker::~RawWorker() {
  if (finished_) return;
  context_.TryCancel();
  WaitForEnd();
}

bool RawWorker::WriteHello(const v1::Hello& hello) {
  v1::WorkerFrame frame;
  *frame.mutable_hello() = hello;
  return Write(frame);
}

bool RawWorker::Pump() {
  v1::ServerFrame frame;
  if (!Read(&frame)) return false;
  activations_.insert(activations_.end(), frame.activations().begin(), frame.activations().end());
  tasks_.insert(tasks_.end(), frame.tasks().begin(), frame.tasks().end());
  acks_.insert(acks_.end(), frame.acked_answer_ids().begin(), frame.acked_answer_ids().end());
  return true;
}

v1::Activation RawWorker::NextActivation() {
  while (activations_.empty()) {
    if (!Pump()) {
      ADD_FAILURE() << "the stream ended before an activation came";
      return {};
    }
  }
  v1::Activation next = std::move(activations_.front());
  activations_.erase(activations_.begin());
  return next;
}

v1::TaskDelivery RawWorker::NextTask() {
  while (tasks_.empty()) {
    if (!Pump()) {
      ADD_FAILURE() << "the stream ended before a task came";
      return {};
    }
  }
  v1::TaskDelivery next = std::move(tasks_.front());
  tasks_.erase(tasks_.begin());
  return next;
}

bool RawWorker::WaitForAck(uint64_t answer_id) {
  while (std::find(acks_.begin(), acks_.end(), answer_id) == acks_.end()) {
    if (!Pump()) return false;
  }
  return true;
}

uint64_t RawWorker::Advance(const v1::Activation& activation, std::vector<v1::Command> commands) {
  v1::WorkerFrame frame;
  v1::ActivationAnswer& answer = *frame.add_activation_answers();
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = activation.token();
  answer.mutable_advance()->set_consumed_through(activation.deliver_through());
  for (v1::Command& command : commands) *answer.mutable_advance()->add_commands() = std::move(command);
  EXPECT_TRUE(Write(frame));
  return next_answer_ - 1;
}

uint64_t RawWorker::AnswerTask(const v1::WorkToken& token, const std::string& result) {
  v1::WorkerFrame frame;
  v1::TaskAnswer& answer = *frame.add_task_answers();
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = token;
  answer.mutable_result()->set_data(result);
  EXPECT_TRUE(Write(frame));
  return next_answer_ - 1;
}

grpc::Status RawWorker::Finish() {
  stream_->WritesDone();
  return WaitForEnd();
}

grpc::Status RawWorker::WaitForEnd() {
  v1::ServerFrame frame;
  while (Read(&frame)) {
  }
  finished_ = true;
  return stream_->Finish();
}

v1::Command CompleteWith(const std::string& result) {
  v1::Command command;
  command.mutable_complete_run()->mutable_result()->set_data(result);
  return command;
}

v1::Command ScheduleTaskOf(int64_t seq, const std::string& type) {
  v1::Command command;
  command.mutable_schedule_task()->set_seq(seq);
  command.mutable_schedule_task()->set_task_type(type);
  return command;
}

v1::Command StartTimerOf(int64_t seq, int64_t delay_ms) {
  v1::Command command;
  command.mutable_start_timer()->set_seq(seq);
  command.mutable_start_timer()->set_delay_ms(delay_ms);
  return command;
}

}  // namespace perdure::api
