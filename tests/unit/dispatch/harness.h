// What tests of dispatch are written in: a clock that stands still, an Upstream that records, workers without
// streams.
//
//   class CreditsTest : public DispatchTest {};
//   TEST_F(CreditsTest, ...) {
//     TestWorker worker = Connect(MakeHello("w1").Tasks({"charge"}, 1));
//     Offer(Task("charge", 1));
//     EXPECT_THAT(worker.Receive().tasks, ElementsAre(Delivery(1)));
//   }
#ifndef PERDURE_TESTS_UNIT_DISPATCH_HARNESS_H_
#define PERDURE_TESTS_UNIT_DISPATCH_HARNESS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {

// Milliseconds; starts at a million for each test.
class FakeClock {
 public:
  static int64_t Now() { return now_ms; }
  static inline int64_t now_ms = 1'000'000;
};

// Records what dispatch tells the partitions.
class FakeUpstream : public Upstream {
 public:
  uint32_t partitions() const override { return partition_count; }
  void Post(uint32_t partition, std::vector<Report> reports) override;
  bool HasRoom() const override { return has_room; }
  bool RequestHistory(const HistoryRead& read) override;

  // All reports of one kind since the last call of Forget, with the partition they went to.
  template <typename What>
  std::vector<What> Of() const {
    std::vector<What> found;
    for (const auto& [partition, report] : posted) {
      if (const What* what = std::get_if<What>(&report.what)) found.push_back(*what);
    }
    return found;
  }
  void Forget() { posted.clear(); }

  uint32_t partition_count = 2;
  bool has_room = true;
  bool takes_reads = true;
  std::vector<std::pair<uint32_t, Report>> posted;
  std::vector<HistoryRead> reads;
};

class FakeSink : public FrameSink {
 public:
  void Wake() override { ++wakes; }
  void Abort(absl::Status status) override { aborted = std::move(status); }

  int wakes = 0;
  std::optional<absl::Status> aborted;
};

// A Hello, filled step by step.
class MakeHello {
 public:
  explicit MakeHello(const std::string& session_id);
  MakeHello& Tasks(std::initializer_list<const char*> types, int credits);
  MakeHello& Workflows(std::initializer_list<const char*> types, int credits);
  MakeHello& TaskQueue(const std::string& name);
  MakeHello& TaskInHand(const v1::WorkToken& token, int64_t running_ms = 0);
  MakeHello& ActivationInHand(const v1::WorkToken& token);
  operator v1::Hello() const { return hello_; }  // NOLINT: implicit by design

 private:
  v1::Hello hello_;
};

// Everything that frames brought.
struct Inbox {
  std::vector<v1::WorkToken> activations;
  std::vector<v1::WorkToken> tasks;
  std::vector<v1::TaskCancel> cancels;
  std::vector<uint64_t> acks;
  std::vector<v1::HistoryChunk> chunks;
  std::vector<v1::WorkToken> evict;
  int frames = 0;
};

// A worker process, as far as dispatch sees one. Must not outlive the dispatcher.
class TestWorker {
 public:
  TestWorker(Dispatcher* dispatcher, const v1::Hello& hello);

  // Takes every frame there is.
  Inbox Receive();
  absl::Status Send(v1::WorkerFrame frame);
  absl::Status Answer(const v1::WorkToken& token, uint64_t answer_id);
  absl::Status AnswerAll(const std::vector<v1::WorkToken>& tokens, uint64_t first_answer_id);
  absl::Status Drain();
  // The stream breaks.
  void Cut();
  // A new stream of the same process.
  void Reconnect(const v1::Hello& hello);

  SessionNumber session = 0;
  v1::Welcome welcome;
  std::shared_ptr<FakeSink> sink;

 private:
  Dispatcher* dispatcher_;
};

// One delivery to offer. Partition 0 and run 1 unless told; the delivery number identifies it in the test.
class Offering {
 public:
  Offering(WorkKind kind, const std::string& type, uint64_t delivery);
  Offering& Partition(uint32_t partition);
  Offering& Run(uint64_t run);
  Offering& Bytes(size_t bytes);
  Offering& Holder(SessionNumber session);
  Offering& HistoryThrough(int64_t event_id);
  Offering& TaskQueue(const std::string& name);
  v1::WorkToken Token() const;
  Work Make() const;

 private:
  WorkKind kind_;
  std::string type_;
  std::string task_queue_ = "main";
  uint64_t delivery_;
  uint32_t partition_ = 0;
  uint64_t run_ = 1;
  size_t bytes_ = 0;
  SessionNumber holder_ = 0;
  int64_t history_through_ = 0;
};
inline Offering Task(const std::string& type, uint64_t delivery) { return {WorkKind::kTask, type, delivery}; }
inline Offering Activation(const std::string& type, uint64_t delivery) {
  return {WorkKind::kActivation, type, delivery};
}

// A test's dispatcher. Change `options` before Start, or before the first use.
class DispatchTest : public ::testing::Test {
 protected:
  DispatchTest();

  void Start(std::vector<std::string> expected = {});
  Dispatcher& dispatcher();

  TestWorker Connect(const v1::Hello& hello) { return TestWorker(&dispatcher(), hello); }
  void Offer(const Offering& offering) { Release(offering.Make()); }
  void Release(Work work);
  void Release(std::vector<Work> work) { dispatcher().Release(std::move(work), {}); }
  void Acknowledge(SessionNumber session, std::vector<uint64_t> answer_ids);
  void Withdraw(const v1::WorkToken& token, const std::string& reason = "not needed");
  void CancelTask(const v1::WorkToken& token, const std::string& reason);
  void Refilled(const Offering& like, int64_t count, bool more);
  void Advance(int64_t ms) { FakeClock::now_ms += ms; }

  // Of a counter or gauge: "name label".
  double MetricOf(const std::string& name_and_labels);
  v1::SessionInfo SessionNamed(const std::string& id);
  // The queue of this type; one without a type if there is none.
  v1::QueueInfo QueueOf(const std::string& type);

  DispatchOptions options;
  FakeUpstream upstream;

 private:
  std::unique_ptr<Dispatcher> dispatcher_;
};

MATCHER_P(Delivery, number, "delivery " + std::to_string(number)) {
  return arg.delivery() == uint64_t(number);
}
// A report about the delivery.
MATCHER_P(About, number, "about delivery " + std::to_string(number)) {
  return arg.token.delivery() == uint64_t(number);
}
MATCHER_P2(ReturnedAs, number, begun, "") {
  return arg.token.delivery() == uint64_t(number) && arg.begun == begun;
}

std::vector<uint64_t> Numbers(const std::vector<v1::WorkToken>& tokens);

}  // namespace perdure::dispatch

#endif  // PERDURE_TESTS_UNIT_DISPATCH_HARNESS_H_
