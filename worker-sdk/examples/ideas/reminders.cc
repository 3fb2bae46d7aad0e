// Timers and timeouts: a bill is paid, or reminded of, or handed to the lawyers. A durable timer costs
// nothing while it runs: it may as well be thirty days as these milliseconds.
//
//   perdure-example-reminders --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace std::chrono_literals;

inline constexpr perdure::Task<void(std::string, int)> Remind{"remind"};
inline constexpr perdure::Workflow<std::string(std::string)> Collect{"collect"};
inline constexpr perdure::Signal<int> Paid{"paid"};

perdure::Co<std::string> CollectBill(perdure::Context& ctx, std::string customer) {
  constexpr auto kPatience = 100ms;
  for (int reminders = 0; reminders < 3; ++reminders) {
    // A signal or a timer, whichever is first. Try: the timeout is an outcome here, not an exception.
    const auto paid = co_await perdure::Try(perdure::WithTimeout(ctx.WaitSignal(Paid), kPatience));
    if (paid) co_return "paid " + std::to_string(*paid);
    co_await ctx.Run(Remind, customer, reminders + 1);
  }
  co_await ctx.Sleep(kPatience, "the last chance");
  co_return "handed to the lawyers";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  perdure::Worker worker(perdure::WorkerOptions().Address(address).TaskQueue("bills"));
  worker.Host(Collect, CollectBill);
  worker.Host(Remind, [](const std::string& customer, int time) {
    std::printf("reminder %d to %s\n", time, customer.c_str());
  });
  worker.Start();

  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("bills"));
  // Started and signalled in one commit.
  auto ann = client.SignalWithStart(Paid, 120, Collect, perdure::StartOptions(), "ann");
  auto bob = client.Start(Collect, "bob");

  const std::string from_ann = ann.Result();
  const std::string from_bob = bob.Result();
  std::printf("ann: %s\nbob: %s\n", from_ann.c_str(), from_bob.c_str());
  return from_ann == "paid 120" && from_bob == "handed to the lawyers" ? 0 : 1;
}
