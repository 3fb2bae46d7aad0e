// The executor: cache and eviction, limits, the watchdog, answers that are held, many runs at once.
#include "worker-sdk/src/runtime/executor.h"

#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/sdk/runtime/executor_scenario.h"

namespace perdure::testing {
namespace {

using ::testing::HasSubstr;

// Notes its end, and asks for something in its destructor, as careless code may.
struct Noisy {
  Context& ctx;
  std::atomic<int>& destroyed;
  ~Noisy() {
    ++destroyed;
    ctx.Run(kWork, 99).Detach();
    ctx.Sleep(std::chrono::seconds(1)).Detach();
    auto spawned = ctx.Spawn([]() -> Co<int> { co_return 1; });
    spawned.Cancel();
  }
};

TEST(ExecutorTest, EvictsTheLeastRecentlyUsedByBytesAndReplaysLater) {
  std::atomic<int> destroyed{0};
  const Registry registry = Hosting([&destroyed](Context& ctx, int) -> Co<int> {
    const Noisy noisy{ctx, destroyed};
    auto pending = ctx.WaitSignal(kNumber);
    auto spawned = ctx.Spawn([&]() -> Co<int> {
      const Noisy inner{ctx, destroyed};
      co_return co_await ctx.WaitSignal<int>("other");
    });
    const int value = co_await pending;
    co_return value + co_await spawned;
  });
  auto options = TestOptions();
  options.cache_bytes_max = 1;
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow, 0);
  server.Settle();
  while (server.evicted() < 1) std::this_thread::yield();
  EXPECT_EQ(destroyed.load(), 2);
  ASSERT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
  server.SendPayload("other", ToPayload(2));
  server.Settle();
  while (server.evicted() < 2) std::this_thread::yield();
  server.Send(kNumber, 1);
  server.Settle();
  EXPECT_TRUE(server.activation_failures().empty());
  EXPECT_EQ(server.ResultOf(kWorkflow), 3);
  EXPECT_EQ(server.executor().Stats().replays, 2);
}

TEST(ExecutorTest, CountsTheBytesOfSuspendedCoroutines) {
  const Registry registry = Hosting([](Context& ctx, int seed) -> Co<int> {
    std::array<char, 50'000> large{};
    for (std::size_t i = 0; i < large.size(); ++i)
      large[i] = static_cast<char>(seed + static_cast<int>(i * i));
    co_await ctx.WaitSignal(kNumber);
    // All of it is used on this side too: the optimizer must keep it in the frame.
    unsigned sum = 0;
    for (const char c : large) sum = sum * 31 + static_cast<unsigned char>(c);
    co_return static_cast<int>(sum & 0xff);
  });
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  ASSERT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
  EXPECT_GT(server.executor().Stats().cached_bytes, 50'000);
  EXPECT_EQ(server.executor().Stats().cached_runs, 1);
  server.Send(kNumber, 1);
  server.Settle();
  ASSERT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
  EXPECT_EQ(server.executor().Stats().cached_bytes, 0);
  EXPECT_EQ(server.executor().Stats().cached_runs, 0);
}

inline constexpr Task<std::string(int)> kLarge{"large"};

TEST(ExecutorTest, CountsTheBytesOfResultsUntilTheyWillHaveBeenDropped) {
  const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
    const std::string task = co_await ctx.Run(kLarge, 1);
    const std::string step = co_await ctx.Step("large", [] { return std::string(50'000, 's'); });
    const std::string signal = co_await ctx.WaitSignal<std::string>("large");
    for (;;) {
      if (co_await ctx.WaitSignal(kNumber) == 0) co_return static_cast<int>((task + step + signal).size());
    }
  });
  FakeServer server(registry);
  const auto cached = [&server] {
    server.Settle();
    EXPECT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
    return server.executor().Stats().cached_bytes;
  };
  server.Start(kWorkflow, 0);
  const std::int64_t before = cached();
  EXPECT_LT(before, 50'000);
  server.Complete(kLarge, std::string(50'000, 't'));
  EXPECT_GT(cached(), before + 90'000) << "the task's and most of the step's";
  server.SendPayload("large", ToPayload(std::string(50'000, 'n')));
  EXPECT_GT(cached(), before + 120'000);
  for (int i = 0; i < 40; ++i) {
    server.Send(kNumber, 1);
    server.Settle();
  }
  EXPECT_LT(cached(), before + 5'000);
  server.Send(kNumber, 0);
  EXPECT_EQ(cached(), 0);
}

TEST(ExecutorTest, ChecksTheLimitsOfTheServer) {
  const Registry registry = Hosting([](Context& ctx, int n) -> Co<int> {
    std::vector<Pending<int>> parts;
    for (int i = 0; i < n; ++i) parts.push_back(ctx.Run(kWork, i));
    co_await All(std::move(parts));
    co_return 1;
  });
  FakeServer server(registry);
  server.executor().SetLimits(1, 10);
  server.Start(kWorkflow, 11);
  server.Settle();
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_EQ(server.activation_failures()[0].kind, FailureKind::kLimit);
  EXPECT_THAT(server.activation_failures()[0].message, HasSubstr("commands_per_advance_max = 10"));
  server.executor().SetLimits(1, 100);
  server.SendActivation();
  server.AwaitAnswers(2);
  ASSERT_EQ(server.activation_failures().size(), 2u);
  EXPECT_THAT(server.activation_failures()[1].message, HasSubstr("task work (seq 11) carries 2 bytes"));
}

TEST(ExecutorTest, WarnsOfCodeThatHoldsItsThread) {
  auto warned = std::make_shared<std::promise<std::string>>();
  auto options = TestOptions();
  options.block_warning = std::chrono::milliseconds(5);
  options.log = std::make_shared<const LogSink>(
      [warned](const LogRecord& record) { warned->set_value(FormatLogRecord(record)); });
  std::shared_future<std::string> seen = warned->get_future();
  // The workflow blocks until the warning is there, which is the very thing to be warned of.
  const Registry registry = Hosting([seen](Context&, int) -> Co<int> {
    seen.wait();
    co_return 1;
  });
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow, 0);
  server.Settle();
  EXPECT_THAT(seen.get(), HasSubstr("workflow_id=wf-1 run_id=run-1 workflow_type=workflow"));
  EXPECT_THAT(seen.get(), HasSubstr("held its thread too long"));
  EXPECT_EQ(server.executor().Stats().block_warnings, 1);
}

TEST(ExecutorTest, WarnsOfStepsThatRunForLongAndNamesWhatHoldsAThread) {
  auto warned = std::make_shared<std::promise<std::string>>();
  auto options = TestOptions();
  options.step_piggyback = std::chrono::milliseconds(1);
  options.step_warning = std::chrono::milliseconds(5);
  options.log = std::make_shared<const LogSink>(
      [warned](const LogRecord& record) { warned->set_value(FormatLogRecord(record)); });
  std::shared_future<std::string> seen = warned->get_future();
  const Registry registry = Hosting([seen](Context& ctx, int) -> Co<int> {
    co_await ctx.Step("slow", [seen] { seen.wait(); });
    co_return 1;
  });
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow, 0);
  server.SendActivation();
  const std::string warning = seen.get();
  EXPECT_THAT(warning, HasSubstr("workflow_id=wf-1 run_id=run-1 workflow_type=workflow"));
  EXPECT_THAT(warning, HasSubstr("step slow (seq 1)"));
  server.Settle();
  EXPECT_EQ(server.executor().Stats().step_warnings, 1);
}

TEST(ExecutorTest, NamesTheStepsAndTheWorkflowCodeThatHoldAThread) {
  std::promise<void> in_step;
  std::promise<void> in_code;
  std::promise<void> go;
  const std::shared_future<void> gate = go.get_future();
  const Registry registry = Hosting([&, gate](Context& ctx, int) -> Co<int> {
    auto step = ctx.Step("stuck", [&, gate] {
      in_step.set_value();
      gate.wait();
    });
    co_await ctx.WaitSignal(kNumber);
    in_code.set_value();
    gate.wait();
    co_await std::move(step);
    co_return 1;
  });
  auto options = TestOptions();
  options.step_piggyback = std::chrono::milliseconds(0);
  FakeServer server(registry, Cache::kKeep, options);
  server.Start(kWorkflow, 0);
  server.SendActivation();
  server.AwaitAnswers(1);
  in_step.get_future().wait();
  EXPECT_THAT(server.executor().Busy(),
              ::testing::Contains(::testing::StartsWith("step stuck (seq 1) of wf-1 for ")));
  server.Send(kNumber, 1);
  server.SendActivation();
  in_code.get_future().wait();
  EXPECT_THAT(server.executor().Busy(),
              ::testing::ElementsAre(::testing::StartsWith("workflow workflow of wf-1 for "),
                                     ::testing::StartsWith("step stuck (seq 1) of wf-1 for ")));
  go.set_value();
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), 1);
}

// Looks whether a step still counts as running while its answer is given.
class StepSink final : public runtime::ExecutorSink {
 public:
  void Answer(v1::ActivationAnswer) override {}
  void Answer(v1::StepAnswer) override { running.set_value(executor->Stats().running_steps); }
  void RequestHistory(v1::HistoryRequest) override {}
  void Evicted(v1::WorkToken) override {}

  runtime::Executor* executor = nullptr;
  std::promise<std::int64_t> running;
};

v1::Activation FirstActivation(int run) {
  v1::Activation activation;
  activation.mutable_token()->set_run(static_cast<std::uint64_t>(run));
  activation.set_run_id("run-" + std::to_string(run));
  activation.set_workflow_type("workflow");
  activation.set_activation_id(1);
  activation.set_deliver_through(1);
  v1::Event& event = *activation.add_events();
  event.set_event_id(1);
  event.mutable_run_started()->set_run_id(activation.run_id());
  event.mutable_run_started()->mutable_input()->set_encoding("json");
  event.mutable_run_started()->mutable_input()->set_data(std::to_string(run));
  return activation;
}

TEST(ExecutorTest, AStepRunsUntilItsAnswerIsGiven) {
  const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
    co_await ctx.Step("late", [] {});
    co_return 1;
  });
  StepSink sink;
  auto options = TestOptions();
  options.step_piggyback = std::chrono::milliseconds(0);
  runtime::Executor executor(registry, options, &sink);
  sink.executor = &executor;
  executor.Activate(FirstActivation(1));
  EXPECT_EQ(sink.running.get_future().get(), 1) << "a drain would not have waited for the answer";
  EXPECT_TRUE(executor.WaitIdle(std::chrono::seconds(60)));
}

std::chrono::steady_clock::time_point manual_now;

// Without threads, on a clock that stands until it is moved.
TEST(ExecutorTest, AnAnswerIsHeldForItsOwnTimeWhateverWasHeldBefore) {
  const Registry registry = Hosting([](Context& ctx, int) -> Co<int> {
    co_await ctx.Step("quick", [] {});
    co_await ctx.Step("slow", [] {});
    co_return 1;
  });
  class Sink final : public runtime::ExecutorSink {
   public:
    void Answer(v1::ActivationAnswer answer) override { answers.push_back(std::move(answer)); }
    void Answer(v1::StepAnswer) override { ++late_steps; }
    void RequestHistory(v1::HistoryRequest) override {}
    void Evicted(v1::WorkToken) override {}
    std::vector<v1::ActivationAnswer> answers;
    int late_steps = 0;
  } sink;
  auto options = TestOptions();
  options.threads = 0;
  options.step_threads = 0;
  options.step_piggyback = std::chrono::milliseconds(20);
  manual_now = {};
  options.now = +[] { return manual_now; };
  runtime::Executor executor(registry, options, &sink);
  const auto work = [&] {
    while (executor.RunReady()) {
    }
  };
  executor.Activate(FirstActivation(1));
  work();
  ASSERT_TRUE(executor.RunStep());
  work();
  ASSERT_EQ(sink.answers.size(), 1u) << "the result rides with it";
  ASSERT_EQ(sink.answers[0].advance().steps_size(), 1);

  manual_now += std::chrono::milliseconds(15);
  v1::Activation next;
  *next.mutable_token() = FirstActivation(1).token();
  next.mutable_token()->set_delivery(2);
  next.set_workflow_id(FirstActivation(1).workflow_id());
  next.set_run_id(FirstActivation(1).run_id());
  next.set_workflow_type(FirstActivation(1).workflow_type());
  next.set_activation_id(2);
  next.set_previous_activation_id(FirstActivation(1).activation_id());
  next.set_deliver_through(3);
  next.set_history_through(2);
  v1::Event& done = *next.add_events();
  done.set_event_id(3);
  done.mutable_step_completed()->set_seq(sink.answers[0].advance().steps(0).seq());
  executor.Activate(next);
  work();
  // The time of the first answer is over, that of the second is not.
  manual_now += std::chrono::milliseconds(10);
  work();
  EXPECT_EQ(sink.answers.size(), 1u);
  EXPECT_EQ(executor.NextDue(), manual_now) << "the step";
  manual_now += std::chrono::milliseconds(9);
  work();
  EXPECT_EQ(sink.answers.size(), 1u);
  manual_now += std::chrono::milliseconds(1);
  work();
  ASSERT_EQ(sink.answers.size(), 2u);
  EXPECT_EQ(sink.answers[1].advance().steps_size(), 0);
  ASSERT_TRUE(executor.RunStep());
  work();
  EXPECT_EQ(sink.late_steps, 1);
}

// Answers activations of many runs and counts how they ended.
class CountingSink final : public runtime::ExecutorSink {
 public:
  void Answer(v1::ActivationAnswer answer) override {
    const std::lock_guard lock(mutex_);
    for (const v1::Command& command : answer.advance().commands()) completed_ += command.has_complete_run();
    changed_.notify_all();
  }
  void Answer(v1::StepAnswer) override {}
  void RequestHistory(v1::HistoryRequest) override {}
  void Evicted(v1::WorkToken) override {}

  bool WaitCompleted(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return completed_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int completed_ = 0;
};

TEST(ExecutorTest, RunsManyRunsOnSeveralThreads) {
  constexpr int kRuns = 2000;
  const Registry registry = Hosting([](Context& ctx, int n) -> Co<int> {
    int sum = 0;
    for (int i = 0; i < 20; ++i) sum += co_await ctx.Spawn([i]() -> Co<int> { co_return i; });
    co_return sum + n;
  });
  CountingSink sink;
  auto options = TestOptions();
  options.threads = 4;
  runtime::Executor executor(registry, options, &sink);
  for (int i = 0; i < kRuns; ++i) executor.Activate(FirstActivation(i));
  EXPECT_TRUE(sink.WaitCompleted(kRuns));
  EXPECT_TRUE(executor.WaitIdle(std::chrono::seconds(60)));
  EXPECT_EQ(executor.Stats().cached_runs, 0);
  EXPECT_EQ(executor.Stats().cached_bytes, 0);
}

TEST(ExecutorTest, StopsWithCoroutinesSuspendedAndStepsRunning) {
  std::atomic<bool> step_ended{false};
  auto began = std::make_shared<std::promise<void>>();
  auto wait = std::make_shared<std::shared_future<void>>(began->get_future());
  {
    const Registry registry = Hosting([&, began](Context& ctx, int) -> Co<int> {
      std::string local(1000, 'x');
      co_await ctx.Step("step", [&, began] {
        began->set_value();
        for (int i = 0; i < 1000; ++i) local[static_cast<std::size_t>(i)] = 'y';
        step_ended = true;
      });
      co_await ctx.WaitSignal(kNumber);
      co_return 0;
    });
    FakeServer server(registry);
    server.Start(kWorkflow, 0);
    server.SendActivation();
    wait->wait();
  }
  EXPECT_TRUE(step_ended);
}

}  // namespace
}  // namespace perdure::testing
