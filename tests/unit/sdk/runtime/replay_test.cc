// Replay, the non-determinism report, and what fails an activation without failing the run.
#include <atomic>
#include <thread>

#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

inline constexpr Task<int(int)> kPay{"process_payment"};
inline constexpr Task<int(int)> kStock{"check_inventory"};
inline constexpr Workflow<int(int)> kWorkflow{"order_fulfillment"};
inline constexpr Signal<int> kNumber{"number"};

template <class F>
Registry Hosting(F function) {
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(), detail::EraseWorkflow(kWorkflow, std::move(function)));
  return registry;
}

Co<int> Original(Context& ctx, int) {
  auto [stock, paid] = co_await All(ctx.Run(kStock, 1), ctx.Run(kPay, 2));
  co_await ctx.Sleep(1s);
  co_return stock + paid;
}

Co<int> Changed(Context& ctx, int) {
  const int stock = co_await ctx.Run(kStock, 1);
  co_await ctx.Sleep(1s);
  const int paid = co_await ctx.Run(kPay, 2);
  co_return stock + paid;
}

TEST(ReplayTest, ChangedCodeStallsTheRunAndTheOldCodePicksItUp) {
  const Registry original = Hosting(Original);
  const Registry changed = Hosting(Changed);
  FakeServer server(original);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.Complete(kStock, 10);

  server.ReplaceExecutor(changed);
  server.SendActivation();
  server.AwaitAnswers(2);
  ASSERT_EQ(server.activation_failures().size(), 1u);
  const Failure failure = server.activation_failures()[0];
  EXPECT_EQ(failure.kind, FailureKind::kNonDeterminism);
  EXPECT_THAT(failure.message, AllOf(HasSubstr("workflow 'order_fulfillment'"),
                                     HasSubstr("run run-1 of 'wf-1'"), HasSubstr("from event 2 on")));
  EXPECT_THAT(failure.message,
              HasSubstr("\n        history records                this code issues"
                        "\n      1 task check_inventory (seq 1)   task check_inventory (seq 1)"
                        "\n  >   2 task process_payment (seq 2)   -\n"))
      << failure.message;
  EXPECT_EQ(server.executor().Stats().non_deterministic, 1);
  EXPECT_EQ(server.executor().Stats().cached_runs, 0);

  server.ReplaceExecutor(original);
  server.SendActivation();
  server.AwaitAnswers(3);
  server.Complete(kPay, 5);
  server.SendActivation();
  server.AwaitAnswers(4);
  server.Advance(1s);
  server.SendActivation();
  server.AwaitAnswers(5);
  EXPECT_EQ(server.ResultOf(kWorkflow), 15);
}

TEST(ReplayTest, CodeThatDependsOnTheOutsideIsFound) {
  std::atomic<int> calls{0};
  const Registry registry = Hosting([&calls](Context& ctx, int) -> Co<int> {
    if (++calls == 1) {
      co_await ctx.Run(kPay, 1);
    } else {
      co_await ctx.Run(kStock, 1);
    }
    co_return 1;
  });
  FakeServer server(registry, Cache::kDropAlways);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.Complete(kPay, 1);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message,
              HasSubstr("task process_payment (seq 1)   task check_inventory (seq 1)"));
}

TEST(ReplayTest, LongListsAreCutAroundTheDifference) {
  std::atomic<int> calls{0};
  const Registry registry = Hosting([&calls](Context& ctx, int) -> Co<int> {
    const int odd = ++calls == 1 ? -1 : 50;
    std::vector<Pending<int>> parts;
    for (int i = 0; i < 100; ++i) parts.push_back(i == odd ? ctx.Run(kStock, i) : ctx.Run(kPay, i));
    co_return static_cast<int>((co_await All(std::move(parts))).size());
  });
  FakeServer server(registry, Cache::kDropAlways);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.Complete(kPay, 1);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message,
              AllOf(HasSubstr("(46 alike before)"), HasSubstr("\n  >  51 task process_payment (seq 51)"),
                    HasSubstr("(45 more)")));
}

TEST(ReplayTest, AnswersToWhatWasNeverIssuedAreNonDeterminism) {
  const Registry registry = Hosting(Original);
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  v1::Event event;
  event.set_event_id(static_cast<std::int64_t>(server.history().size()) + 1);
  event.mutable_timer_fired()->set_seq(9);
  server.history().push_back(event);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_EQ(server.activation_failures()[0].kind, FailureKind::kNonDeterminism);
  EXPECT_THAT(server.activation_failures()[0].message, HasSubstr("seq 9, but this code has issued only 2"));
}

TEST(ReplayTest, UnknownTypesAndBadPayloadsFailTheActivation) {
  const Registry registry =
      Hosting([](Context& ctx, int) -> Co<int> { co_return co_await ctx.WaitSignal(kNumber); });
  {
    FakeServer server(registry);
    server.StartType("no_such_workflow", {});
    server.Settle();
    ASSERT_EQ(server.activation_failures().size(), 1u);
    EXPECT_EQ(server.activation_failures()[0].kind, FailureKind::kWorkerError);
    EXPECT_THAT(server.activation_failures()[0].message,
                HasSubstr("does not host workflow type 'no_such_workflow'"));
  }
  {
    FakeServer server(registry);
    server.StartType("order_fulfillment", {"json", "\"text\"", ""});
    server.Settle();
    ASSERT_EQ(server.activation_failures().size(), 1u);
    EXPECT_EQ(server.activation_failures()[0].kind, FailureKind::kWorkerError);
    EXPECT_THAT(server.activation_failures()[0].message,
                HasSubstr("expected an integer, found string \"text\""));
  }
}

TEST(ReplayTest, ASignalThatDoesNotDecodeFailsARunThatDoesNothingAboutIt) {
  const Registry registry =
      Hosting([](Context& ctx, int) -> Co<int> { co_return co_await ctx.WaitSignal(kNumber); });
  for (const bool early : {true, false}) {
    FakeServer server(registry);
    server.Start(kWorkflow, 0);
    if (!early) server.Settle();
    server.SendPayload("number", {"json", "{}", ""});
    server.Settle();
    EXPECT_TRUE(server.activation_failures().empty());
    EXPECT_EQ(server.status(), "failed");
    EXPECT_EQ(server.failure().type, "DecodeError");
    EXPECT_THAT(server.failure().message, HasSubstr("signal 'number': cannot read a int"));
  }
}

TEST(ReplayTest, ASignalThatDoesNotDecodeIsTakenAndLeftToTheCode) {
  for (const Cache cache : {Cache::kKeep, Cache::kDropAlways}) {
    const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
      const Result<int> first = co_await Try(ctx.WaitSignal(kNumber));
      EXPECT_TRUE(first.HasType("DecodeError"));
      co_await ctx.Sleep(1s);
      EXPECT_THROW(ctx.TryTakeSignal(kNumber), DecodeError);
      int sum = 0;
      try {
        sum += co_await ctx.WaitSignal(kNumber);
      } catch (const DecodeError&) {
        sum += 100;
      }
      co_return sum + co_await ctx.WaitSignal(kNumber);
    });
    FakeServer server(registry, cache);
    server.Start(kWorkflow, 0);
    server.Settle();
    for (int i = 0; i < 3; ++i) server.SendPayload("number", {"json", "\"three\"", ""});
    server.Settle();
    server.Advance(1s);
    server.Settle();
    server.Send(kNumber, 3);
    server.Settle();
    EXPECT_TRUE(server.activation_failures().empty());
    EXPECT_EQ(server.ResultOf(kWorkflow), 103);
  }
}

// Refuses what is not its own, and can be out of order.
class Lock final : public PayloadConverter {
 public:
  explicit Lock(const std::atomic<bool>& broken) : broken_(broken) {}
  Payload Encode(Payload payload) const override { return payload; }
  Payload Decode(Payload payload) const override {
    if (broken_) throw std::runtime_error("the key server is away");
    if (payload.data == "junk") throw DecodeError("this was not locked with our key");
    return payload;
  }

 private:
  const std::atomic<bool>& broken_;
};

TEST(ReplayTest, AConverterTellsBadSignalsFromTroubleOfItsOwn) {
  std::atomic<bool> broken{false};
  auto options = TestOptions();
  options.converter = std::make_shared<Lock>(broken);
  const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
    const Result<int> bad = co_await Try(ctx.WaitSignal(kNumber));
    EXPECT_THAT(bad.error().message, HasSubstr("not locked with our key"));
    co_return co_await ctx.WaitSignal(kNumber);
  });
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.SendPayload("number", {"json", "junk", ""});
  server.Settle();
  EXPECT_TRUE(server.activation_failures().empty());
  server.Send(kNumber, 8);
  broken = true;
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u) << "tried again later";
  EXPECT_THAT(server.activation_failures()[0].message, HasSubstr("the key server is away"));
  broken = false;
  server.SendActivation();
  server.AwaitAnswers(4);
  EXPECT_EQ(server.ResultOf(kWorkflow), 8);
}

TEST(ReplayTest, NamesOfTimersAreCompared) {
  std::atomic<int> calls{0};
  const Registry registry = Hosting([&calls](Context& ctx, int) -> Co<int> {
    co_await ctx.Sleep(1s, ++calls == 1 ? "reminder" : "deadline");
    co_return 1;
  });
  FakeServer server(registry, Cache::kDropAlways);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.Advance(1s);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message,
              HasSubstr("timer reminder (seq 1)   timer deadline (seq 1)"));
}

TEST(ReplayTest, AnUndecodableTaskResultFailsTheActivation) {
  const Registry registry = Hosting(Original);
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.CompletePayload("process_payment", {"json", "[]", ""});
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message,
              HasSubstr("the outcome of task process_payment (seq 2)"));
}

TEST(ReplayTest, AnUnknownEventAsksForAnUpgrade) {
  const Registry registry = Hosting(Original);
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  v1::Event event;
  event.set_event_id(static_cast<std::int64_t>(server.history().size()) + 1);
  server.history().push_back(event);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message, HasSubstr("upgrade the worker"));
}

TEST(ReplayTest, SignalsThatCameWhileAnActivationWasOutAreDeliveredOnce) {
  for (const Cache cache : {Cache::kKeep, Cache::kDropAlways}) {
    const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
      int sum = 0;
      for (int i = 0; i < 6; ++i) sum = sum * 10 + co_await ctx.WaitSignal(kNumber);
      co_return sum;
    });
    FakeServer server(registry, cache);
    server.Start(kWorkflow, 0);
    for (int i = 1; i <= 6; ++i) {
      server.SendActivation();
      server.Send(kNumber, i);  // lies below the Advanced event of the activation that is out
      server.AwaitAnswers(static_cast<std::size_t>(i));
    }
    server.Settle();
    EXPECT_TRUE(server.activation_failures().empty());
    EXPECT_EQ(server.ResultOf(kWorkflow), 123456);
  }
}

TEST(ReplayTest, AFanOutOfTenThousandTasksReplays) {
  const Registry registry = Hosting([](Context& ctx, int n) -> Co<int> {
    std::vector<Pending<int>> parts;
    for (int i = 0; i < n; ++i) parts.push_back(ctx.Run(kPay, i));
    std::int64_t sum = 0;
    for (int value : co_await All(std::move(parts))) sum += value;
    co_await ctx.Sleep(1s);
    co_return static_cast<int>(sum);
  });
  FakeServer server(registry);
  server.Start(kWorkflow, 10'000);
  server.Settle();
  EXPECT_EQ(server.open_tasks(), 10'000u);
  for (int i = 0; i < 10'000; ++i) server.Complete(kPay, i);
  server.Settle();
  server.executor().Evict(server.token());
  server.Advance(1s);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), 49'995'000);
  EXPECT_EQ(server.executor().Stats().replays, 1);
}

}  // namespace
}  // namespace perdure::testing
