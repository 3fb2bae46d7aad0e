#include "worker-sdk/src/tasks/task_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "perdure/errors.h"
#include "perdure/task.h"

namespace perdure::tasks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr seconds kPatience{30};

inline constexpr Task<std::string(std::string)> Greet{"greet"};

// Remembers answers and heartbeats.
class Recorder final : public TaskSink {
 public:
  void Answer(v1::TaskAnswer answer) override { Push(answers_, std::move(answer)); }
  void Heartbeat(v1::TaskHeartbeat beat) override { Push(beats_, std::move(beat)); }
  void Flush() override {
    std::lock_guard lock(mu_);
    ++flushes_;
    changed_.notify_all();
  }
  bool Answered(const v1::WorkToken& token) override {
    return answered_.has_value() && token.run() == answered_->run();
  }

  v1::TaskAnswer NextAnswer() { return Pop(answers_); }
  v1::TaskHeartbeat NextBeat() { return Pop(beats_); }
  std::size_t beats() {
    std::lock_guard lock(mu_);
    return beats_.size();
  }
  std::size_t answers() {
    std::lock_guard lock(mu_);
    return answers_.size();
  }
  void WaitFlushes(std::size_t n) {
    std::unique_lock lock(mu_);
    if (!changed_.wait_for(lock, kPatience, [&] { return flushes_ >= n; })) {
      throw std::runtime_error("the pool did not flush");
    }
  }
  void SetAnswered(v1::WorkToken token) { answered_ = std::move(token); }

 private:
  template <typename T>
  void Push(std::deque<T>& queue, T item) {
    std::lock_guard lock(mu_);
    queue.push_back(std::move(item));
    changed_.notify_all();
  }
  template <typename T>
  T Pop(std::deque<T>& queue) {
    std::unique_lock lock(mu_);
    if (!changed_.wait_for(lock, kPatience, [&] { return !queue.empty(); })) {
      throw std::runtime_error("nothing came from the pool");
    }
    T item = std::move(queue.front());
    queue.pop_front();
    return item;
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<v1::TaskAnswer> answers_;
  std::deque<v1::TaskHeartbeat> beats_;
  std::optional<v1::WorkToken> answered_;
  std::size_t flushes_ = 0;
};

class TaskPoolTest : public ::testing::Test {
 protected:
  template <class F>
  void Host(F function) {
    registry_.AddTask(Greet.Name(), detail::EraseTask(Greet, std::move(function)));
  }

  TaskPool& Pool(int tasks_max = 4) {
    if (!pool_) {
      TaskPoolOptions options;
      options.tasks_max = tasks_max;
      pool_.emplace(registry_, options, &sink_);
    }
    return *pool_;
  }

  static v1::TaskDelivery Delivery(std::uint64_t run, const std::string& json = "\"you\"") {
    v1::TaskDelivery delivery;
    delivery.mutable_token()->set_run(run);
    delivery.mutable_token()->set_seq(3);
    delivery.mutable_token()->set_delivery(run);
    delivery.set_workflow_id("order-42");
    delivery.set_run_id("run-" + std::to_string(run));
    delivery.set_task_type("greet");
    delivery.mutable_input()->set_encoding("json");
    delivery.mutable_input()->set_data(json);
    delivery.set_attempt(2);
    delivery.set_seq(3);
    return delivery;
  }

  Registry registry_;
  Recorder sink_;
  std::optional<TaskPool> pool_;
};

TEST_F(TaskPoolTest, RunsTheFunctionAndAnswersWithItsResult) {
  Host([](const std::string& name) { return "hello " + name; });
  Pool().Deliver(Delivery(1));
  const v1::TaskAnswer answer = sink_.NextAnswer();
  EXPECT_EQ(answer.token().run(), 1u);
  EXPECT_EQ(answer.result().encoding(), "json");
  EXPECT_EQ(answer.result().data(), "\"hello you\"");
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
  EXPECT_EQ(Pool().Stats().completed, 1);
}

TEST_F(TaskPoolTest, TellsTheFunctionWhichTaskItIs) {
  Host([](TaskContext& ctx, const std::string&) {
    return ctx.IdempotencyKey() + " " + ctx.TaskType() + " " + ctx.WorkflowId() + " " +
           std::to_string(ctx.Attempt()) + " " + ctx.LastHeartbeat<std::string>().value_or("-") + " " +
           ctx.LastFailure()->message;
  });
  v1::TaskDelivery delivery = Delivery(7);
  delivery.mutable_heartbeat_details()->set_encoding("json");
  delivery.mutable_heartbeat_details()->set_data("\"row 9\"");
  delivery.mutable_last_failure()->set_message("flaky");
  Pool().Deliver(delivery);
  EXPECT_EQ(sink_.NextAnswer().result().data(), "\"run-7/3 greet order-42 2 row 9 flaky\"");
}

TEST_F(TaskPoolTest, ExceptionsBecomeFailuresWithTheirCauses) {
  Host([](const std::string&) -> std::string {
    try {
      throw std::invalid_argument("inner");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  });
  Pool().Deliver(Delivery(1));
  const v1::Failure failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_APPLICATION);
  EXPECT_EQ(failure.message(), "outer");
  EXPECT_EQ(failure.cause().type(), "std::invalid_argument");
  EXPECT_EQ(failure.cause().message(), "inner");
}

TEST_F(TaskPoolTest, ApplicationErrorsKeepTypeDelayAndRetryability) {
  Host([](const std::string& what) -> std::string {
    if (what == "declined") throw NonRetryableError("CardDeclined", "no funds");
    throw ApplicationError("Busy", "later").RetryAfter(seconds(30));
  });
  Pool().Deliver(Delivery(1, "\"declined\""));
  v1::Failure failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.type(), "CardDeclined");
  EXPECT_TRUE(failure.non_retryable());
  Pool().Deliver(Delivery(2, "\"busy\""));
  failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.type(), "Busy");
  EXPECT_FALSE(failure.non_retryable());
  EXPECT_EQ(failure.retry_delay_ms(), 30'000);
}

TEST_F(TaskPoolTest, ThingsThatAreNoExceptionsFailTooAndTextIsMadeValid) {
  Host([](const std::string& what) -> std::string {
    if (what == "int") throw 42;
    throw std::runtime_error("caf\xe9 \xff");
  });
  Pool().Deliver(Delivery(1, "\"int\""));
  EXPECT_TRUE(sink_.NextAnswer().has_failure());
  Pool().Deliver(Delivery(2, "\"bytes\""));
  const v1::TaskAnswer answer = sink_.NextAnswer();
  // A string that is not UTF-8 would make the server refuse the whole frame.
  v1::TaskAnswer parsed;
  EXPECT_TRUE(parsed.ParseFromString(answer.SerializeAsString())) << answer.failure().message();
  EXPECT_THAT(parsed.failure().message(), HasSubstr("caf"));
}

TEST_F(TaskPoolTest, AnUnknownTypeIsAWorkerErrorThatOthersMayDoBetter) {
  Pool().Deliver(Delivery(1));
  const v1::Failure failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_WORKER_ERROR);
  EXPECT_FALSE(failure.non_retryable());
  EXPECT_THAT(failure.message(), HasSubstr("does not host task type 'greet'"));
}

TEST_F(TaskPoolTest, AnInputThatDoesNotDecodeIsAWorkerError) {
  Host([](const std::string& name) { return name; });
  Pool().Deliver(Delivery(1, "{\"no\":1}"));
  EXPECT_EQ(sink_.NextAnswer().failure().kind(), v1::Failure::KIND_WORKER_ERROR);
}

TEST_F(TaskPoolTest, AResultPastTheLimitFailsForGood) {
  Host([](const std::string&) { return std::string(5000, 'x'); });
  Pool().SetLimits(4096);
  Pool().Deliver(Delivery(1));
  const v1::Failure failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_LIMIT);
  EXPECT_TRUE(failure.non_retryable());
  EXPECT_THAT(failure.message(), HasSubstr("payload_bytes_max"));
  EXPECT_THAT(failure.message(), HasSubstr("4096"));
}

TEST_F(TaskPoolTest, AFailurePastTheLimitIsCut) {
  Host([](const std::string&) -> std::string { throw std::runtime_error(std::string(100'000, 'y')); });
  Pool().SetLimits(8192);
  Pool().Deliver(Delivery(1));
  const v1::TaskAnswer answer = sink_.NextAnswer();
  EXPECT_LT(answer.ByteSizeLong(), 8192u);
  EXPECT_THAT(answer.failure().message(), HasSubstr("was cut"));
}

TEST_F(TaskPoolTest, ADeliveryThatIsInHandIsIgnored) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  Host([gone](const std::string& name) {
    gone.wait();
    return name;
  });
  Pool().Deliver(Delivery(1));
  Pool().Deliver(Delivery(1));
  EXPECT_EQ(Pool().InHand().size(), 1u);
  EXPECT_EQ(Pool().Stats().duplicates, 1);
  go.set_value();
  sink_.NextAnswer();
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
  sink_.SetAnswered(Delivery(2).token());
  Pool().Deliver(Delivery(2));
  EXPECT_EQ(Pool().Stats().duplicates, 2);
  EXPECT_EQ(sink_.answers(), 0u);
}

TEST_F(TaskPoolTest, CancellationReachesTheFunctionAndItsAnswer) {
  std::promise<void> running;
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    running.set_value();
    EXPECT_TRUE(ctx.WaitCancelled(kPatience));
    ctx.ThrowIfCancelled();
    return "not reached";
  });
  Pool().Deliver(Delivery(1));
  running.get_future().wait();
  Pool().Cancel(Delivery(1).token(), "changed my mind");
  EXPECT_TRUE(sink_.NextAnswer().has_cancelled());
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
  EXPECT_EQ(Pool().Stats().cancelled, 1);
}

TEST_F(TaskPoolTest, AFunctionMayFinishInSpiteOfItsCancellation) {
  std::promise<void> running;
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    running.set_value();
    ctx.WaitCancelled(kPatience);
    return "all the same";
  });
  Pool().Deliver(Delivery(1));
  running.get_future().wait();
  Pool().Cancel(Delivery(1).token(), "");
  EXPECT_EQ(sink_.NextAnswer().result().data(), "\"all the same\"");
}

TEST_F(TaskPoolTest, ATaskCancelledWhileItWaitsIsNotRun) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> calls{0};
  Host([&](const std::string& name) {
    ++calls;
    gone.wait();
    return name;
  });
  Pool(/*tasks_max=*/1).Deliver(Delivery(1));
  Pool().Deliver(Delivery(2));
  Pool().Cancel(Delivery(2).token(), "");
  go.set_value();
  EXPECT_TRUE(sink_.NextAnswer().has_result());
  EXPECT_TRUE(sink_.NextAnswer().has_cancelled());
  EXPECT_EQ(calls, 1);
}

TEST_F(TaskPoolTest, ACancelledThatNobodyAskedForIsAFailure) {
  Host([](const std::string&) -> std::string { throw Cancelled("on my own"); });
  Pool().Deliver(Delivery(1));
  const v1::TaskAnswer answer = sink_.NextAnswer();
  EXPECT_TRUE(answer.has_failure()) << answer.DebugString();
}

TEST_F(TaskPoolTest, TheDeadlineOfAnAttemptStopsIt) {
  Host([](TaskContext& ctx, const std::string&) -> std::string {
    EXPECT_TRUE(ctx.Deadline().has_value());
    EXPECT_TRUE(ctx.WaitCancelled(kPatience));
    ctx.ThrowIfCancelled();
    return "";
  });
  v1::TaskDelivery delivery = Delivery(1);
  delivery.mutable_timeouts()->set_start_to_close_ms(20);
  Pool().Deliver(delivery);
  EXPECT_EQ(sink_.NextAnswer().failure().kind(), v1::Failure::KIND_TIMEOUT);
}

TEST_F(TaskPoolTest, AStaleTaskIsStoppedAndNotAnsweredFor) {
  std::promise<void> running;
  std::promise<bool> cancelled;
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    running.set_value();
    cancelled.set_value(ctx.WaitCancelled(kPatience));
    return "late";
  });
  Pool().Deliver(Delivery(1));
  running.get_future().wait();
  Pool().Drop(Delivery(1).token());
  EXPECT_TRUE(cancelled.get_future().get());
  EXPECT_TRUE(Pool().InHand().empty());
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
  EXPECT_EQ(sink_.answers(), 0u);
}

TEST_F(TaskPoolTest, StoppingTheWorkerLetsOthersTryAgain) {
  std::promise<void> running;
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    running.set_value();
    ctx.WaitCancelled(kPatience);
    ctx.ThrowIfCancelled();
    return "";
  });
  Pool().Deliver(Delivery(1));
  running.get_future().wait();
  Pool().StopAll();
  const v1::Failure failure = sink_.NextAnswer().failure();
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_WORKER_LOST);
  EXPECT_FALSE(failure.non_retryable());
}

TEST_F(TaskPoolTest, RunsAsManyAtOnceAsAllowedAndListsThem) {
  constexpr int kTasks = 4;
  std::mutex mu;
  std::condition_variable changed;
  int running = 0;
  bool go = false;
  Host([&](const std::string& name) {
    std::unique_lock lock(mu);
    ++running;
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
    return name;
  });
  for (std::uint64_t i = 1; i <= kTasks; ++i) Pool(kTasks).Deliver(Delivery(i));
  {
    std::unique_lock lock(mu);
    ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return running == kTasks; }));
  }
  EXPECT_EQ(Pool().InHand().size(), 4u);
  EXPECT_EQ(Pool().Stats().threads, kTasks);
  {
    std::lock_guard lock(mu);
    go = true;
    changed.notify_all();
  }
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
  EXPECT_TRUE(Pool().InHand().empty());
  EXPECT_EQ(Pool().Stats().completed, kTasks);
}

TEST_F(TaskPoolTest, WhatIsFarBeyondTheCreditsIsHandedBack) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  Host([gone](const std::string& name) {
    gone.wait();
    return name;
  });
  for (std::uint64_t i = 1; i <= 3; ++i) Pool(/*tasks_max=*/1).Deliver(Delivery(i));
  const v1::TaskAnswer answer = sink_.NextAnswer();
  EXPECT_EQ(answer.token().run(), 3u);
  EXPECT_EQ(answer.failure().type(), "Overloaded");
  EXPECT_FALSE(answer.failure().non_retryable());
  go.set_value();
  EXPECT_TRUE(Pool().WaitIdle(kPatience));
}

TEST_F(TaskPoolTest, HeartbeatsAreThinnedOutAndTheLatestIsSentWhenItsTimeHasCome) {
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    for (int i = 1; i <= 1000; ++i) ctx.Heartbeat(i);
    ctx.WaitCancelled(kPatience);
    return "";
  });
  v1::TaskDelivery delivery = Delivery(1);
  delivery.mutable_timeouts()->set_heartbeat_ms(3000);
  Pool().Deliver(delivery);
  EXPECT_EQ(sink_.NextBeat().details().data(), "1");
  EXPECT_EQ(sink_.NextBeat().details().data(), "1000");
  Pool().Cancel(delivery.token(), "");
  sink_.NextAnswer();
  EXPECT_EQ(sink_.beats(), 0u);
}

TEST_F(TaskPoolTest, DetailsThatWaitAreSentBeforeAFailure) {
  Host([](TaskContext& ctx, const std::string&) -> std::string {
    ctx.Heartbeat(1);
    ctx.Heartbeat(2);
    throw std::runtime_error("broke");
  });
  v1::TaskDelivery delivery = Delivery(1);
  delivery.mutable_timeouts()->set_heartbeat_ms(3'600'000);
  Pool().Deliver(delivery);
  EXPECT_TRUE(sink_.NextAnswer().has_failure());
  EXPECT_EQ(sink_.NextBeat().details().data(), "1");
  EXPECT_EQ(sink_.NextBeat().details().data(), "2");
}

TEST_F(TaskPoolTest, DestroyingThePoolStopsItsTasks) {
  std::promise<void> running;
  Host([&](TaskContext& ctx, const std::string&) -> std::string {
    running.set_value();
    EXPECT_TRUE(ctx.WaitCancelled(kPatience));
    return "";
  });
  Pool().Deliver(Delivery(1));
  running.get_future().wait();
  pool_.reset();
  EXPECT_EQ(sink_.answers(), 0u);
}

// More tasks than processors, each waiting for all others: those that seem to block do not hold the rest up.
TEST_F(TaskPoolTest, TasksThatBlockDoNotKeepOthersFromBeginning) {
  constexpr int kTasks = 48;
  std::atomic<int> begun{0};
  std::promise<void> all;
  std::shared_future<void> go = all.get_future().share();
  Host([&, go](std::string) {
    if (++begun == kTasks) all.set_value();
    go.wait();
    return std::string("done");
  });
  TaskPool& pool = Pool(kTasks);
  for (int run = 1; run <= kTasks; ++run) pool.Deliver(Delivery(static_cast<std::uint64_t>(run)));
  for (int i = 0; i < kTasks; ++i) EXPECT_TRUE(sink_.NextAnswer().has_result());
  EXPECT_EQ(begun, kTasks);
}

TEST_F(TaskPoolTest, SaysWhenNoMoreAnswersFollow) {
  Host([](std::string name) { return name; });
  TaskPool& pool = Pool(4);
  for (std::uint64_t run = 1; run <= 200; ++run) {
    pool.Deliver(Delivery(run));
    sink_.NextAnswer();
    sink_.WaitFlushes(run);
  }
}

}  // namespace
}  // namespace perdure::tasks
