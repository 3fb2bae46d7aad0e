// What a Context offers: tasks, time, random numbers, signals, conditions, information.
#include "perdure/context.h"

#include <set>
#include <thread>

#include "tests/unit/sdk/runtime/scenario.h"

namespace shop {

struct Payment {
  std::string card;
  int cents = 0;
};
PERDURE_JSON(Payment, card, cents)

struct Receipt {
  std::string id;
};
PERDURE_JSON(Receipt, id)

}  // namespace shop

namespace perdure::testing {
namespace {

using shop::Payment;
using shop::Receipt;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline constexpr Task<Receipt(Payment)> kPay{"pay"};
inline constexpr Task<int(int)> kDouble{"double"};
inline constexpr Task<int()> kNothingIn{"nothing_in"};
inline constexpr Task<void(std::string, int)> kNotify{"notify"};
inline constexpr Workflow<std::string(std::string)> kWorkflow{"workflow"};
inline constexpr Workflow<std::string()> kPlain{"plain"};
inline constexpr Signal<int> kNumber{"number"};
inline constexpr Signal<> kGo{"go"};

PERDURE_SCENARIO(ContextTest);

TEST_P(ContextTest, RunsTasksWithNoneOneAndManyArguments) {
  Host(kWorkflow, [](Context& ctx, std::string card) -> Co<std::string> {
    const int cents = co_await ctx.Run(kNothingIn);
    Receipt receipt = co_await ctx.Run(kPay, {card, cents});
    co_await ctx.Run(kNotify, TaskOptions().TaskQueue("mail").StartToClose(5s), "paid", cents);
    co_return receipt.id;
  });
  std::string notified;
  server().Host(kNothingIn, [] { return 125; });
  server().Host(kPay, [](TaskContext&, Payment p) { return Receipt{p.card + std::to_string(p.cents)}; });
  server().Host(kNotify,
                [&](const std::string& what, int cents) { notified = what + std::to_string(cents); });
  server().Start(kWorkflow, "visa");
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "visa125");
  EXPECT_EQ(notified, "paid125");
  EXPECT_THAT(server().CommandLog(), ElementsAre("task nothing_in (seq 1)", "task pay (seq 2)",
                                                 "task notify (seq 3)", "complete run"));
  const v1::ScheduleTask& last = server().history()[5].advanced().commands(0).schedule_task();
  EXPECT_EQ(last.task_queue(), "mail");
  EXPECT_EQ(last.timeouts().start_to_close_ms(), 5000);
  EXPECT_EQ(last.input().data(), R"(["paid",125])");
}

TEST_P(ContextTest, CommandsAreIssuedWhenCalledNotWhenAwaited) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    auto a = ctx.Run(kDouble, 1);
    auto b = ctx.Run(kDouble, 2);
    EXPECT_FALSE(a.Ready());
    const int second = co_await b;
    const int first = co_await a;
    EXPECT_TRUE(a.Ready());
    const int again = co_await a;  // awaiting a variable copies
    co_return std::to_string(first) + std::to_string(second) + std::to_string(again);
  });
  server().Host(kDouble, [](int x) { return 2 * x; });
  server().Start(kWorkflow, "");
  server().Settle();
  EXPECT_EQ(server().open_tasks(), 2u);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "242");
}

TEST_P(ContextTest, TaskFailureTellsTheChain) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    try {
      co_await ctx.Run(kPay, Payment{});
    } catch (const TaskFailed& e) {
      EXPECT_EQ(e.TaskType(), "pay");
      EXPECT_EQ(e.Seq(), 1);
      EXPECT_EQ(e.Attempt(), 2);
      EXPECT_TRUE(e.HasType("CardDeclined"));
      co_return e.what();
    }
    co_return "no failure";
  });
  server().Start(kWorkflow, "");
  server().Settle();
  server().Fail("pay", AppFailure("CardDeclined", "the bank said no"));
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow),
            "task pay (seq 1, attempt 2) failed: CardDeclined: the bank said no");
}

TEST_P(ContextTest, AnUncaughtFailureFailsTheRunWithItsCause) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    co_await ctx.Run(kPay, Payment{});
    co_return "";
  });
  server().Start(kWorkflow, "");
  server().Settle();
  server().Fail("pay", AppFailure("CardDeclined", "no"));
  server().Settle();
  EXPECT_EQ(server().status(), "failed");
  EXPECT_EQ(server().failure().kind, FailureKind::kTask);
  EXPECT_EQ(server().failure().Root().type, "CardDeclined");
}

TEST_P(ContextTest, AnyOtherExceptionFailsTheRunUnderItsClassName) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    co_await ctx.Sleep(1s);
    throw std::out_of_range("beyond");
  });
  server().Start(kWorkflow, "");
  server().RunToEnd();
  EXPECT_EQ(server().failure().kind, FailureKind::kApplication);
  EXPECT_EQ(server().failure().type, "std::out_of_range");
  EXPECT_EQ(server().failure().message, "beyond");
}

TEST_P(ContextTest, TimeStandsStillBetweenAwaitsAndSleepsAreTimers) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    const auto start = ctx.Now();
    co_await ctx.Sleep(90s, "first");
    const auto middle = ctx.Now();
    co_await ctx.SleepUntil(start + 2min);
    EXPECT_EQ(middle - start, 90s);
    EXPECT_EQ(ctx.Now() - start, 2min);
    co_await ctx.Sleep(-5s);
    co_return std::to_string((ctx.Now() - start) / 1s);
  });
  server().Start(kWorkflow, "");
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "120");
  EXPECT_EQ(server().history()[1].advanced().commands(0).start_timer().name(), "first");
}

TEST_P(ContextTest, RandomNumbersAndUuidsAreTheSameOnReplay) {
  std::set<std::string> seen;
  Host(kWorkflow, [&seen](Context& ctx, std::string) -> Co<std::string> {
    std::string text = ctx.Uuid() + " " + std::to_string(ctx.Random().Int(1, 1'000'000));
    co_await ctx.Sleep(1s);
    std::vector<int> cards{1, 2, 3, 4, 5, 6, 7, 8};
    ctx.Random().Shuffle(cards);
    text += " " + std::to_string(cards.front()) + " " + ctx.Uuid();
    seen.insert(text);
    co_await ctx.Sleep(1s);
    co_return text;
  });
  server().Start(kWorkflow, "");
  server().RunToEnd();
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_THAT(
      server().ResultOf(kWorkflow),
      ::testing::ContainsRegex("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} "));
}

TEST_P(ContextTest, SignalsAreKeptInOrderUntilWaitedFor) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    co_await ctx.Sleep(1s);
    const int a = co_await ctx.WaitSignal(kNumber);
    const int b = co_await ctx.WaitSignal<int>("number");
    const int c = co_await ctx.WaitSignal(kNumber);
    co_await ctx.WaitSignal(kGo);
    co_return std::to_string(a) + std::to_string(b) + std::to_string(c);
  });
  server().Start(kWorkflow, "");
  server().Send(kNumber, 1);
  server().Settle();
  server().Send(kNumber, 2);
  server().Settle();
  server().Advance(1s);
  server().Settle();
  server().Send(kNumber, 3);
  server().SendPayload("go", {});
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "123");
}

TEST_P(ContextTest, SeveralWaitersGetSignalsInTheOrderTheyAsked) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    auto first = ctx.WaitSignal(kNumber);
    {
      auto dropped = ctx.WaitSignal(kNumber);
    }  // must not swallow a signal
    auto second = ctx.WaitSignal(kNumber);
    auto [a, b] = co_await All(std::move(first), std::move(second));
    co_return std::to_string(a) + std::to_string(b);
  });
  server().Start(kWorkflow, "");
  server().Settle();
  server().Send(kNumber, 1);
  server().Send(kNumber, 2);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "12");
}

TEST_P(ContextTest, SignalsCanBePolled) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    EXPECT_EQ(ctx.TryTakeSignal(kNumber), std::nullopt);
    EXPECT_FALSE(ctx.TryTakeSignal(kGo));
    co_await ctx.Sleep(1s);
    std::string text;
    while (auto number = ctx.TryTakeSignal(kNumber)) text += std::to_string(*number);
    EXPECT_TRUE(ctx.TryTakeSignal(kGo));
    co_return text;
  });
  server().Start(kWorkflow, "");
  server().Settle();
  for (int i = 1; i <= 3; ++i) server().Send(kNumber, i);
  server().SendPayload("go", {});
  server().Settle();
  server().Advance(1s);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "123");
}

TEST_P(ContextTest, WaitUntilSeesWhateverChanges) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    int sum = 0;
    auto adder = ctx.Spawn([&]() -> Co<> {
      while (true) sum += co_await ctx.WaitSignal(kNumber);
    });
    co_await ctx.WaitUntil([] { return true; });
    co_await ctx.WaitUntil([&] { return sum >= 5; });
    adder.Cancel();
    co_return std::to_string(sum);
  });
  server().Start(kWorkflow, "");
  server().Settle();
  server().Send(kNumber, 2);
  server().Settle();
  EXPECT_FALSE(server().closed());
  server().Send(kNumber, 2);
  server().Send(kNumber, 2);
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "6");
}

TEST_P(ContextTest, ACoroutineOfOneStrandIsDroppedWhenTheRunCloses) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    ctx.Spawn([&]() -> Co<> { co_await ctx.Sleep(1h); }).Detach();
    co_await ctx.Sleep(1s);
    co_return "done";
  });
  server().Start(kWorkflow, "");
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "done");
}

TEST_P(ContextTest, AThrowingPredicateThrowsFromTheAwait) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    int asked = 0;
    auto result = co_await Try(ctx.WaitUntil([&] {
      if (++asked > 1) throw std::runtime_error("no such luck");
      return false;
    }));
    co_return result.error().message;
  });
  server().Start(kWorkflow, "");
  server().Settle();
  EXPECT_EQ(server().ResultOf(kWorkflow), "no such luck");
}

TEST_P(ContextTest, InfoAndLogKnowTheRun) {
  std::vector<std::string> lines;
  options_.log = std::make_shared<const LogSink>(
      [&lines](const LogRecord& record) { lines.push_back(FormatLogRecord(record)); });
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    ctx.Log().Info("begun", "type", ctx.Info().workflow_type);
    co_await ctx.Sleep(1s);
    ctx.Log().Info("slept");
    const WorkflowInfo& info = ctx.Info();
    EXPECT_FALSE(info.replaying);
    co_return info.workflow_id + info.run_id + info.task_queue + std::to_string(info.attempt) +
        std::to_string(info.history_length);
  });
  server().Start(kWorkflow, "");
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kWorkflow), "wf-1run-1queue13");
  EXPECT_THAT(lines,
              ElementsAre("info workflow_id=wf-1 run_id=run-1 workflow_type=workflow type=workflow begun",
                          "info workflow_id=wf-1 run_id=run-1 workflow_type=workflow slept"));
}

TEST_P(ContextTest, AnotherThreadCannotUseIt) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    std::string complaint;
    std::thread([&] {
      try {
        (void)ctx.Now();
      } catch (const UsageError& e) {
        complaint = e.what();
      }
    }).join();
    auto step = co_await Try(ctx.Step("foreign", [&ctx] { ctx.Run(kDouble, 1).Detach(); }));
    EXPECT_THAT(step.error().Describe(),
                HasSubstr("Context::Run was called on a thread that is not running"));
    co_return complaint;
  });
  server().Start(kWorkflow, "");
  server().Settle();
  EXPECT_EQ(Trouble(), "");
  EXPECT_THAT(server().ResultOf(kWorkflow),
              HasSubstr("Context::Now was called on a thread that is not running this"));
}

TEST_P(ContextTest, MisuseFailsTheActivationNotTheRun) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    auto pending = ctx.Sleep(1s);
    auto moved = std::move(pending);
    co_await pending;
    co_return "";
  });
  server().Start(kWorkflow, "");
  server().Settle();
  EXPECT_FALSE(server().closed());
  EXPECT_THAT(Trouble(), HasSubstr("this Pending was already handed over"));
}

TEST_P(ContextTest, PredicatesCannotIssueCommands) {
  Host(kWorkflow, [](Context& ctx, std::string) -> Co<std::string> {
    co_await ctx.WaitUntil([&] {
      ctx.Sleep(1s).Detach();
      return true;
    });
    co_return "";
  });
  server().Start(kWorkflow, "");
  server().Settle();
  EXPECT_THAT(Trouble(), HasSubstr("WaitUntil predicate"));
}

TEST(ContextOutsideTest, CombinatorsSayThatTheyBelongIntoWorkflowCode) {
  EXPECT_THROW((void)All(std::vector<Pending<int>>()), UsageError);
}

class Rot1 final : public PayloadConverter {
 public:
  Payload Encode(Payload payload) const override { return {"rot", Turn(payload.data, 1), payload.encoding}; }
  Payload Decode(Payload payload) const override {
    if (payload.encoding != "rot") return payload;
    return {payload.type, Turn(payload.data, -1), ""};
  }

 private:
  static std::string Turn(std::string text, int by) {
    for (char& c : text) c = static_cast<char>(c + by);
    return text;
  }
};

// What an action throws as std::invalid_argument.
template <class F>
std::string Complaint(F action) {
  try {
    action();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST_P(ContextTest, TextsThatTheServerWouldRefuseAreRefusedWhereTheyAreGiven) {
  Host(kPlain, [](Context& ctx) -> Co<std::string> {
    EXPECT_EQ(Complaint([&] { ctx.Sleep(1s, "na\xff").Detach(); }),
              "perdure: the timer's name is not UTF-8: 'na\\xff'");
    EXPECT_EQ(Complaint([&] { ctx.Step("a\tb", [] {}).Detach(); }),
              "perdure: the step's name must not hold control characters: 'a\\x09b'");
    EXPECT_EQ(Complaint([&] { ctx.WaitSignal<int>("").Detach(); }),
              "perdure: the signal's name must not be empty: ''");
    EXPECT_THAT(Complaint([&] { TaskOptions().TaskQueue(std::string(257, 'q')); }),
                HasSubstr("perdure: TaskOptions::TaskQueue is longer than 256 bytes: 'qqq"));
    EXPECT_THAT(Complaint([&] { RetryPolicy().NonRetryable("\xc3"); }),
                HasSubstr("RetryPolicy::NonRetryable is not UTF-8"));
    EXPECT_EQ(Complaint([&] { TaskOptions().TaskQueue("Größe ✓"); }), "");
    // What was refused was not issued.
    co_await ctx.Sleep(1s, "nap");
    co_return "";
  });
  server().Start(kPlain);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_THAT(server().CommandLog(), ElementsAre("timer nap (seq 1)", "complete run"));
}

// Gives payloads a description that is no text.
class Garbler final : public PayloadConverter {
 public:
  Payload Encode(Payload payload) const override { return {payload.encoding, payload.data, "\xff"}; }
  Payload Decode(Payload payload) const override { return payload; }
};

TEST(ContextConverterTest, AConverterThatDescribesPayloadsInOtherThanUtf8IsFoundOut) {
  const Garbler garbler;
  EXPECT_THROW(runtime::Encode(&garbler, {"json", "1", ""}), EncodeError);
  EXPECT_THROW(runtime::Encode(nullptr, {"js\x80n", "1", ""}), EncodeError);
  EXPECT_THROW(runtime::Encode(nullptr, {std::string(65, 'e'), "1", ""}), EncodeError);
  try {
    runtime::Encode(nullptr, {"bytes", "\xff", "\xff type"});
    ADD_FAILURE() << "it was taken";
  } catch (const EncodeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a payload's type is not UTF-8: '? type'"));
  }
}

TEST_P(ContextTest, ATaskFunctionNeedNotBeCopyable) {
  Host(kPlain,
       [](Context& ctx) -> Co<std::string> { co_return std::to_string(co_await ctx.Run(kDouble, 3)); });
  server().Host(kDouble, [factor = std::make_unique<int>(2)](int x) { return x * *factor; });
  server().Start(kPlain);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kPlain), "6");
}

TEST_P(ContextTest, AConverterSeesEveryPayload) {
  options_.converter = std::make_shared<const Rot1>();
  Host(kWorkflow, [](Context& ctx, std::string in) -> Co<std::string> {
    const int a = co_await ctx.Run(kDouble, 4);
    const int b = co_await ctx.Step("step", [] { return 7; });
    const int c = co_await ctx.WaitSignal(kNumber);
    co_return in + std::to_string(a) + std::to_string(b) + std::to_string(c);
  });
  server().Host(kDouble, [](int x) { return 2 * x; });
  server().Start(kWorkflow, "in");
  server().Send(kNumber, 9);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kWorkflow), "in879");
  for (const v1::Event& event : server().history()) {
    for (const v1::Command& command : event.advanced().commands()) {
      if (command.has_schedule_task()) EXPECT_EQ(command.schedule_task().input().encoding(), "rot");
      if (command.has_complete_run()) EXPECT_EQ(command.complete_run().result().encoding(), "rot");
    }
    if (event.has_step_completed()) EXPECT_EQ(event.step_completed().result().encoding(), "rot");
  }
}

}  // namespace
}  // namespace perdure::testing
