// Cancellation: of runs, scopes, single Pendings; shields; clean-up; sagas.
#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {
namespace {

using ::testing::ElementsAre;

inline constexpr Task<int(int)> kWork{"work"};
inline constexpr Task<void(int)> kUndo{"undo"};
inline constexpr Workflow<std::string()> kWorkflow{"workflow"};
inline constexpr Signal<int> kNumber{"number"};

PERDURE_SCENARIO(CancellationTest);

TEST_P(CancellationTest, ACancelledRunThatDoesNothingAboutItIsCancelled) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    co_await All(ctx.Run(kWork, 1), ctx.Sleep(1h), ctx.WaitSignal(kNumber));
    co_return "";
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Cancel("enough");
  server().Settle();
  EXPECT_EQ(server().status(), "cancelled");
  EXPECT_THAT(server().CommandLog(), ElementsAre("task work (seq 1)", "timer (seq 2)", "cancel task (seq 1)",
                                                 "cancel timer (seq 2)", "cancel run"));
}

TEST_P(CancellationTest, WorkflowCodeMayCleanUpUnderAShieldAndDecideHowToEnd) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto work = co_await Try(ctx.Run(kWork, 1));
    EXPECT_EQ(work.error().kind, FailureKind::kCancelled);
    EXPECT_EQ(work.error().message, "enough");
    EXPECT_TRUE(ctx.CancelRequested());
    EXPECT_THROW(ctx.ThrowIfCancelled(), Cancelled);
    auto refused = co_await Try(ctx.Sleep(1s));
    EXPECT_FALSE(refused);
    co_await ctx.Shield([&]() -> Co<> {
      ctx.ThrowIfCancelled();
      co_await ctx.Run(kUndo, 1);
      co_await ctx.Sleep(1s);
    });
    co_return "cleaned up";
  });
  server().Host(kUndo, [](int) {});
  server().Start(kWorkflow);
  server().Settle();
  server().Cancel("enough");
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().status(), "completed");
  EXPECT_EQ(server().ResultOf(kWorkflow), "cleaned up");
}

TEST_P(CancellationTest, AShieldThatWasBegunBeforeGoesOn) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    const int value = co_await ctx.Shield([&]() -> Co<int> { co_return co_await ctx.Run(kWork, 1); });
    auto later = co_await Try(ctx.Sleep(1h));
    co_return std::to_string(value) + (later ? "slept" : "cancelled");
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Cancel("");
  server().Settle();
  EXPECT_FALSE(server().closed());
  server().Complete(kWork, 5);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "5cancelled");
}

TEST_P(CancellationTest, ModesDecideWhatBecomesOfATask) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto [tried, waited, abandoned] =
        co_await AllSettled(ctx.Run(kWork, TaskOptions().OnCancel(OnCancel::kTry), 1),
                            ctx.Run(kWork, TaskOptions().OnCancel(OnCancel::kWait), 2),
                            ctx.Run(kWork, TaskOptions().OnCancel(OnCancel::kAbandon), 3));
    co_return std::string(tried ? "1" : "-") + (waited ? std::to_string(*waited) : "-") +
        (abandoned ? "3" : "-");
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Cancel("");
  server().Settle();
  EXPECT_FALSE(server().closed());
  server().Complete(kWork, 22);  // the one that is waited for is the oldest left
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "-22-");
  EXPECT_THAT(server().CommandLog(),
              ElementsAre("task work (seq 1)", "task work (seq 2)", "task work (seq 3)",
                          "cancel task (seq 1)", "cancel task (seq 2)", "complete run"));
}

TEST_P(CancellationTest, AWaitedForCancellationEndsAsTheTaskSays) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto task = ctx.Run(kWork, TaskOptions().OnCancel(OnCancel::kWait), 1);
    co_await ctx.Sleep(1s);
    task.Cancel("by hand");
    task.Cancel("twice is once");
    auto result = co_await Try(std::move(task));
    co_return std::string(FailureKindName(result.error().kind));
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Advance(1s);
  server().Settle();
  EXPECT_FALSE(server().closed());
  server().EndCancelled("work");
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "cancelled");
}

TEST_P(CancellationTest, AnAnswerThatCrossesTheCancellationIsDropped) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto task = ctx.Run(kWork, 1);
    auto sleep = ctx.Sleep(1h);
    co_await ctx.WaitSignal(kNumber);
    task.Cancel();
    sleep.Cancel();
    auto result = co_await Try(std::move(task));
    co_await ctx.WaitSignal(kNumber);
    co_return result ? "value" : "cancelled";
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Send(kNumber, 1);
  server().SendActivation();
  server().Complete(kWork, 7);  // arrives while the activation is out
  server().Advance(2h);
  server().AwaitAnswers(2);
  server().Settle();
  server().Send(kNumber, 1);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "cancelled");
}

TEST_P(CancellationTest, AScopeIsCancelledApartFromTheRest) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    std::string trace;
    CancelScope scope(ctx);
    auto loop = scope.Run([&]() -> Co<int> {
      auto inner = ctx.Spawn([&]() -> Co<> {
        auto slept = co_await Try(ctx.Sleep(1h));
        trace += slept ? "slept" : "inner cancelled,";
      });
      try {
        while (true) co_await ctx.WaitSignal(kNumber);
      } catch (const Cancelled& e) {
        trace += std::string(e.what()) + ",";
      }
      co_await Try(std::move(inner));
      co_return 5;
    });
    co_await ctx.Sleep(1s);
    scope.Cancel("stop it");
    EXPECT_TRUE(scope.Cancelled());
    const int value = co_await std::move(loop);
    co_await ctx.Sleep(1s);  // this scope was not cancelled
    auto refused = co_await Try(scope.Run([&]() -> Co<> { co_await ctx.Sleep(1s); }));
    co_return trace + std::to_string(value) + (refused ? "" : "!");
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "cancelled: stop it,inner cancelled,5!");
}

TEST_P(CancellationTest, AnAwaitOfSomethingFromOutsideTheScopeIsInterrupted) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto outside = ctx.Run(kWork, 1);
    auto late = co_await Try(WithTimeout([&]() -> Co<int> { co_return co_await outside; }, 1s));
    EXPECT_EQ(late.error().kind, FailureKind::kTimeout);
    co_return std::to_string(co_await std::move(outside));
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Advance(1s);
  server().Settle();
  EXPECT_EQ(server().open_tasks(), 1u);
  server().Complete(kWork, 3);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "3");
}

TEST_P(CancellationTest, CancelledByItsOwnCodeIsAFailureNotACancelledRun) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto sleep = ctx.Sleep(1h);
    sleep.Cancel("own idea");
    co_await std::move(sleep);
    co_return "";
  });
  server().Start(kWorkflow);
  server().Settle();
  EXPECT_EQ(server().status(), "failed");
  EXPECT_EQ(server().failure().kind, FailureKind::kCancelled);
}

Co<std::string> BookTrip(Context& ctx, bool cancel_fails) {
  Saga saga;
  auto booked = co_await Try([&]() -> Co<int> {
    int sum = 0;
    for (int part = 1; part <= 3; ++part) {
      sum += co_await ctx.Run(kWork, part);
      saga.Add([&ctx, part] { return ctx.Run(kUndo, part); });
    }
    co_return sum;
  });
  if (booked) co_return std::to_string(*booked);
  const std::vector<Failure> failures = co_await saga.Compensate();
  EXPECT_EQ(failures.size(), cancel_fails ? 1u : 0u);
  EXPECT_TRUE(saga.Empty());
  co_return "undone after " + booked.error().Root().type;
}

TEST_P(CancellationTest, ASagaUndoesInReverseOrder) {
  Host(kWorkflow, [](Context& ctx) { return BookTrip(ctx, false); });
  std::vector<int> undone;
  server().Host(kWork, [](int part) -> int {
    if (part == 3) throw ApplicationError("SoldOut", "");
    return part;
  });
  server().Host(kUndo, [&](int part) { undone.push_back(part); });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "undone after SoldOut");
  EXPECT_THAT(undone, ElementsAre(2, 1));
}

TEST_P(CancellationTest, ASagaGoesOnPastFailuresAndCancellation) {
  Host(kWorkflow, [](Context& ctx) { return BookTrip(ctx, true); });
  std::vector<int> undone;
  server().Host(kUndo, [&](int part) {
    undone.push_back(part);
    if (part == 2) throw std::runtime_error("cannot");
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Complete(kWork, 1);
  server().Settle();
  server().Complete(kWork, 2);
  server().Settle();
  server().Cancel("");
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "undone after Cancelled");
  EXPECT_THAT(undone, ElementsAre(2, 1));
}

TEST_P(CancellationTest, AStepIsLeftBehind) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto step = ctx.Step("step", [] { return 1; });
    step.Cancel();
    auto result = co_await Try(std::move(step));
    co_await ctx.Sleep(1s);
    co_return result ? "value" : "cancelled";
  });
  server().Start(kWorkflow);
  server().SendActivation();
  server().AwaitAnswers(1);
  EXPECT_EQ(server().open_timers(), 1u);
  server().Advance(1s);
  server().SendActivation();
  server().AwaitAnswers(2);
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "cancelled");
}

// Marks what it has seen.
class Stamp final : public PayloadConverter {
 public:
  Payload Encode(Payload payload) const override { return {"stamped", payload.data, payload.encoding}; }
  Payload Decode(Payload payload) const override {
    return payload.encoding == "stamped" ? Payload{payload.type, payload.data, ""} : payload;
  }
};

TEST_P(CancellationTest, DetailsOfACancelledRunGoThroughTheConverter) {
  options_.converter = std::make_shared<Stamp>();
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    co_await Try(ctx.Sleep(1h));
    throw Cancelled("half way", ToPayload(50));
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Cancel("enough");
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  ASSERT_EQ(server().status(), "cancelled");
  const auto& commands = server().history().back().advanced().commands();
  const v1::Payload& details = commands[commands.size() - 1].cancel_run().details();
  EXPECT_EQ(details.encoding(), "stamped");
  EXPECT_EQ(details.data(), "50");
}

}  // namespace
}  // namespace perdure::testing
