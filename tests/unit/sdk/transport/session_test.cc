#include "worker-sdk/src/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/sdk/transport/fake_worker_server.h"

namespace perdure::session {
namespace {

using ::perdure::testing::FakeStream;
using ::perdure::testing::FakeWorkerServer;
using ::perdure::testing::kPatience;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

v1::WorkToken Token(std::uint64_t run, std::int64_t seq = 1) {
  v1::WorkToken token;
  token.set_run(run);
  token.set_seq(seq);
  token.set_delivery(run + 77);
  return token;
}

v1::TaskAnswer TaskDone(std::uint64_t run) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = Token(run);
  answer.mutable_result()->set_data("done");
  return answer;
}

v1::ActivationAnswer Advanced(std::uint64_t run) {
  v1::ActivationAnswer answer;
  *answer.mutable_token() = Token(run, 0);
  answer.mutable_advance()->set_consumed_through(1);
  return answer;
}

// Remembers what the session handed on.
class Recorder final : public SessionHandler {
 public:
  void AddInHand(v1::Hello* hello) override {
    std::lock_guard lock(mu_);
    for (const v1::WorkToken& token : running_) *hello->add_tasks_in_hand()->mutable_token() = token;
  }
  void OnWelcome(const v1::Welcome& welcome, bool same_epoch) override {
    Note([&] { welcomes_.emplace_back(welcome, same_epoch); });
  }
  void OnFrame(std::shared_ptr<const v1::ServerFrame> frame) override {
    Note([&] {
      for (const v1::TaskDelivery& task : frame->tasks()) tasks_.push_back(task);
    });
  }
  void OnRefused(const std::string& message) override {
    Note([&] { refusal_ = message; });
  }

  void SetRunning(std::vector<v1::WorkToken> tokens) {
    Note([&] { running_ = std::move(tokens); });
  }
  bool WaitWelcomes(std::size_t n) {
    return Wait([&] { return welcomes_.size() >= n; });
  }
  bool WaitTasks(std::size_t n) {
    return Wait([&] { return tasks_.size() >= n; });
  }
  bool WaitRefusal() {
    return Wait([&] { return !refusal_.empty(); });
  }
  std::vector<std::pair<v1::Welcome, bool>> welcomes() {
    std::lock_guard lock(mu_);
    return welcomes_;
  }
  std::string refusal() {
    std::lock_guard lock(mu_);
    return refusal_;
  }

 private:
  template <typename F>
  void Note(F change) {
    std::lock_guard lock(mu_);
    change();
    changed_.notify_all();
  }
  template <typename F>
  bool Wait(F condition) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, kPatience, condition);
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<v1::WorkToken> running_;
  std::vector<std::pair<v1::Welcome, bool>> welcomes_;
  std::vector<v1::TaskDelivery> tasks_;
  std::string refusal_;
};

class SessionTest : public ::testing::Test {
 protected:
  void Connect() { Connect(server_.address()); }
  void Connect(const std::string& address, std::chrono::milliseconds welcome_timeout = kPatience) {
    SessionOptions options;
    options.address = address;
    options.hello.set_session_id("session-1");
    options.hello.set_identity("tester");
    options.hello.set_task_queue("orders");
    options.hello.add_task_types("pay");
    options.hello.set_max_tasks(10);
    options.backoff_max = std::chrono::milliseconds(200);
    options.welcome_timeout = welcome_timeout;
    session_ = std::make_unique<Session>(std::move(options), &recorder_);
    session_->Start();
  }

  static std::vector<std::uint64_t> TaskAnswerIds(const v1::WorkerFrame& frame) {
    std::vector<std::uint64_t> ids;
    for (const v1::TaskAnswer& answer : frame.task_answers()) ids.push_back(answer.answer_id());
    return ids;
  }

  static void Ack(FakeStream& stream, std::initializer_list<std::uint64_t> ids) {
    v1::ServerFrame frame;
    for (const std::uint64_t id : ids) frame.add_acked_answer_ids(id);
    stream.Write(frame);
  }

  FakeWorkerServer server_;
  Recorder recorder_;
  std::unique_ptr<Session> session_;
};

TEST_F(SessionTest, SaysHelloAloneAndWaitsForTheWelcome) {
  Connect();
  session_->Send(TaskDone(1));
  auto stream = server_.Accept();
  const v1::WorkerFrame first = stream->Read();
  EXPECT_EQ(first.hello().session_id(), "session-1");
  EXPECT_EQ(first.hello().identity(), "tester");
  EXPECT_EQ(first.hello().task_queue(), "orders");
  EXPECT_THAT(first.hello().task_types(), ElementsAre("pay"));
  EXPECT_EQ(first.task_answers_size(), 0);
  EXPECT_FALSE(session_->connected());

  v1::ServerFrame welcome;
  welcome.mutable_welcome()->set_server_epoch(1);
  stream->Write(welcome);
  EXPECT_TRUE(session_->WaitConnected(kPatience));
  EXPECT_THAT(TaskAnswerIds(stream->Read()), ElementsAre(1));
}

TEST_F(SessionTest, SendsWhatWaitedInAsFewFramesAsTheLimitAllows) {
  Connect();
  auto stream = server_.Accept();
  for (int i = 1; i <= 1000; ++i) session_->Send(TaskDone(static_cast<std::uint64_t>(i)));
  stream->Read();
  v1::ServerFrame welcome;
  welcome.mutable_welcome()->set_server_epoch(1);
  stream->Write(welcome);
  for (const int items : {256, 256, 256, 232}) EXPECT_EQ(stream->Read().task_answers_size(), items);
}

// Nobody flushes: what is held back goes out by itself, again and again.
TEST_F(SessionTest, WhatIsHeldBackGoesOutSoon) {
  Connect();
  auto stream = server_.Welcome();
  EXPECT_TRUE(session_->WaitConnected(kPatience));
  for (std::uint64_t run = 1; run <= 20; ++run) {
    session_->SendSoon(TaskDone(run));
    EXPECT_THAT(TaskAnswerIds(stream->Read()), ElementsAre(run));
  }
}

TEST_F(SessionTest, WhatIsHeldBackGoesOutWithAFlush) {
  Connect();
  auto stream = server_.Welcome();
  EXPECT_TRUE(session_->WaitConnected(kPatience));
  std::size_t got = 0;
  for (std::uint64_t run = 1; run <= 100; ++run) session_->SendSoon(TaskDone(run));
  session_->Flush();
  while (got < 100) got += TaskAnswerIds(stream->Read()).size();
  EXPECT_EQ(got, 100u);
}

TEST_F(SessionTest, HandsFramesOn) {
  Connect();
  auto stream = server_.Welcome();
  v1::ServerFrame frame;
  for (int i = 0; i < 5; ++i) *frame.add_tasks()->mutable_token() = Token(static_cast<std::uint64_t>(i));
  stream->Write(frame);
  stream->Write(frame);
  EXPECT_TRUE(recorder_.WaitTasks(10));
}

TEST_F(SessionTest, RepeatsUnacknowledgedAnswersAndListsThemAsInHand) {
  Connect();
  auto stream = server_.Welcome();
  ASSERT_TRUE(recorder_.WaitWelcomes(1));
  for (const std::uint64_t run : {11, 12, 13}) session_->Send(TaskDone(run));
  std::size_t seen = 0;
  while (seen < 3) seen += static_cast<std::size_t>(stream->Read().task_answers_size());
  Ack(*stream, {2});
  recorder_.SetRunning({Token(20)});
  stream->End(grpc::Status(grpc::UNAVAILABLE, "stopping"));

  v1::Hello hello;
  stream = server_.Welcome(&hello);
  EXPECT_EQ(hello.session_id(), "session-1");
  std::vector<std::uint64_t> in_hand;
  for (const v1::TaskInHand& task : hello.tasks_in_hand()) in_hand.push_back(task.token().run());
  EXPECT_THAT(in_hand, UnorderedElementsAre(11, 13, 20));
  EXPECT_THAT(TaskAnswerIds(stream->Read()), ElementsAre(1, 3));
  EXPECT_FALSE(session_->WaitFlushed(std::chrono::milliseconds(0)));
  Ack(*stream, {1, 3});
  EXPECT_TRUE(session_->WaitFlushed(kPatience));
  ASSERT_TRUE(recorder_.WaitWelcomes(2));
  EXPECT_TRUE(recorder_.welcomes()[1].second) << "same epoch";
}

TEST_F(SessionTest, KeepsTaskAnswersButNotActivationAnswersWhenTheServerRestarted) {
  Connect();
  auto stream = server_.Welcome(nullptr, /*epoch=*/1);
  ASSERT_TRUE(recorder_.WaitWelcomes(1));
  session_->Send(Advanced(1));
  session_->Send(TaskDone(2));
  const int port = server_.port();
  server_.Kill();

  FakeWorkerServer again(port);
  v1::Hello hello;
  stream = again.Welcome(&hello, /*epoch=*/2);
  EXPECT_EQ(hello.activations_in_hand_size(), 1);
  const v1::WorkerFrame frame = stream->Read();
  EXPECT_EQ(frame.activation_answers_size(), 0);
  EXPECT_EQ(frame.task_answers_size(), 1);
  ASSERT_TRUE(recorder_.WaitWelcomes(2));
  EXPECT_FALSE(recorder_.welcomes()[1].second);
  session_.reset();
}

TEST_F(SessionTest, ForgetsAnswersThatTheServerCallsStale) {
  Connect();
  auto stream = server_.Welcome();
  ASSERT_TRUE(recorder_.WaitWelcomes(1));
  session_->Send(TaskDone(1));
  session_->Send(TaskDone(2));
  stream->ReadUntil([](const v1::WorkerFrame& frame) { return frame.task_answers_size() > 0; });
  stream->End(grpc::Status(grpc::UNAVAILABLE, ""));
  stream = server_.Welcome(nullptr, 1, [](v1::Welcome& welcome) { *welcome.add_stale_tokens() = Token(1); });
  EXPECT_THAT(TaskAnswerIds(stream->Read()), ElementsAre(2));
  EXPECT_FALSE(session_->Answered(Token(1)));
}

TEST_F(SessionTest, AnAnswerThatTheServerRefusesIsReplacedAndTheOthersGoThrough) {
  Connect();
  auto stream = server_.Welcome();
  ASSERT_TRUE(recorder_.WaitWelcomes(1));
  for (const std::uint64_t run : {11, 12, 13}) session_->Send(TaskDone(run));
  // A server that refuses the result of run 12, and acknowledges all else.
  std::vector<std::uint64_t> done;
  v1::Failure refused;
  int streams = 1;
  while (!session_->WaitFlushed(std::chrono::milliseconds(0))) {
    const v1::WorkerFrame frame = stream->Read();
    v1::ServerFrame acks;
    bool bad = false;
    for (const v1::TaskAnswer& answer : frame.task_answers()) {
      bad = bad || (answer.token().run() == 12 && answer.has_result());
      if (answer.has_failure()) refused = answer.failure();
      acks.add_acked_answer_ids(answer.answer_id());
    }
    if (bad) {
      stream->End(grpc::Status(grpc::INVALID_ARGUMENT, "a text in it is not UTF-8"));
      stream = server_.Welcome();
      ++streams;
      continue;
    }
    for (const v1::TaskAnswer& answer : frame.task_answers()) done.push_back(answer.token().run());
    stream->Write(acks);
    if (done.size() == 3) EXPECT_TRUE(session_->WaitFlushed(kPatience));
  }
  EXPECT_THAT(done, UnorderedElementsAre(11, 12, 13));
  EXPECT_LE(streams, 3);
  EXPECT_EQ(refused.kind(), v1::Failure::KIND_WORKER_ERROR);
  EXPECT_THAT(refused.message(), HasSubstr("a text in it is not UTF-8"));
  EXPECT_TRUE(recorder_.refusal().empty()) << "the session goes on";
}

TEST_F(SessionTest, FindsAServerThatComesUpLater) {
  const int port = server_.port();
  server_.Kill();
  Connect("127.0.0.1:" + std::to_string(port));
  EXPECT_FALSE(session_->WaitConnected(std::chrono::milliseconds(20)));
  FakeWorkerServer later(port);
  auto stream = later.Welcome();
  EXPECT_TRUE(session_->WaitConnected(kPatience));
  session_.reset();
}

TEST_F(SessionTest, ARefusedHelloEndsTheSession) {
  for (const auto code :
       {grpc::INVALID_ARGUMENT, grpc::UNAUTHENTICATED, grpc::PERMISSION_DENIED, grpc::FAILED_PRECONDITION}) {
    Recorder recorder;
    SessionOptions options;
    options.address = server_.address();
    Session session(std::move(options), &recorder);
    session.Start();
    auto stream = server_.Accept();
    stream->Read();
    stream->End(grpc::Status(code, "hello.task_queue is empty"));
    ASSERT_TRUE(recorder.WaitRefusal());
    EXPECT_THAT(recorder.refusal(), HasSubstr("hello.task_queue is empty"));
    EXPECT_FALSE(session.WaitConnected(kPatience)) << "returns at once: the session is over";
  }
}

TEST_F(SessionTest, OtherStatusesAreTriedAgain) {
  Connect();
  for (const auto code : {grpc::UNAVAILABLE, grpc::RESOURCE_EXHAUSTED, grpc::ABORTED, grpc::INTERNAL}) {
    auto stream = server_.Accept();
    stream->Read();
    stream->End(grpc::Status(code, "not now"));
  }
  auto stream = server_.Welcome();
  EXPECT_TRUE(session_->WaitConnected(kPatience));
}

TEST_F(SessionTest, GivesUpOnAServerThatDoesNotAnswerTheHello) {
  Connect(server_.address(), std::chrono::milliseconds(20));
  auto silent = server_.Accept();
  silent->ReadHalfClose();
  auto second = server_.Accept();
  EXPECT_NE(silent, second);
}

TEST_F(SessionTest, ClosesItsSideAfterWhatWaitsIsSent) {
  Connect();
  auto stream = server_.Welcome();
  ASSERT_TRUE(recorder_.WaitWelcomes(1));
  session_->SendDrain();
  session_->Send(TaskDone(1));
  std::thread closing([this] { session_->Close(kPatience); });
  bool drain = false;
  bool answer = false;
  while (!drain || !answer) {
    const v1::WorkerFrame frame = stream->Read();
    drain = drain || frame.has_drain();
    answer = answer || frame.task_answers_size() > 0;
  }
  stream->ReadHalfClose();
  stream->End();
  closing.join();
  EXPECT_FALSE(session_->connected());
}

TEST_F(SessionTest, ManyThreadsSendWhileStreamsBreak) {
  Connect();
  auto stream = server_.Welcome();
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) session_->Send(TaskDone(static_cast<std::uint64_t>(t * kEach + i)));
    });
  }
  // Each stream takes some frames, acknowledges the answers in them, and breaks.
  std::set<std::uint64_t> acked;
  for (int round = 0; acked.size() < kThreads * kEach; ++round) {
    for (int frames = 0; frames < 3 && acked.size() < kThreads * kEach; ++frames) {
      v1::ServerFrame ack;
      for (const std::uint64_t id : TaskAnswerIds(stream->Read())) {
        acked.insert(id);
        ack.add_acked_answer_ids(id);
      }
      stream->Write(ack);
    }
    if (round < 5 && acked.size() < kThreads * kEach) {
      stream->End(grpc::Status(grpc::UNAVAILABLE, "again"));
      stream = server_.Welcome();
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(session_->WaitFlushed(kPatience));
  EXPECT_EQ(*acked.begin(), 1u);
  EXPECT_EQ(*acked.rbegin(), static_cast<std::uint64_t>(kThreads * kEach));
}

}  // namespace
}  // namespace perdure::session
