// Handles: what becomes of an await, and of a combination, when the Pending it came from is replaced or let
// go.
#include "perdure/pending.h"

#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;

inline constexpr Task<int(int)> kWork{"work"};
inline constexpr Workflow<std::string()> kWorkflow{"workflow"};
inline constexpr Signal<int> kNumber{"number"};
inline constexpr Signal<> kReplace{"replace"};

PERDURE_SCENARIO(PendingTest);

TEST_P(PendingTest, AnAwaitGoesOnForWhatItBeganWithWhenTheTimerIsReplaced) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto timer = ctx.Sleep(1h);
    auto waits = ctx.Spawn([&]() -> Co<std::int64_t> {
      const auto begun = ctx.Now();
      co_await timer;
      co_return (ctx.Now() - begun) / 1s;
    });
    co_await ctx.WaitSignal(kReplace);
    timer = ctx.Sleep(5s);
    co_await timer;
    co_return std::to_string(co_await waits);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().SendPayload("replace", {});
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "3600");
}

TEST_P(PendingTest, AnAwaitedSignalStillArrivesWhenItsVariableIsReplaced) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto number = ctx.WaitSignal(kNumber);
    auto waits = ctx.Spawn([&]() -> Co<int> { co_return co_await number; });
    co_await ctx.WaitSignal(kReplace);
    number = ctx.WaitSignal(kNumber);
    const int second = co_await number;
    co_return std::to_string(co_await waits) + std::to_string(second);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().SendPayload("replace", {});
  server().Settle();
  server().Send(kNumber, 1);
  server().Send(kNumber, 2);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "12");
}

TEST_P(PendingTest, AnAwaitWhoseVariableWasReplacedCanBeCancelled) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto number = ctx.WaitSignal(kNumber);
    bool open = false;
    auto condition = ctx.WaitUntil([&open] { return open; });
    auto waits = ctx.Spawn([&]() -> Co<int> { co_return co_await number; });
    auto stays = ctx.Spawn([&]() -> Co<> { co_await condition; });
    co_await ctx.WaitSignal(kReplace);
    number = ctx.WaitSignal(kNumber);
    condition = ctx.Sleep(1h);
    co_await ctx.Sleep(1s);
    waits.Cancel("enough");
    stays.Cancel("enough");
    auto [first, second] = co_await AllSettled(std::move(waits), std::move(stays));
    EXPECT_EQ(first.error().kind, FailureKind::kCancelled);
    EXPECT_EQ(second.error().kind, FailureKind::kCancelled);
    // The cancelled wait has left the queue: the next signal is for the one that took its place.
    co_return std::to_string(co_await number);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().SendPayload("replace", {});
  server().Settle();
  server().Advance(1s);
  server().Settle();
  server().Send(kNumber, 7);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "7");
}

TEST_P(PendingTest, AReplacedVariableDoesNotOutliveItsRun) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto number = ctx.WaitSignal(kNumber);
    auto waits = ctx.Spawn([&]() -> Co<int> { co_return co_await number; });
    co_await ctx.Sleep(1s);
    number = ctx.WaitSignal(kNumber);
    co_return "done";
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "done");
}

TEST_P(PendingTest, ADetachedTimeoutStillEndsItsTask) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    WithTimeout(ctx.Run(kWork, 1), 5s).Detach();
    co_await ctx.Sleep(10s);
    co_return "done";
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Advance(5s);
  server().Settle();
  EXPECT_THAT(server().CommandLog(), Contains("cancel task (seq 1)"));
  server().Advance(5s);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "done");
}

TEST_P(PendingTest, ADetachedAnyGoesOnUntilItsFirstOutcome) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    Any(ctx.WaitSignal(kNumber), ctx.Run(kWork, 1)).Detach();
    Any(ctx.WaitSignal(kReplace), ctx.Run(kWork, 2)).Detach();
    co_await ctx.Sleep(10s);
    co_return "done";
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Send(kNumber, 1);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "done");
  EXPECT_THAT(server().CommandLog(), Contains("cancel task (seq 1)"));
  EXPECT_THAT(server().CommandLog(), Not(Contains("cancel task (seq 2)")));
}

TEST_P(PendingTest, ADroppedCombinationDoesNothingAboutItsPartsAnyMore) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    {
      auto dropped = WithTimeout(ctx.Run(kWork, 1), 5s);
      auto other = Try(ctx.WaitSignal(kNumber));
    }
    co_await ctx.Sleep(10s);
    co_return std::to_string(co_await ctx.WaitSignal(kNumber));
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  server().Send(kNumber, 4);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "4");
  EXPECT_THAT(server().CommandLog(), Not(Contains("cancel task (seq 1)")));
}

}  // namespace
}  // namespace perdure::testing
