// A worker that hosts the order workflow and its tasks.
//
//   perdure-example-order-worker
#include <perdure/worker.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>

#include "ledger.h"
#include "tasks.h"
#include "workflow.h"

namespace {

struct Flags {
  std::string address;
  std::string task_queue = orders::kTaskQueue;
  std::string ledger;
  int task_ms = 0;
  int tasks_max = 64;
  bool quiet = false;
};

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--address", flags.address, "the server, host:port [PERDURE_ADDRESS, or 127.0.0.1:7480]");
  app.add_option("--task-queue", flags.task_queue, "take work from this queue")->capture_default_str();
  app.add_option("--max-tasks", flags.tasks_max, "tasks that may run at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--task-ms", flags.task_ms, "let each task take so many milliseconds longer")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ledger", flags.ledger, "append a line to this file for each effect a task had");
  app.add_flag("--quiet", flags.quiet, "log warnings and errors only");
}

int Run(const Flags& flags) {
  const orders::Ledger ledger(flags.ledger);
  const orders::Shop shop(&ledger, std::chrono::milliseconds(flags.task_ms));

  perdure::WorkerOptions options;
  options.TaskQueue(flags.task_queue).MaxConcurrentTasks(flags.tasks_max);
  if (!flags.address.empty()) options.Address(flags.address);
  if (flags.quiet) options.Log(perdure::StderrLogSink(perdure::LogLevel::kWarn));

  perdure::Worker worker(options);
  const auto with_shop = [&shop](auto function) {
    return [&shop, function](perdure::TaskContext& task, const auto& argument) {
      return (shop.*function)(task, argument);
    };
  };
  worker.Host(orders::ValidateOrder, with_shop(&orders::Shop::ValidateOrder));
  worker.Host(orders::ReserveInventory, with_shop(&orders::Shop::ReserveInventory));
  worker.Host(orders::ProcessPayment, with_shop(&orders::Shop::ProcessPayment));
  worker.Host(orders::FinalizeOrder, with_shop(&orders::Shop::FinalizeOrder));
  worker.Host(orders::ReleaseInventory, with_shop(&orders::Shop::ReleaseInventory));
  worker.Host(orders::RefundPayment, with_shop(&orders::Shop::RefundPayment));
  worker.Host(orders::RecallParcel, with_shop(&orders::Shop::RecallParcel));
  worker.Host(orders::OrderFulfillment, orders::Fulfil);
  return worker.Run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Hosts the workflow order_fulfillment and its tasks, until SIGTERM."};
  Flags flags;
  Declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    return Run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
