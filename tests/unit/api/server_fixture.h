// A whole server in the test's process: real partitions and committer on a store in memory, dispatch, the
// services on a free port of the loopback address. Put together and taken apart as cmd/perdured does it.
//
//   class MyTest : public ServerTest {};
//   TEST_F(MyTest, ...) {
//     Start("order-1");
//     RawWorker worker(*this, WorkerHello("w").Workflows({"order"}));
//     worker.AnswerNext(Complete("done"));
//     EXPECT_EQ(Result("order-1").status(), v1::RUN_STATUS_COMPLETED);
//   }
#ifndef PERDURE_TESTS_UNIT_API_SERVER_FIXTURE_H_
#define PERDURE_TESTS_UNIT_API_SERVER_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "perdure/v1/worker_service.grpc.pb.h"
#include "perdure/v1/workflow_service.grpc.pb.h"
#include "server/api/grpc_server.h"
#include "server/api/metrics.h"
#include "server/api/ring.h"
#include "server/api/validate.h"
#include "server/api/worker_service.h"
#include "server/api/workflow_service.h"
#include "storage/memory_store.h"

namespace perdure::api {

// How long a test waits for what must happen; only a failing test takes so long.
inline constexpr std::chrono::seconds kPatience{20};

struct TestServerOptions {
  uint32_t partitions = 2;
  int64_t mailbox_items_max = 65'536;
  int64_t frame_bytes_max = 64 << 20;
  int64_t frame_items_max = 10'000;
  int64_t grpc_memory_bytes_max = 512 << 20;
  int64_t reads_waiting_max = 1'000;
  ApiLimits limits;
  partition::PartitionOptions partition;
  dispatch::DispatchOptions dispatch;
};

// Values of metrics by name, with labels of one name added up.
class MetricValues : public base::MetricSink {
 public:
  void Counter(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Gauge(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Histogram(std::string_view name, std::string_view, base::Labels, const base::Histogram& h,
                 double) override {
    Add(name, static_cast<double>(h.Read().count));
  }
  double operator[](const std::string& name) const {
    auto it = values_.find(name);
    return it == values_.end() ? 0 : it->second;
  }

 private:
  void Add(std::string_view name, double value) { values_[std::string(name)] += value; }
  std::map<std::string, double> values_;
};

class TestServer {
 public:
  explicit TestServer(TestServerOptions options = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;

  // Refuses new work, ends what is open within `grace_ms`, and stops. Once.
  void Stop(int64_t grace_ms = 5'000);

  const std::string& address() const { return grpc_->address(); }
  GrpcServer& grpc() { return *grpc_; }
  dispatch::Dispatcher& dispatcher() { return *dispatcher_; }
  Ring& ring() { return *ring_; }
  storage::MemoryStore& store() { return store_; }
  MetricValues Metrics() const;

 private:
  void Housekeep();

  const TestServerOptions options_;
  // In the order they are made; unmade in reverse.
  storage::MemoryStore store_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<partition::Committer> committer_;
  std::vector<std::unique_ptr<partition::Partition>> partitions_;
  std::unique_ptr<partition::Reader> reader_;
  std::unique_ptr<partition::ReaderPool> pool_;
  std::unique_ptr<partition::ReaderPool> replay_pool_;
  std::unique_ptr<dispatch::Dispatcher> dispatcher_;
  ApiMetrics metrics_;
  std::unique_ptr<WorkflowService> workflow_service_;
  std::unique_ptr<WorkerService> worker_service_;
  std::unique_ptr<GrpcServer> grpc_;

  std::mutex mu_;
  std::condition_variable cv_;
  bool stopping_ = false;
  std::thread housekeeper_;
  bool stopped_ = false;
};

// A server, a client of it, and shorthands. Change `options` before the first use of the server.
class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override { server_.reset(); }

  TestServer& server();
  std::shared_ptr<grpc::Channel> channel();
  v1::WorkflowService::Stub& client();

  static v1::StartWorkflowRequest StartOf(const std::string& workflow_id);
  // Starts a run of type "order" on the queue "main"; its run id.
  std::string Start(const std::string& workflow_id);
  v1::GetResultResponse Result(const std::string& workflow_id, int64_t wait_ms = 20'000);
  v1::DescribeWorkflowResponse Describe(const std::string& workflow_id);
  grpc::Status Signal(const std::string& workflow_id, const std::string& name,
                      const std::string& request_id = "");
  grpc::Status Terminate(const std::string& workflow_id);
  // Waits until it holds.
  ::testing::AssertionResult Eventually(const std::function<bool()>& condition);
  // The server still does its work, from start to result.
  void ExpectWorks();

  TestServerOptions options;

 private:
  std::unique_ptr<TestServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkflowService::Stub> client_;
};

class WorkerHello {
 public:
  explicit WorkerHello(const std::string& session_id);
  WorkerHello& Workflows(const std::vector<std::string>& types, int credits = 100);
  WorkerHello& Tasks(const std::vector<std::string>& types, int credits = 100);
  WorkerHello& TaskInHand(const v1::WorkToken& token);
  operator v1::Hello() const { return hello_; }  // NOLINT: implicit by design

 private:
  v1::Hello hello_;
};

// A worker whose every frame the test writes. One thread.
class RawWorker {
 public:
  // Opens a stream and says hello.
  RawWorker(std::shared_ptr<grpc::Channel> channel, const v1::Hello& hello);
  // Opens a stream and says nothing.
  explicit RawWorker(std::shared_ptr<grpc::Channel> channel);
  ~RawWorker();

  bool Write(const v1::WorkerFrame& frame) { return stream_->Write(frame); }
  bool WriteHello(const v1::Hello& hello);
  // The next frame; false: the stream ended.
  bool Read(v1::ServerFrame* frame) { return stream_->Read(frame); }
  // Reads until there is an activation (a task).
  v1::Activation NextActivation();
  v1::TaskDelivery NextTask();
  // Reads until the answer is acknowledged.
  bool WaitForAck(uint64_t answer_id);
  // Answers with these commands.
  uint64_t Advance(const v1::Activation& activation, std::vector<v1::Command> commands);
  uint64_t AnswerTask(const v1::WorkToken& token, const std::string& result);
  // Ends the stream in good order; its status.
  grpc::Status Finish();
  // Reads on until the server ends the stream; its status.
  grpc::Status WaitForEnd();
  void Cancel() { context_.TryCancel(); }

  v1::Welcome welcome;

 private:
  // Puts what a frame holds aside for Next... and WaitForAck.
  bool Pump();

  grpc::ClientContext context_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerFrame, v1::ServerFrame>> stream_;
  std::vector<v1::Activation> activations_;
  std::vector<v1::TaskDelivery> tasks_;
  std::vector<uint64_t> acks_;
  uint64_t next_answer_ = 1;
  bool finished_ = false;
};

v1::Command CompleteWith(const std::string& result);
v1::Command ScheduleTaskOf(int64_t seq, const std::string& type);
v1::Command StartTimerOf(int64_t seq, int64_t delay_ms);

}  // namespace perdure::api

#endif  // PERDURE_TESTS_UNIT_API_SERVER_FIXTURE_H_
