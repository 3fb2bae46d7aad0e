// What the shop knows: which orders make sense, what is in stock, which cards pay. Pure functions.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_RULES_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orders.h"

namespace orders {

ValidatedOrder Validate(Order order);

// Where the goods are, or why they cannot be had.
struct StockAnswer {
  std::string warehouse;
  std::string problem;
};
StockAnswer CheckStock(const std::vector<Item>& items);

// Why a bank declines the card; empty: it pays.
std::string DeclineReason(const Payment& payment);
// "Visa", "Mastercard", "American Express", "Discover".
std::string CardBrand(std::string_view card_number);

// The same for the same text, on every machine: stands in for everything outside of the program's control.
std::uint64_t Hash(std::string_view text);

// What goes wrong with an outside system at the first attempt for this order, now and then; unset: nothing.
std::optional<std::string> Hiccup(std::string_view system, std::string_view order_id, int attempt);

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_RULES_H_
