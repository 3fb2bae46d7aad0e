// Steps: run once, recorded, retried in the worker, run again by another worker if their result was lost.
#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline constexpr Workflow<std::string()> kWorkflow{"workflow"};
inline constexpr Signal<int> kNumber{"number"};

PERDURE_SCENARIO(StepsTest);

TEST_P(StepsTest, RunOnceHoweverOftenTheRunIsReplayed) {
  std::atomic<int> calls{0};
  Host(kWorkflow, [&calls](Context& ctx) -> Co<std::string> {
    const int a = co_await ctx.Step("add", [&calls](int x, int y) { return ++calls, x + y; }, 2, 3);
    co_await ctx.Sleep(1s);
    co_await ctx.Step("void", [&calls] { ++calls; });
    const std::string text = co_await ctx.Step("text", [](const std::string& s) { return s + "!"; }, "hi");
    co_return text + std::to_string(a);
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "hi!5");
  EXPECT_EQ(calls.load(), 2);
  EXPECT_THAT(server().CommandLog(), ElementsAre("step add (seq 1)", "timer (seq 2)", "step void (seq 3)",
                                                 "step text (seq 4)", "complete run"));
}

TEST_P(StepsTest, RunInParallel) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    // Each waits for the other: they end only if they run at the same time.
    auto first = std::make_shared<std::promise<void>>();
    auto second = std::make_shared<std::promise<void>>();
    co_await All(ctx.Step("first",
                          [=] {
                            first->set_value();
                            second->get_future().wait();
                          }),
                 ctx.Step("second", [=] {
                   second->set_value();
                   first->get_future().wait();
                 }));
    co_return "both";
  });
  server().Start(kWorkflow);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "both");
}

// A step that the code gave up before anyone heard of its end, and that whoever replays the run does not run:
// were it not answered, the server would hand the run out for its sake for ever.
TEST(AbandonedStepTest, IsAnsweredByTheWorkerThatReplays) {
  Registry registry;
  std::atomic<int> calls{0};
  std::promise<void> hold;
  const std::shared_future<void> wait = hold.get_future().share();
  registry.AddWorkflow(kWorkflow.Name(),
                       detail::EraseWorkflow(kWorkflow, [&](Context& ctx) -> Co<std::string> {
                         auto slow = ctx.Step("slow", [&calls, wait] {
                           ++calls;
                           wait.wait();
                         });
                         const int number = co_await ctx.WaitSignal(kNumber);
                         slow.Cancel();
                         co_await ctx.WaitSignal(kNumber);
                         co_return std::to_string(number);
                       }));
  FakeServer server(registry, Cache::kDropAlways);
  server.Start(kWorkflow);
  server.SendActivation();
  server.AwaitAnswers(1);
  server.Send(kNumber, 1);
  server.SendActivation();
  server.AwaitAnswers(2);
  const v1::Event& last = server.history().back();
  EXPECT_EQ(last.step_completed().failure().kind(), v1::Failure::KIND_CANCELLED) << last.ShortDebugString();
  hold.set_value();
  server.Send(kNumber, 2);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), "1");
  EXPECT_EQ(calls.load(), 1);
}

TEST_P(StepsTest, FailuresTellTheChain) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    try {
      co_await ctx.Step("check", []() -> int { throw ApplicationError("Bad", "not good"); });
    } catch (const StepFailed& e) {
      EXPECT_EQ(e.Name(), "check");
      EXPECT_EQ(e.Seq(), 1);
      EXPECT_TRUE(e.HasType("Bad"));
      co_return e.what();
    }
    co_return "";
  });
  server().Start(kWorkflow);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "step check (seq 1) failed: Bad: not good");
}

TEST_P(StepsTest, AreRetriedInTheWorkerIfAsked) {
  std::atomic<int> calls{0};
  Host(kWorkflow, [&calls](Context& ctx) -> Co<std::string> {
    const auto retry = StepOptions().Retry(
        RetryPolicy().InitialInterval(1ms).MaxAttempts(3).NonRetryable("Final").Jitter(0.5));
    const int third = co_await ctx.Step("third", retry, [&calls]() -> int {
      if (++calls < 3) throw std::runtime_error("not yet");
      return calls;
    });
    auto never = co_await Try(ctx.Step("never", retry, [&calls] {
      ++calls;
      throw std::runtime_error("never");
    }));
    EXPECT_THAT(never.error().Describe(), HasSubstr("after 3 attempts"));
    auto final = co_await Try(ctx.Step("final", retry, [&calls] {
      ++calls;
      throw ApplicationError("Final", "");
    }));
    auto asked = co_await Try(ctx.Step("asked", retry, [&calls] {
      ++calls;
      throw NonRetryableError("Asked", "");
    }));
    co_return std::to_string(third) + final.error().Root().type + asked.error().Root().type;
  });
  server().Start(kWorkflow);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "3FinalAsked");
  EXPECT_EQ(calls.load(), 8);
}

TEST_P(StepsTest, ResultsOfQuickStepsRideWithTheAdvance) {
  options_.step_piggyback = 60s;
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto [a, b] = co_await All(ctx.Step("a", [] { return 1; }), ctx.Step("b", [] { return 2; }));
    co_return std::to_string(a + b);
  });
  server().Start(kWorkflow);
  server().SendActivation();
  server().AwaitAnswers(1);
  // RunStarted, Advanced, and both results without another message.
  EXPECT_EQ(server().history().size(), 4u);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "3");
}

TEST_P(StepsTest, ASlowStepDoesNotHoldTheAnswerBack) {
  options_.step_piggyback = 5ms;
  auto gate = std::make_shared<std::promise<void>>();
  auto opened = std::make_shared<std::shared_future<void>>(gate->get_future());
  Host(kWorkflow, [opened](Context& ctx) -> Co<std::string> {
    co_await ctx.Step("slow", [opened] { opened->wait(); });
    co_return "done";
  });
  server().Start(kWorkflow);
  server().SendActivation();
  server().AwaitAnswers(1);
  EXPECT_EQ(server().history().size(), 2u);
  gate->set_value();
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "done");
}

TEST(StepsLostTest, AWorkerThatReplaysRunsStepsWithoutAResultAgain) {
  std::atomic<int> calls{0};
  auto gate = std::make_shared<std::promise<void>>();
  auto opened = std::make_shared<std::shared_future<void>>(gate->get_future());
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(),
                       detail::EraseWorkflow(kWorkflow, [&calls, opened](Context& ctx) -> Co<std::string> {
                         std::string local = "still here";
                         auto step = ctx.Step("slow", [&calls, &local, opened] {
                           const int call = ++calls;
                           if (call == 1) opened->wait();
                           return local + std::to_string(call);
                         });
                         co_await ctx.WaitSignal(kNumber);
                         co_return co_await std::move(step);
                       }));
  auto options = TestOptions();
  options.step_piggyback = 1ms;
  FakeServer server(registry, Cache::kDropAlways, options);
  server.Start(kWorkflow);
  server.SendActivation();
  server.AwaitAnswers(1);
  // The coroutine is dropped while its step still looks at its variables.
  server.Send(kNumber, 1);
  server.SendActivation();
  server.AwaitAnswers(2);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), "still here2");
  EXPECT_EQ(calls.load(), 2);
  gate->set_value();
  EXPECT_TRUE(server.executor().WaitIdle(60s));
}

TEST(StepsLostTest, AnActivationDeliveredAnewWhileItsAnswerIsHeldBackStartsOver) {
  auto gate = std::make_shared<std::promise<void>>();
  auto opened = std::make_shared<std::shared_future<void>>(gate->get_future());
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(),
                       detail::EraseWorkflow(kWorkflow, [opened](Context& ctx) -> Co<std::string> {
                         const int number = co_await ctx.WaitSignal(kNumber);
                         co_await ctx.Step("slow", [opened] { opened->wait(); });
                         const int next = co_await ctx.WaitSignal(kNumber);
                         co_return std::to_string(number) + std::to_string(next);
                       }));
  auto options = TestOptions();
  options.step_piggyback = 60s;
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow);
  server.Settle();
  server.Send(kNumber, 1);
  server.SendActivation();
  while (server.executor().Stats().running_steps == 0) std::this_thread::yield();
  server.ForgetActivation();
  server.SendActivation();
  while (server.executor().Stats().replays == 0) std::this_thread::yield();
  gate->set_value();
  server.Settle();
  server.Send(kNumber, 2);
  server.Settle();
  EXPECT_TRUE(server.activation_failures().empty());
  EXPECT_EQ(server.ResultOf(kWorkflow), "12");
}

TEST_P(StepsTest, AResultPastTheLimitFailsTheStep) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto big = co_await Try(ctx.Step("big", [] { return std::string(2000, 'x'); }));
    co_return big.error().Describe();
  });
  server().executor().SetLimits(1000, 0);
  server().Start(kWorkflow);
  server().Settle();
  EXPECT_THAT(server().ResultOf(kWorkflow), HasSubstr("payload_bytes_max = 1000"));
}

}  // namespace
}  // namespace perdure::testing
