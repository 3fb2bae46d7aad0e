// Coroutine shapes that compilers are known to get wrong, and loops that must not grow the stack.
#include <sys/resource.h>

#include "tests/unit/sdk/runtime/scenario.h"

namespace shapes {

// Counts its copies, so that a double destruction or a lost one shows.
struct Counted {
  static inline std::atomic<int> alive{0};
  std::string text = "a string too long to be stored in place, so that a double free is seen";
  Counted() { ++alive; }
  Counted(const Counted& other) : text(other.text) { ++alive; }
  Counted(Counted&& other) noexcept : text(other.text) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

// An aggregate with a member that is not trivial.
struct Aggregate {
  std::string name;
  Counted counted;
};

}  // namespace shapes

namespace perdure::testing {
namespace {

using shapes::Aggregate;
using shapes::Counted;

inline constexpr Task<std::vector<int>(std::vector<int>)> kEcho{"echo"};
inline constexpr Workflow<std::string()> kWorkflow{"workflow"};

PERDURE_SCENARIO(ShapesTest);

Co<std::string> TakeAggregate(Context& ctx, Aggregate value) {
  co_await ctx.Sleep(1ms);
  co_return value.name + value.counted.text;
}

Co<bool> Yes(Context& ctx) {
  co_await ctx.Sleep(1ms);
  co_return true;
}

Co<int> Ready(int value) { co_return value; }

TEST_P(ShapesTest, DangerousShapesDoWhatTheySay) {
  Counted::alive = 0;
  Host(kWorkflow, [](Context& ctx) -> Co<std::string> {
    // A temporary aggregate inside the co_await expression.
    std::string text = co_await TakeAggregate(ctx, Aggregate{"one ", {}});
    EXPECT_EQ(text, "one " + Counted().text);
    // A by-value capture, awaited at once through a kept lambda.
    const Counted counted;
    text = co_await ctx.Spawn([&ctx, counted]() -> Co<std::string> {
      co_await ctx.Sleep(1ms);
      co_return counted.text;
    });
    EXPECT_EQ(text, counted.text);
    // A ternary with awaits on both sides, and one that makes the argument.
    const bool flag = ctx.Info().attempt == 1;
    text = flag ? co_await TakeAggregate(ctx, Aggregate{"left", {}})
                : co_await TakeAggregate(ctx, {"right", {}});
    EXPECT_EQ(text.substr(0, 4), "left");
    text = co_await TakeAggregate(ctx, flag ? Aggregate{"yes", {}} : Aggregate{"no", {}});
    EXPECT_EQ(text.substr(0, 3), "yes");
    // A braced list inside the expression.
    const std::vector<int> list = co_await ctx.Run(kEcho, {1, 2, 3});
    EXPECT_EQ(list.size(), 3u);
    // Conditions.
    if (co_await Yes(ctx)) text += "if";
    int rounds = 0;
    while (co_await Yes(ctx) && rounds < 3) ++rounds;
    do ++rounds;
    while (co_await Yes(ctx) && rounds < 6);
    switch (co_await Ready(2)) {
      case 2:
        text += "switch";
        break;
      default:
        text += "wrong";
    }
    // Two awaits in one expression, and one in a range.
    const int sum = co_await Ready(1) + co_await Ready(2) * co_await Ready(3);
    for (int value : co_await ctx.Run(kEcho, {4, 5})) rounds += value;
    EXPECT_EQ(sum, 7);
    EXPECT_EQ(rounds, 15);
    co_return text;
  });
  server().Host(kEcho, [](std::vector<int> list) { return list; });
  server().Start(kWorkflow);
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().status(), "completed") << server().failure().Describe();
  server_.reset();
  EXPECT_EQ(Counted::alive.load(), 0);
}

// An address in the frame of the function that calls this one.
std::uintptr_t StackNow() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

TEST(StackTest, AMillionAwaitsThatCompleteAtOnceDoNotGrowTheStack) {
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(),
                       detail::EraseWorkflow(kWorkflow, [](Context& ctx) -> Co<std::string> {
                         auto done = ctx.WaitUntil([] { return true; });
                         std::uintptr_t low = UINTPTR_MAX;
                         std::uintptr_t high = 0;
                         std::int64_t sum = 0;
                         for (int i = 0; i < 1'000'000; ++i) {
                           sum += co_await Ready(1);
                           co_await done;
                           low = std::min(low, StackNow());
                           high = std::max(high, StackNow());
                         }
                         EXPECT_LT(high - low, 4096u);
                         co_return std::to_string(sum);
                       }));
  FakeServer server(registry);
  server.Start(kWorkflow);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), "1000000");
}

Co<int> Deep(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await Deep(depth - 1);
}

TEST(StackTest, DeepRecursionOfCoroutinesReturnsOnAFlatStack) {
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(), detail::EraseWorkflow(kWorkflow, [](Context&) -> Co<std::string> {
                         co_return std::to_string(co_await Deep(100'000));
                       }));
  FakeServer server(registry);
  server.Start(kWorkflow);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), "100000");
}

TEST(StackTest, ManySpawnedCoroutinesTakeTurns) {
  Registry registry;
  registry.AddWorkflow(
      kWorkflow.Name(), detail::EraseWorkflow(kWorkflow, [](Context& ctx) -> Co<std::string> {
        std::string order;
        int total = 0;
        std::vector<Pending<void>> parts;
        for (int i = 0; i < 3; ++i) {
          parts.push_back(ctx.Spawn([&, i]() -> Co<> {
            for (int round = 0; round < 3; ++round) {
              order += std::to_string(i);
              const int before = ++total;
              co_await ctx.WaitUntil([&, before] { return total >= before + 1 || total == 9; });
            }
          }));
        }
        co_await All(std::move(parts));
        co_return order;
      }));
  FakeServer server(registry);
  server.Start(kWorkflow);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow).size(), 9u);
  EXPECT_EQ(server.ResultOf(kWorkflow).substr(0, 3), "012");
}

}  // namespace
}  // namespace perdure::testing
