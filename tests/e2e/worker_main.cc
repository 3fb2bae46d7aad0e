// The worker of the end-to-end tests: e2e-worker --address HOST:PORT [--ledger FILE] [--shout]
#include <fcntl.h>
#include <perdure/combine.h>
#include <perdure/worker.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/workflows.h"

namespace perdure::e2e {
namespace {

std::string g_ledger;
bool g_shout = false;

void Record(const std::string& line) {
  if (g_ledger.empty()) return;
  const int fd = open(g_ledger.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const std::string text = line + "\n";
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  close(fd);
}

std::string LongTask(TaskContext& task, std::int64_t ms) {
  Record("begin " + task.IdempotencyKey());
  // The task itself is what takes its time here.
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  Record("end " + task.IdempotencyKey());
  return "done in attempt " + std::to_string(task.Attempt());
}

Co<std::int64_t> SumOfSquares(Context& ctx, std::int64_t n) {
  std::vector<Pending<std::int64_t>> squares;
  for (std::int64_t i = 1; i <= n; ++i) squares.push_back(ctx.Run(Square, i));
  std::int64_t sum = 0;
  for (const std::int64_t square : co_await All(std::move(squares))) sum += square;
  co_return sum;
}

Co<std::string> LongWorkflow(Context& ctx, std::int64_t ms) { co_return co_await ctx.Run(Long, ms); }

Co<void> Sleep(Context& ctx, std::int64_t ms) { co_await ctx.Sleep(std::chrono::milliseconds(ms)); }

Co<std::string> EchoTwice(Context& ctx, std::string text) {
  std::string first;
  if (g_shout) {
    first = co_await ctx.Run(Shout, text);
  } else {
    first = co_await ctx.Run(Echo, text);
  }
  const std::string go = co_await ctx.WaitSignal(Go);
  const std::string second = co_await ctx.Run(Echo, go);
  co_return first + " " + second;
}

int Main(int argc, char** argv) {
  WorkerOptions options;
  options.TaskQueue(kTaskQueue);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--shout") == 0) g_shout = true;
    if (i + 1 >= argc) break;
    if (std::strcmp(argv[i], "--address") == 0) options.Address(argv[i + 1]);
    if (std::strcmp(argv[i], "--ledger") == 0) g_ledger = argv[i + 1];
  }
  Worker worker(options);
  worker.Host(Square, [](std::int64_t n) { return n * n; });
  worker.Host(Long, LongTask);
  worker.Host(Echo, [](std::string text) { return text; });
  worker.Host(Shout, [](std::string text) { return text + "!"; });
  worker.Host(FanOut, SumOfSquares);
  worker.Host(RunLong, LongWorkflow);
  worker.Host(Sleeper, Sleep);
  worker.Host(Upgraded, EchoTwice);
  return worker.Run();
}

}  // namespace
}  // namespace perdure::e2e

int main(int argc, char** argv) { return perdure::e2e::Main(argc, argv); }
