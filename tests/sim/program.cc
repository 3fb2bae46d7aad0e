#include "tests/sim/program.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "perdure/combine.h"
#include "perdure/errors.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;

int64_t Mix(int64_t a, int64_t b) {
  model::Rng rng(static_cast<uint64_t>(a) * 0x9e3779b97f4a7c15ULL + static_cast<uint64_t>(b));
  // Positive, and exact as a JSON number wherever it is read.
  return static_cast<int64_t>(rng.Next() >> 12);
}

// ---- growing ----

// Of loops within loops, in all: everything has to end in time.
constexpr int64_t kRepeatsMax = 16;

class Grower {
 public:
  explicit Grower(model::Rng& rng) : rng_(rng), left_(rng.Between(3, 24)) {}

  Node Grow(int depth) {
    --left_;
    if (depth >= 5 || left_ <= 0) return Leaf();
    switch (rng_.Below(14)) {
      case 0:
      case 1:
      case 2:
        return With("seq", depth, rng_.Between(2, 4));
      case 3:
        return With("all", depth, rng_.Between(2, 4));
      case 4:
        return With("settled", depth, rng_.Between(2, 3));
      case 5:
        return With("any", depth, rng_.Between(2, 3));
      case 6:
        return With("timeout", depth, 1, rng_.Between(1, 8'000));
      case 7:
        return With("try", depth, 1);
      case 8:
        return With("spawn", depth, 2, rng_.Percent(30));
      case 9:
        return With("shield", depth, 1);
      case 10:
        return With("scope", depth, 1, rng_.Between(0, 3'000));
      case 11:
        return With("until", depth, rng_.Between(1, 3));
      case 12: {
        const int64_t times = rng_.Between(2, 4);
        if (repeats_ * times > kRepeatsMax) return Leaf();
        repeats_ *= times;
        Node loop = With("loop", depth, 1, times);
        repeats_ /= times;
        return loop;
      }
      default:
        return Leaf();
    }
  }

 private:
  Node With(const char* op, int depth, int64_t parts, int64_t a = 0) {
    Node node;
    node.op = op;
    node.a = a;
    for (int64_t i = 0; i < parts; ++i) node.parts.push_back(Grow(depth + 1));
    return node;
  }

  Node Leaf() {
    Node node;
    const int64_t what = rng_.Below(100);
    if (what < 45) {
      node.op = "task";
      node.plan = Plan();
      // a: start-to-close. b: attempts in all; 0: no end to them, which only suits a task that can make it.
      const bool limited = node.plan.hangs > 0 || rng_.Percent(30);
      if (limited) node.a = rng_.Between(50, 5'000);
      node.b = !limited && rng_.Percent(50) ? 0 : rng_.Between(1, 4);
    } else if (what < 60) {
      node.op = "step";
      node.plan.value = rng_.Below(1'000);
      node.plan.failures = rng_.Percent(25) ? rng_.Between(1, 3) : 0;
      node.b = rng_.Between(1, 4);
    } else if (what < 75) {
      node.op = "sleep";
      node.a = rng_.Percent(5) && repeats_ == 1 ? rng_.Between(60'000, 600'000) : rng_.Between(0, 6'000);
    } else if (what < 85) {
      node.op = "signal";
      node.a = rng_.Percent(60) ? rng_.Between(10, 10'000) : 0;
      node.b = rng_.Below(kSignals);
    } else if (what < 89) {
      node.op = "take";
      node.b = rng_.Below(kSignals);
    } else if (what < 96) {
      node.op = "random";
    } else {
      node.op = "throw";
      node.a = rng_.Below(10);
    }
    return node;
  }

  TaskPlan Plan() {
    TaskPlan plan;
    plan.value = rng_.Below(1'000'000);
    plan.duration_ms = rng_.Percent(10) ? rng_.Between(1'000, 40'000) : rng_.Between(0, 500);
    if (rng_.Percent(20)) plan.failures = rng_.Between(1, 3);
    if (rng_.Percent(8)) plan.hangs = rng_.Between(1, 2);
    plan.non_retryable = rng_.Percent(3);
    if (rng_.Percent(10)) plan.retry_after_ms = rng_.Between(1, 3'000);
    if (rng_.Percent(20)) plan.heartbeats = rng_.Between(1, 5);
    plan.stops = rng_.Percent(70);
    return plan;
  }

  model::Rng& rng_;
  int64_t left_;
  // How often what grows now will run, for the loops around it.
  int64_t repeats_ = 1;
};

// ---- running ----

struct State {
  int64_t done = 0;
};

Co<int64_t> Evaluate(Context& ctx, const Node& node, State& state);

TaskOptions OptionsOf(const Node& node) {
  TaskOptions options;
  options.Retry(RetryPolicy()
                    .InitialInterval(milliseconds(100))
                    .MaxInterval(milliseconds(5'000))
                    .MaxAttempts(static_cast<int>(node.b)));
  if (node.a > 0) options.StartToClose(milliseconds(node.a));
  if (node.plan.heartbeats > 0) options.Heartbeat(milliseconds(30'000));
  if (node.plan.value % 16 == 3) options.ScheduleToClose(milliseconds(20'000));
  if (node.plan.value % 16 == 5) options.ScheduleToStart(milliseconds(3'000));
  if (node.plan.value % 3 == 1) options.OnCancel(OnCancel::kWait);
  if (node.plan.value % 3 == 2) options.OnCancel(OnCancel::kAbandon);
  return options;
}

Pending<int64_t> BeginStep(Context& ctx, const Node& node) {
  StepOptions options;
  options.Retry(RetryPolicy().InitialInterval(milliseconds(50)).MaxAttempts(static_cast<int>(node.b)));
  return ctx.Step("sim_step", options,
                  [value = node.plan.value, left = node.plan.failures]() mutable -> int64_t {
                    if (left-- > 0) throw ApplicationError("SimStep", "not yet");
                    return Mix(value, 11);
                  });
}

Co<int64_t> WaitForSignal(Context& ctx, const Node& node) {
  if (node.a == 0) co_return co_await ctx.WaitSignal<int64_t>(SignalName(node.b));
  const auto got =
      co_await Try(WithTimeout(ctx.WaitSignal<int64_t>(SignalName(node.b)), milliseconds(node.a)));
  co_return got ? *got : -1;
}

std::vector<Co<int64_t>> Parts(Context& ctx, const Node& node, State& state) {
  std::vector<Co<int64_t>> parts;
  for (const Node& part : node.parts) parts.push_back(Evaluate(ctx, part, state));
  return parts;
}

int64_t Fold(const Result<int64_t>& result) {
  return result ? *result : Mix(static_cast<int64_t>(result.error().kind), 13);
}

Co<int64_t> InParts(Context& ctx, const Node& node, State& state) {
  int64_t sum = static_cast<int64_t>(node.parts.size());
  if (node.op == "seq") {
    for (const Node& part : node.parts) sum = Mix(sum, co_await Evaluate(ctx, part, state));
  } else if (node.op == "loop") {
    for (int64_t i = 0; i < node.a; ++i) sum = Mix(sum, co_await Evaluate(ctx, node.parts[0], state));
  } else if (node.op == "all") {
    for (const int64_t value : co_await All(Parts(ctx, node, state))) sum = Mix(sum, value);
  } else if (node.op == "settled") {
    for (const auto& result : co_await AllSettled(Parts(ctx, node, state))) sum = Mix(sum, Fold(result));
  } else if (node.op == "any") {
    const auto first = co_await Any(Parts(ctx, node, state));
    sum = Mix(static_cast<int64_t>(first.index), first.value);
  } else if (node.op == "until") {
    // The parts go on by themselves; whoever waits sees how far they are.
    const int64_t before = state.done;
    for (const Node& part : node.parts) {
      ctx.Spawn([](Context& context, const Node& one, State& shared) -> Co<> {
           const auto ended = co_await Try(Evaluate(context, one, shared));
           ++shared.done;
           (void)ended;
         }(ctx, part, state))
          .Detach();
    }
    const auto wanted = before + static_cast<int64_t>(node.parts.size());
    co_await ctx.WaitUntil([&state, wanted] { return state.done >= wanted; });
  }
  co_return sum;
}

Co<int64_t> InScope(Context& ctx, const Node& node, State& state) {
  if (node.op == "timeout")
    co_return co_await WithTimeout(Evaluate(ctx, node.parts[0], state), milliseconds(node.a));
  if (node.op == "try") co_return Fold(co_await Try(Evaluate(ctx, node.parts[0], state)));
  if (node.op == "shield") co_return co_await ctx.Shield(Evaluate(ctx, node.parts[0], state));
  if (node.op == "spawn") {
    Pending<int64_t> other = ctx.Spawn(Evaluate(ctx, node.parts[0], state));
    const int64_t mine = co_await Evaluate(ctx, node.parts[1], state);
    if (node.a != 0) {
      other.Detach();
      co_return mine;
    }
    co_return Mix(mine, co_await std::move(other));
  }
  CancelScope scope(ctx);
  Pending<int64_t> work =
      scope.Run([&]() -> Co<int64_t> { co_return co_await Evaluate(ctx, node.parts[0], state); });
  co_await ctx.Sleep(milliseconds(node.a), "before cancel");
  scope.Cancel("the scope's time is over");
  co_return Fold(co_await Try(std::move(work)));
}

Co<int64_t> Evaluate(Context& ctx, const Node& node, State& state) {
  if (node.op == "task") co_return co_await ctx.Run(kTask, OptionsOf(node), node.plan);
  if (node.op == "step") co_return co_await BeginStep(ctx, node);
  if (node.op == "sleep") {
    co_await ctx.Sleep(milliseconds(node.a));
    co_return node.a;
  }
  if (node.op == "signal") co_return co_await WaitForSignal(ctx, node);
  if (node.op == "take") co_return ctx.TryTakeSignal<int64_t>(SignalName(node.b)).value_or(-2);
  if (node.op == "random") {
    const int64_t now = ctx.Now().time_since_epoch() / milliseconds(1);
    const auto uuid = static_cast<int64_t>(ctx.Uuid()[3]);
    co_return Mix(Mix(static_cast<int64_t>(ctx.Random()()), now), uuid);
  }
  if (node.op == "throw") {
    if (node.a == 0) ctx.ThrowIfCancelled();
    throw ApplicationError("SimError", absl::StrCat("thrown by the program: ", node.a));
  }
  const bool several = node.op == "seq" || node.op == "loop" || node.op == "all" || node.op == "settled" ||
                       node.op == "any" || node.op == "until";
  co_return several ? co_await InParts(ctx, node, state) : co_await InScope(ctx, node, state);
}

Co<std::string> RunProgram(Context& ctx, Node program) {
  State state;
  co_return std::to_string(co_await Evaluate(ctx, program, state));
}

}  // namespace

std::string SignalName(int64_t number) { return absl::StrCat("signal-", number); }

int64_t ResultOf(const TaskPlan& plan) { return Mix(plan.value, 7); }

Node RandomProgram(model::Rng& rng) { return Grower(rng).Grow(0); }

void Host(Registry& registry) {
  registry.AddWorkflow(kProgram.Name(), detail::EraseWorkflow(kProgram, RunProgram));
}

}  // namespace perdure::sim
