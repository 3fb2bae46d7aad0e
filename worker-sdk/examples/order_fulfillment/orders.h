// Orders, and what is done with them: the contract between the workflow, the workers and whoever starts it.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_ORDERS_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_ORDERS_H_

#include <perdure/task.h>
#include <perdure/workflow.h>

#include <cstdint>
#include <string>
#include <vector>

namespace orders {

// Amounts are in the currency's smallest unit, as payment providers have them.
struct Item {
  std::string sku;
  std::string name;
  int quantity = 0;
  std::int64_t unit_price = 0;
};
PERDURE_JSON(Item, sku, name, quantity, unit_price)

struct Customer {
  std::string name;
  std::string email;
};
PERDURE_JSON(Customer, name, email)

struct Address {
  std::string line1;
  std::string city;
  std::string postal_code;
  // ISO 3166, two letters.
  std::string country;
};
PERDURE_JSON(Address, line1, city, postal_code, country)

struct Payment {
  std::string card_number;
  // "MM/YY".
  std::string expires;
  // ISO 4217, three letters.
  std::string currency;
  std::int64_t amount = 0;
};
PERDURE_JSON(Payment, card_number, expires, currency, amount)

struct Order {
  std::string id;
  // ISO 8601, UTC.
  std::string placed_at;
  Customer customer;
  Address shipping;
  std::vector<Item> items;
  Payment payment;
};
PERDURE_JSON(Order, id, placed_at, customer, shipping, items, payment)

// A cleaned-up order: names trimmed, e-mail in lower case, the card number without blanks, lines with the
// same SKU put together. With problems, the rest is not to be used.
struct ValidatedOrder {
  Order order;
  std::vector<std::string> problems;
};
PERDURE_JSON(ValidatedOrder, order, problems)

struct StockRequest {
  std::string order_id;
  std::vector<Item> items;
};
PERDURE_JSON(StockRequest, order_id, items)

struct Reservation {
  std::string id;
  std::string order_id;
  std::string warehouse;
  int units = 0;
};
PERDURE_JSON(Reservation, id, order_id, warehouse, units)

struct Charge {
  std::string order_id;
  Payment payment;
};
PERDURE_JSON(Charge, order_id, payment)

struct Receipt {
  std::string transaction_id;
  std::string order_id;
  std::string card_brand;
  std::string card_last4;
  std::string currency;
  std::int64_t amount = 0;
};
PERDURE_JSON(Receipt, transaction_id, order_id, card_brand, card_last4, currency, amount)

struct Shipment {
  std::string order_id;
  Customer customer;
  Address shipping;
  Reservation reservation;
  Receipt receipt;
};
PERDURE_JSON(Shipment, order_id, customer, shipping, reservation, receipt)

struct Fulfilment {
  std::string order_id;
  // "fulfilled", "rejected", "unavailable", "declined".
  std::string status;
  // Why it was not fulfilled.
  std::string reason;
  std::string tracking_id;
  std::string transaction_id;
  std::string reservation_id;
};
PERDURE_JSON(Fulfilment, order_id, status, reason, tracking_id, transaction_id, reservation_id)

inline constexpr perdure::Task<ValidatedOrder(Order)> ValidateOrder{"validate_order"};
// Fails with "OutOfStock".
inline constexpr perdure::Task<Reservation(StockRequest)> ReserveInventory{"reserve_inventory"};
// Fails with "CardDeclined".
inline constexpr perdure::Task<Receipt(Charge)> ProcessPayment{"process_payment"};
// Hands the parcel over; yields the tracking number.
inline constexpr perdure::Task<std::string(Shipment)> FinalizeOrder{"finalize_order"};

// These take an order's id and undo what the three above did for it. Where nothing was done, they do nothing.
inline constexpr perdure::Task<void(std::string)> ReleaseInventory{"release_inventory"};
inline constexpr perdure::Task<void(std::string)> RefundPayment{"refund_payment"};
inline constexpr perdure::Task<void(std::string)> RecallParcel{"recall_parcel"};

inline constexpr perdure::Workflow<Fulfilment(Order)> OrderFulfillment{"order_fulfillment"};

// Where workers and clients meet that name no queue.
inline constexpr char kTaskQueue[] = "default";

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_ORDERS_H_
