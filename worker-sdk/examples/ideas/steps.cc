// Steps: short functions that run inside the workflow's own worker. Once a step's result is on record, the
// step never runs again. Here the worker is replaced in the middle: the new one replays the workflow, but no
// step.
//
//   perdure-example-steps --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

inline constexpr perdure::Workflow<std::string(std::string)> Publish{"publish"};
inline constexpr perdure::Signal<> GoAhead{"go_ahead"};

std::atomic<int> steps_run = 0;

std::string Shouted(std::string text) {
  std::printf("step %d of this process: shouting\n", ++steps_run);
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string Framed(const std::string& text) {
  std::printf("step %d of this process: framing\n", ++steps_run);
  return "* " + text + " *";
}

perdure::Co<std::string> PublishText(perdure::Context& ctx, std::string text) {
  const std::string loud = co_await ctx.Step("shout", Shouted, text);
  // Random, the time and ids come from the context: they are the same when the workflow is replayed.
  const std::string edition = ctx.Uuid();
  co_await ctx.WaitSignal(GoAhead);
  const std::string framed = co_await ctx.Step("frame", Framed, loud);
  co_return framed + (edition.size() == 36 ? "" : "?");
}

std::unique_ptr<perdure::Worker> StartWorker(const std::string& address) {
  auto worker =
      std::make_unique<perdure::Worker>(perdure::WorkerOptions().Address(address).TaskQueue("press"));
  worker->Host(Publish, PublishText);
  worker->Start();
  return worker;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  auto worker = StartWorker(address);
  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("press"));
  auto run = client.Start(Publish, "hello");
  // Until the first step is on record: the run was started, got as far as the step, and has its result.
  while (run.Describe().summary.history_events < 3) std::this_thread::sleep_for(10ms);

  std::printf("the worker goes, another one comes\n");
  worker->Stop();
  worker = StartWorker(address);
  run.Signal(GoAhead);

  const std::string text = run.Result();
  std::printf("%s, after %d steps\n", text.c_str(), steps_run.load());
  return text == "* HELLO *" && steps_run == 2 ? 0 : 1;
}
