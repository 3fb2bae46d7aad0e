// What the starter shows: progress while runs are open, a table and a summary when they are closed.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_REPORT_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_REPORT_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "orders.h"

namespace orders {

// One order and what became of it.
struct Outcome {
  Order order;
  std::string workflow_id;
  // Empty while the run is open; "failed" for a run that did not complete.
  std::string status;
  std::string reason;
};

// How many orders ended how.
std::map<std::string, int> CountByStatus(const std::vector<Outcome>& outcomes);

// On a terminal one line that changes in place, otherwise a line a second.
class Progress {
 public:
  explicit Progress(std::size_t orders);
  void Show(std::size_t started, const std::vector<Outcome>& outcomes);
  // Ends the line.
  void Done();

 private:
  using Clock = std::chrono::steady_clock;

  const std::size_t orders_;
  const bool terminal_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = begun_ - std::chrono::seconds(1);
};

// Order, customer, items, amount, status and reason in columns.
void PrintTable(const std::vector<Outcome>& outcomes);
void PrintSummary(const std::vector<Outcome>& outcomes, double seconds);

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_REPORT_H_
