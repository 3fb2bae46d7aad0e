// Starts a workflow for each order of a file and shows what becomes of them.
//
//   perdure-example-orders worker-sdk/examples/data/orders.jsonl
#include <perdure/client.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <future>
#include <stdexcept>
#include <vector>

#include "orders.h"
#include "report.h"

namespace {

using namespace std::chrono_literals;

struct Flags {
  std::string file;
  std::string address;
  std::string task_queue = orders::kTaskQueue;
  std::string id_prefix = "order-";
  std::size_t limit = 0;
  bool no_table = false;
};

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("file", flags.file, "orders, one JSON object a line")->required()->check(CLI::ExistingFile);
  app.add_option("--address", flags.address, "the server, host:port [PERDURE_ADDRESS, or 127.0.0.1:7480]");
  app.add_option("--task-queue", flags.task_queue, "the queue the workers take from")->capture_default_str();
  app.add_option("--id-prefix", flags.id_prefix, "in front of the order's id, the workflow's id")
      ->capture_default_str();
  app.add_option("--limit", flags.limit, "only so many orders; 0: all of them");
  app.add_flag("--no-table", flags.no_table, "only the summary");
}

std::vector<orders::Outcome> ReadOrders(const Flags& flags) {
  std::ifstream in(flags.file);
  if (!in) throw std::runtime_error("cannot read " + flags.file);
  std::vector<orders::Outcome> outcomes;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    try {
      orders::Outcome outcome;
      outcome.order = perdure::FromPayload<orders::Order>({"json", line, ""});
      if (outcome.order.id.empty()) throw std::runtime_error("the order has no id");
      outcome.workflow_id = flags.id_prefix + outcome.order.id;
      outcomes.push_back(std::move(outcome));
    } catch (const std::exception& error) {
      throw std::runtime_error(flags.file + ":" + std::to_string(number) + ": " + error.what());
    }
    if (outcomes.size() == flags.limit) break;
  }
  return outcomes;
}

// The runs of the orders, in the same order.
class Runs {
 public:
  Runs(perdure::Client& client, const Flags& flags) : client_(client), flags_(flags) {}

  // Starts the next one. A run that is there already, from an earlier call of this program, is used.
  void Start(const orders::Outcome& outcome) {
    const auto options = perdure::StartOptions()
                             .WorkflowId(outcome.workflow_id)
                             .TaskQueue(flags_.task_queue)
                             .Conflict(perdure::IdConflict::kUseExisting);
    starting_.push_back(client_.StartAsync(orders::OrderFulfillment, outcome.order, options));
  }

  // Takes up what has happened meanwhile; waits a little if nothing has. Whether all is done.
  bool Collect(std::vector<orders::Outcome>& outcomes) {
    const std::size_t before = closed_;
    for (std::size_t i = 0; i < starting_.size(); ++i) TakeUp(i, outcomes[i], 0ms);
    if (closed_ == before && first_open_ < starting_.size()) TakeUp(first_open_, outcomes[first_open_], 50ms);
    while (first_open_ < starting_.size() && !outcomes[first_open_].status.empty()) ++first_open_;
    return first_open_ == outcomes.size();
  }

  std::size_t started() const { return started_; }

 private:
  void TakeUp(std::size_t i, orders::Outcome& outcome, std::chrono::milliseconds wait) {
    if (!outcome.status.empty()) return;
    try {
      if (i >= results_.size() || !results_[i].valid()) {
        if (starting_[i].wait_for(wait) != std::future_status::ready) return;
        results_.resize(std::max(results_.size(), i + 1));
        results_[i] = starting_[i].get().ResultAsync();
        ++started_;
      }
      if (results_[i].wait_for(wait) != std::future_status::ready) return;
      const orders::Fulfilment done = results_[i].get();
      outcome.status = done.status;
      outcome.reason = done.reason;
    } catch (const std::exception& error) {
      outcome.status = "failed";
      outcome.reason = error.what();
    }
    ++closed_;
  }

  perdure::Client& client_;
  const Flags& flags_;
  std::vector<std::future<perdure::Handle<orders::Fulfilment>>> starting_;
  std::vector<std::future<orders::Fulfilment>> results_;
  std::size_t started_ = 0;
  std::size_t closed_ = 0;
  std::size_t first_open_ = 0;
};

int Run(const Flags& flags) {
  std::vector<orders::Outcome> outcomes = ReadOrders(flags);
  perdure::ClientOptions options;
  if (!flags.address.empty()) options.Address(flags.address);
  perdure::Client client(options);

  const auto begun = std::chrono::steady_clock::now();
  orders::Progress progress(outcomes.size());
  Runs runs(client, flags);
  for (const orders::Outcome& outcome : outcomes) runs.Start(outcome);
  while (!runs.Collect(outcomes)) progress.Show(runs.started(), outcomes);
  progress.Show(runs.started(), outcomes);
  progress.Done();

  if (!flags.no_table) {
    std::printf("\n");
    orders::PrintTable(outcomes);
    std::printf("\n");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  orders::PrintSummary(outcomes, took.count());
  return orders::CountByStatus(outcomes)["failed"] == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs the workflow order_fulfillment for each order of a file."};
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
