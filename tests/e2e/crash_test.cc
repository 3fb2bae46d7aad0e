// A thousand orders while the server and the workers are killed again and again.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <perdure/client.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "perdure/v1/workflow_service.grpc.pb.h"
#include "tests/e2e/process.h"
#include "worker-sdk/examples/order_fulfillment/orders.h"

namespace perdure::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kRuns = 1'000;
constexpr int kWorkerKills = 10;

// PERDURE_CRASH_KILLS=100 for a longer day.
int ServerKills() {
  const char* given = std::getenv("PERDURE_CRASH_KILLS");
  return given != nullptr ? std::atoi(given) : 20;
}

std::vector<orders::Order> ReadOrders() {
  std::vector<orders::Order> read;
  std::ifstream in(PERDURE_ORDERS_FILE);
  for (std::string line; std::getline(in, line);) {
    Payload payload;
    payload.encoding = "json";
    payload.data = line;
    read.push_back(FromPayload<orders::Order>(payload));
  }
  return read;
}

std::string Text(const orders::Fulfilment& f) {
  return f.order_id + "|" + f.status + "|" + f.reason + "|" + f.tracking_id + "|" + f.transaction_id + "|" +
         f.reservation_id;
}

// What must be the same in every run of an order: the ids that tasks draw from their idempotency keys are
// not.
std::string Essence(const orders::Fulfilment& f) {
  return f.order_id + "|" + f.status + "|" + f.reason + "|" + (f.tracking_id.empty() ? "" : "parcel") + "|" +
         (f.transaction_id.empty() ? "" : "paid") + "|" + (f.reservation_id.empty() ? "" : "reserved");
}

class CrashTest : public testing::Test {
 protected:
  CrashTest() : seed_(Seed()), random_(seed_) {
    std::printf("seed %u (PERDURE_CRASH_SEED repeats it)\n", seed_);
  }

  static unsigned Seed() {
    const char* given = std::getenv("PERDURE_CRASH_SEED");
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                            : std::random_device()();
  }
  std::unique_ptr<Process> StartWorker() {
    return std::make_unique<Process>(
        std::vector<std::string>{Program("perdure-example-order-worker"), "--address", server_.address(),
                                 "--ledger", dir_.File("ledger"), "--task-ms", "20", "--quiet"},
        dir_.File("worker.log"));
  }
  std::string OrderId(int i) const { return "crash-" + std::to_string(i); }

  // The results without any crash, by order.
  std::vector<std::string> Expected(Client& client) {
    std::vector<std::future<Handle<orders::Fulfilment>>> starts;
    for (size_t i = 0; i < orders_.size(); ++i) {
      starts.push_back(client.StartAsync(
          orders::OrderFulfillment, orders_[i],
          StartOptions().WorkflowId("calm-" + std::to_string(i)).TaskQueue(orders::kTaskQueue)));
    }
    std::vector<std::string> expected;
    for (auto& start : starts) expected.push_back(Essence(start.get().Result(seconds(120))));
    return expected;
  }

  // Starts all runs, one after the other; each that returns was acknowledged.
  void StartAll(Client& client) {
    for (int i = 0; i < kRuns; ++i) {
      const Handle<orders::Fulfilment> run =
          client.Start(orders::OrderFulfillment, orders_[static_cast<size_t>(i) % orders_.size()],
                       StartOptions().WorkflowId(OrderId(i)).TaskQueue(orders::kTaskQueue));
      std::lock_guard lock(mu_);
      acknowledged_[i] = run.RunId();
    }
  }

  // Looks at results again and again while things crash: one that was seen must never change.
  void Observe(Client& client) {
    std::mt19937 random(seed_ + 1);
    while (!stop_) {
      const int i = static_cast<int>(random() % kRuns);
      {
        std::lock_guard lock(mu_);
        if (!acknowledged_.contains(i)) continue;
      }
      try {
        const std::string seen =
            Text(client.GetHandle(orders::OrderFulfillment, OrderId(i)).Result(milliseconds(50)));
        std::lock_guard lock(mu_);
        const auto [it, added] = observed_.emplace(i, seen);
        EXPECT_EQ(it->second, seen) << "the result of " << OrderId(i) << " changed";
      } catch (const TimeoutError&) {
        // Still open.
      }
    }
  }

  void Pause(int ms_min, int ms_max) {
    const int ms = ms_min + static_cast<int>(random_() % static_cast<unsigned>(ms_max - ms_min));
    WaitUntil([until = std::chrono::steady_clock::now() +
                       milliseconds(ms)] { return std::chrono::steady_clock::now() >= until; },
              seconds(60));
  }

  // Every task that a history says was completed has its line in the ledger, under the run's key.
  void CheckLedger() {
    std::set<std::string> keys;
    std::ifstream in(dir_.File("ledger"));
    for (std::string line; std::getline(in, line);) keys.insert(line.substr(0, line.find(' ')));
    auto stub = v1::WorkflowService::NewStub(
        grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials()));
    int tasks = 0;
    for (const auto& [i, run_id] : acknowledged_) {
      v1::GetHistoryRequest request;
      request.mutable_execution()->set_workflow_id(OrderId(i));
      v1::GetHistoryResponse history;
      grpc::ClientContext context;
      const grpc::Status status = stub->GetHistory(&context, request, &history);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(history.run_id(), run_id) << OrderId(i) << " is another run than the one acknowledged";
      int64_t next_id = 1;
      for (const v1::Event& event : history.events()) {
        EXPECT_EQ(event.event_id(), next_id++);
        if (!event.has_task_completed()) continue;
        ++tasks;
        const std::string key = run_id + "/" + std::to_string(event.task_completed().seq());
        EXPECT_TRUE(keys.contains(key)) << "no effect is recorded for " << key;
      }
    }
    std::printf("%d tasks completed, %zu effects recorded\n", tasks, keys.size());
  }

  const unsigned seed_;
  std::mt19937 random_;
  const std::vector<orders::Order> orders_ = ReadOrders();
  TempDir dir_;
  Server server_{dir_, {"--reconnect-grace-ms", "1s", "--checkpoint-interval-ms", "700ms"}};
  std::mutex mu_;
  std::map<int, std::string> acknowledged_;
  std::map<int, std::string> observed_;
  std::atomic<bool> stop_{false};
};

TEST_F(CrashTest, EveryOrderEndsRightWhateverDies) {
  ASSERT_EQ(orders_.size(), 200u);
  std::vector<std::unique_ptr<Process>> workers;
  workers.push_back(StartWorker());
  workers.push_back(StartWorker());
  Client client(ClientOptions().Address(server_.address()).Deadline(seconds(120)));
  const std::vector<std::string> expected = Expected(client);

  std::thread starter([&] { StartAll(client); });
  std::thread observer([&] { Observe(client); });
  int worker_kills = 0;
  const int server_kills = ServerKills();
  for (int kill = 0; kill < server_kills; ++kill) {
    Pause(50, 500);
    if (worker_kills < kWorkerKills && kill % 2 == 0) {
      const size_t w = random_() % workers.size();
      workers[w]->Kill();
      workers[w] = StartWorker();
      ++worker_kills;
    }
    server_.Restart();
  }
  starter.join();
  EXPECT_EQ(acknowledged_.size(), static_cast<size_t>(kRuns));

  std::map<int, std::string> results;
  for (int i = 0; i < kRuns; ++i) {
    const orders::Fulfilment result =
        client.GetHandle(orders::OrderFulfillment, OrderId(i)).Result(seconds(120));
    results[i] = Text(result);
    EXPECT_EQ(Essence(result), expected[static_cast<size_t>(i) % expected.size()]) << OrderId(i);
  }
  stop_ = true;
  observer.join();
  std::printf("%zu results observed while things died\n", observed_.size());
  for (const auto& [i, seen] : observed_) EXPECT_EQ(seen, results[i]) << OrderId(i);
  EXPECT_EQ(client.Count(ListFilter().Status(RunStatus::kRunning)), 0);
  CheckLedger();
  server_.Kill();
  server_.Verify();
}

}  // namespace
}  // namespace perdure::e2e
