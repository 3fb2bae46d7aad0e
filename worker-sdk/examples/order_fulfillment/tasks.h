// The task functions: how the shop talks to its warehouse, its payment provider and its carrier.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_TASKS_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_TASKS_H_

#include <perdure/task_context.h>

#include <chrono>
#include <string>

#include "ledger.h"
#include "orders.h"

namespace orders {

// Thread-safety: any thread; the ledger must outlive it.
class Shop {
 public:
  // `extra` is added to what each task takes.
  Shop(const Ledger* ledger, std::chrono::milliseconds extra) : ledger_(ledger), extra_(extra) {}

  ValidatedOrder ValidateOrder(perdure::TaskContext& task, const Order& order) const;
  Reservation ReserveInventory(perdure::TaskContext& task, const StockRequest& wanted) const;
  Receipt ProcessPayment(perdure::TaskContext& task, const Charge& charge) const;
  std::string FinalizeOrder(perdure::TaskContext& task, const Shipment& shipment) const;
  // A real shop looks up what it did for the order; this one remembers nothing.
  void ReleaseInventory(perdure::TaskContext& task, const std::string& order_id) const;
  void RefundPayment(perdure::TaskContext& task, const std::string& order_id) const;
  void RecallParcel(perdure::TaskContext& task, const std::string& order_id) const;

 private:
  // Stands for the time that an outside system takes; throws perdure::Cancelled if the task is cancelled.
  void Work(perdure::TaskContext& task) const;

  const Ledger* const ledger_;
  const std::chrono::milliseconds extra_;
};

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_TASKS_H_
