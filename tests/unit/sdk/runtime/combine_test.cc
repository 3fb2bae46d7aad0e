// All, AllSettled, Any, Try, WithTimeout.
#include "perdure/combine.h"

#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline constexpr Task<int(int)> kDouble{"double"};
inline constexpr Task<std::string()> kName{"name"};
inline constexpr Task<void()> kVoid{"void"};
inline constexpr Workflow<std::string()> kWorkflow{"workflow"};
inline constexpr Signal<int> kNumber{"number"};

PERDURE_SCENARIO(CombineTest);

TEST_P(CombineTest, AllGivesATupleInTheOrderAsked) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto [number, name, nothing] = co_await All(ctx.Run(kDouble, 2), ctx.Run(kName), ctx.Run(kVoid));
    static_assert(std::same_as<decltype(nothing), std::monostate>);
    co_return name + std::to_string(number);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().CompletePayload("void", {});
  server().Complete(kName, "n");
  server().Settle();
  EXPECT_FALSE(server().closed());
  server().Complete(kDouble, 4);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "n4");
}

TEST_P(CombineTest, AllOfAVectorKeepsTheOrder) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    std::vector<Pending<int>> parts;
    for (int i = 0; i < 5; ++i) parts.push_back(ctx.Run(kDouble, i));
    std::string text;
    for (int value : co_await All(std::move(parts))) text += std::to_string(value);
    std::vector<Pending<void>> nothing;
    co_await All(std::move(nothing));
    EXPECT_TRUE((co_await All(std::vector<Pending<int>>())).empty());
    EXPECT_TRUE((co_await AllSettled(std::vector<Pending<int>>())).empty());
    co_return text;
  });
  server().Host(kDouble, [](int x) { return 2 * x; });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "02468");
}

TEST_P(CombineTest, AllFailsWithTheFirstFailureAndCancelsTheRest) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto result = co_await Try(All(ctx.Run(kDouble, 1), ctx.Run(kName), ctx.Sleep(1h)));
    co_await ctx.Sleep(1s);
    co_return result.error().Root().type;
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Fail("name", AppFailure("NoName", ""));
  server().Settle();
  EXPECT_EQ(server().open_tasks(), 0u);
  EXPECT_EQ(server().open_timers(), 1u);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "NoName");
  EXPECT_THAT(server().CommandLog(),
              ElementsAre("task double (seq 1)", "task name (seq 2)", "timer (seq 3)", "cancel task (seq 1)",
                          "cancel timer (seq 3)", "timer (seq 4)", "complete run"));
}

TEST_P(CombineTest, AllSettledWaitsForEverything) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    std::vector<Pending<int>> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(ctx.Run(kDouble, i));
    std::string text;
    for (const Result<int>& result : co_await AllSettled(std::move(parts))) {
      text += result ? std::to_string(*result) : result.error().Root().type;
    }
    auto [a, b] = co_await AllSettled(ctx.Run(kDouble, 5), ctx.Run(kVoid));
    co_return text + (a ? "ok" : a.error().Root().type) + (b ? "ok" : "bad");
  });
  server().Host(kDouble, [](int x) -> int {
    if (x % 2 == 1) throw ApplicationError("Odd", "");
    return x;
  });
  server().Host(kVoid, [] {});
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "0Odd2Oddok");
}

TEST_P(CombineTest, AnyTakesTheFirstAndCancelsTheOthers) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto first = co_await Any(ctx.Run(kDouble, 1), ctx.WaitSignal(kNumber), ctx.Sleep(1h));
    EXPECT_EQ(first.index(), 1u);
    std::vector<Pending<int>> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(ctx.Run(kDouble, i));
    const First<int> winner = co_await Any(std::move(parts));
    // A signal that comes after the wait for it lost is still there.
    const int late = co_await ctx.WaitSignal(kNumber);
    co_return std::to_string(std::get<1>(first)) + std::to_string(winner.index) +
        std::to_string(winner.value) + std::to_string(late);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Send(kNumber, 7);
  server().Settle();
  EXPECT_EQ(server().open_tasks(), 3u);
  EXPECT_EQ(server().open_timers(), 0u);
  server().Complete(kDouble, 42);
  server().Send(kNumber, 8);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "70428");
  EXPECT_EQ(server().open_tasks(), 0u);
}

TEST_P(CombineTest, AnyFailsIfTheFirstFails) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto result = co_await Try(Any(ctx.Run(kDouble, 1), ctx.Run(kName)));
    EXPECT_THROW((void)Any(std::vector<Pending<int>>()), UsageError);
    co_return result.error().Root().type;
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Fail("double", AppFailure("Bad", ""));
  server().Complete(kName, "late");
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "Bad");
}

TEST_P(CombineTest, WithTimeoutThrowsAndCancelsWhatIsLate) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    std::string text;
    try {
      co_await WithTimeout(ctx.Run(kName), 10s);
    } catch (const TimeoutError& e) {
      text = e.what();
    }
    const int in_time = co_await WithTimeout(ctx.WaitSignal(kNumber), 10s);
    co_await ctx.Sleep(1s);
    co_return text + " " + std::to_string(in_time);
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Advance(10s);
  server().Settle();
  EXPECT_EQ(server().open_tasks(), 0u);
  server().Send(kNumber, 3);
  server().Settle();
  EXPECT_EQ(server().open_timers(), 1u);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "timed out: no outcome within 10000 ms 3");
}

Co<int> SlowAdd(Context& ctx, int a, int b) {
  co_await ctx.Sleep(1s);
  co_return a + b;
}

TEST_P(CombineTest, CoroutinesAndCallablesCombineLikePendings) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    const std::string prefix = "captured by reference";
    auto [a, b, c] = co_await All(SlowAdd(ctx, 1, 2), ctx.Run(kDouble, 4),
                                  [&]() -> Co<std::string> { co_return prefix + co_await ctx.Run(kName); });
    std::vector<Co<int>> many;
    for (int i = 0; i < 3; ++i) many.push_back(SlowAdd(ctx, i, i));
    int sum = 0;
    for (int value : co_await All(std::move(many))) sum += value;
    auto late = co_await Try(WithTimeout(SlowAdd(ctx, 1, 1), 10ms));
    EXPECT_EQ(late.error().kind, FailureKind::kTimeout);
    co_return c + std::to_string(a + b + sum);
  });
  server().Host(kDouble, [](int x) { return 2 * x; });
  server().Host(kName, [] { return std::string("!"); });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "captured by reference!17");
}

TEST_P(CombineTest, CombinationsNest) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto nested =
        co_await Try(WithTimeout(All(Any(ctx.Run(kDouble, 1), ctx.Sleep(5s)), Try(ctx.Run(kName))), 1h));
    EXPECT_TRUE(nested);
    auto& [any, name] = *nested;
    co_return std::to_string(any.index()) + name.error().Root().type;
  });
  server().Start(kWorkflow);
  server().Settle();
  server().Fail("name", AppFailure("Nameless", ""));
  server().Advance(5s);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "1Nameless");
}

TEST_P(CombineTest, MoveOnlyValuesPass) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto make = [&ctx](int value) -> Co<std::unique_ptr<int>> {
      co_await ctx.Sleep(1s);
      co_return std::make_unique<int>(value);
    };
    auto pending = ctx.Spawn([&] { return make(1); });
    std::unique_ptr<int> one = co_await pending;
    auto [two, three] = co_await All(make(2), make(3));
    Result<std::unique_ptr<int>> four = co_await Try(make(4));
    co_return std::to_string(*one + *two + *three + **four);
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "10");
}

TEST_P(CombineTest, ExceptionsCrossNestedCoroutines) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    auto inner = [&ctx](bool fail) -> Co<int> {
      co_await ctx.Sleep(1s);
      if (fail) throw std::logic_error("inner");
      co_return 1;
    };
    auto outer = [&](bool fail) -> Co<int> { co_return co_await inner(fail) + 1; };
    std::string text = std::to_string(co_await outer(false));
    try {
      co_await outer(true);
    } catch (const std::logic_error& e) {
      text += e.what();
    }
    const Result<int> tried = co_await Try(outer(true));
    co_return text + tried.error().type;
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "2innerstd::logic_error");
}

TEST_P(CombineTest, CallablesStartFromLeftToRight) {
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    const auto number = [&] { return ctx.Run(kDouble, 1); };
    const auto name = [&] { return ctx.Run(kName); };
    const auto nothing = [&] { return ctx.Run(kVoid); };
    co_await All(number, name, nothing);
    co_await AllSettled(name, nothing, number);
    co_await Any(nothing, number, name);
    co_return "";
  });
  server().Host(kDouble, [](int x) { return x; });
  server().Host(kName, [] { return std::string(); });
  server().Host(kVoid, [] {});
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  std::vector<std::string> log = server().CommandLog();
  log.resize(9);
  EXPECT_THAT(log, ElementsAre("task double (seq 1)", "task name (seq 2)", "task void (seq 3)",
                               "task name (seq 4)", "task void (seq 5)", "task double (seq 6)",
                               "task void (seq 7)", "task double (seq 8)", "task name (seq 9)"));
}

TEST_P(CombineTest, AnUnobservedFailureOfASpawnedCoroutineIsLogged) {
  std::vector<std::string> lines;
  options_.log = std::make_shared<const LogSink>(
      [&lines](const LogRecord& record) { lines.push_back(FormatLogRecord(record)); });
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    ctx.Spawn([]() -> Co<> {
         throw std::runtime_error("lost");
         co_return;
       })
        .Detach();
    co_await ctx.Sleep(1s);
    co_return "";
  });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_TRUE(server().closed());
  EXPECT_THAT(lines, Contains(HasSubstr("nobody awaits it")));
}

}  // namespace
}  // namespace perdure::testing
