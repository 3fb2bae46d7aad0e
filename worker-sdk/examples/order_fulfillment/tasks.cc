#include "tasks.h"

#include <perdure/errors.h>

#include <array>
#include <cstdio>

#include "rules.h"

namespace orders {
namespace {

// "RSV-8C2F01D43A": the same for every attempt of the same task, so that a repeated call changes nothing.
std::string Reference(const char* prefix, const perdure::TaskContext& task) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%s-%010llX", prefix,
                static_cast<unsigned long long>(Hash(task.IdempotencyKey()) & 0xffffffffffull));
  return text.data();
}

void MayHiccup(const char* system, const perdure::TaskContext& task, const std::string& order_id) {
  if (const auto problem = Hiccup(system, order_id, task.Attempt())) {
    throw perdure::ApplicationError("Unreachable", *problem);
  }
}

}  // namespace

void Shop::Work(perdure::TaskContext& task) const {
  if (extra_.count() > 0 && task.WaitCancelled(extra_)) task.ThrowIfCancelled();
}

ValidatedOrder Shop::ValidateOrder(perdure::TaskContext& task, const Order& order) const {
  Work(task);
  ValidatedOrder valid = Validate(order);
  ledger_->Record(task, order.id);
  return valid;
}

Reservation Shop::ReserveInventory(perdure::TaskContext& task, const StockRequest& wanted) const {
  Work(task);
  MayHiccup("the warehouse", task, wanted.order_id);
  const StockAnswer stock = CheckStock(wanted.items);
  if (!stock.problem.empty()) throw perdure::NonRetryableError("OutOfStock", stock.problem);
  Reservation reservation{Reference("RSV", task), wanted.order_id, stock.warehouse, 0};
  for (const Item& item : wanted.items) reservation.units += item.quantity;
  ledger_->Record(task, wanted.order_id);
  return reservation;
}

Receipt Shop::ProcessPayment(perdure::TaskContext& task, const Charge& charge) const {
  Work(task);
  MayHiccup("the payment provider", task, charge.order_id);
  const Payment& payment = charge.payment;
  const std::string declined = DeclineReason(payment);
  if (!declined.empty()) throw perdure::NonRetryableError("CardDeclined", declined);
  Receipt receipt;
  receipt.transaction_id = Reference("TXN", task);
  receipt.order_id = charge.order_id;
  receipt.card_brand = CardBrand(payment.card_number);
  receipt.card_last4 = payment.card_number.substr(payment.card_number.size() - 4);
  receipt.currency = payment.currency;
  receipt.amount = payment.amount;
  ledger_->Record(task, charge.order_id);
  return receipt;
}

std::string Shop::FinalizeOrder(perdure::TaskContext& task, const Shipment& shipment) const {
  Work(task);
  MayHiccup("the carrier", task, shipment.order_id);
  const std::string tracking = Reference(shipment.shipping.country.c_str(), task);
  ledger_->Record(task, shipment.order_id);
  return tracking;
}

void Shop::ReleaseInventory(perdure::TaskContext& task, const std::string& order_id) const {
  Work(task);
  ledger_->Record(task, order_id);
}

void Shop::RefundPayment(perdure::TaskContext& task, const std::string& order_id) const {
  Work(task);
  ledger_->Record(task, order_id);
}

void Shop::RecallParcel(perdure::TaskContext& task, const std::string& order_id) const {
  Work(task);
  ledger_->Record(task, order_id);
}

}  // namespace orders
