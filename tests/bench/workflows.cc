#include "tests/bench/workflows.h"

#include <perdure/combine.h>

#include <vector>

namespace perdure::bench {

Co<int> Noop(Context&, int value) { co_return value; }

Co<int> Chain(Context& ctx, int length) {
  int sum = 0;
  for (int i = 0; i < length; ++i) sum = co_await ctx.Run(kAddOne, sum);
  co_return sum;
}

Co<int> Steps(Context& ctx, int length) {
  int sum = 0;
  for (int i = 0; i < length; ++i) {
    sum = co_await ctx.Step("add_one", [](int value) { return value + 1; }, sum);
  }
  co_return sum;
}

Co<int> Fanout(Context& ctx, int width) {
  std::vector<Pending<int>> parts;
  for (int i = 0; i < width; ++i) parts.push_back(ctx.Run(kAddOne, 0));
  const std::vector<int> done = co_await All(std::move(parts));
  int sum = 0;
  for (const int one : done) sum += one;
  co_return sum;
}

Co<int> AwaitSignal(Context& ctx, int) { co_return co_await ctx.WaitSignal(kWake); }

Co<> Sleep(Context& ctx, std::int64_t milliseconds) { co_await ctx.Sleep(Milliseconds(milliseconds)); }

}  // namespace perdure::bench
