#include "rules.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace orders {
namespace {

struct StockLine {
  std::string_view sku;
  std::string_view warehouse;
  // What one order may take; 0: sold out.
  int available;
};

constexpr std::array<StockLine, 28> kStock{{
    {"KB-TKL-87", "Rotterdam", 40},   {"KB-FULL-104", "Rotterdam", 25}, {"MS-ERGO-2", "Rotterdam", 60},
    {"MS-TRVL-1", "Rotterdam", 80},   {"HD-4K-27", "Leipzig", 6},       {"HD-UW-34", "Leipzig", 4},
    {"HD-QHD-24", "Leipzig", 8},      {"DK-USBC-9", "Leipzig", 20},     {"DK-TB4-12", "Leipzig", 0},
    {"CB-USBC-2M", "Rotterdam", 200}, {"CB-HDMI-3M", "Rotterdam", 150}, {"CB-ETH-10M", "Rotterdam", 90},
    {"HS-NC-700", "Lyon", 15},        {"HS-OPEN-55", "Lyon", 0},        {"SP-DESK-20", "Lyon", 18},
    {"MC-USB-1", "Lyon", 12},         {"CM-1080-W", "Lyon", 30},        {"CM-4K-PRO", "Lyon", 5},
    {"CH-MESH-5", "Gdansk", 7},       {"CH-KNEE-1", "Gdansk", 3},       {"TB-SIT-140", "Gdansk", 4},
    {"TB-SIT-180", "Gdansk", 0},      {"LM-BAR-50", "Gdansk", 22},      {"AR-MON-2", "Gdansk", 10},
    {"SS-1TB-E", "Rotterdam", 45},    {"SS-4TB-E", "Rotterdam", 8},     {"RT-AX-6", "Leipzig", 14},
    {"UP-900VA", "Leipzig", 9},
}};

const StockLine* FindStock(std::string_view sku) {
  const auto it =
      std::find_if(kStock.begin(), kStock.end(), [&](const auto& line) { return line.sku == sku; });
  return it == kStock.end() ? nullptr : &*it;
}

constexpr int kQuantityMax = 500;
constexpr std::array<std::string_view, 5> kCurrencies{"EUR", "GBP", "USD", "CHF", "PLN"};
constexpr std::array<std::string_view, 14> kCountries{"DE", "FR", "NL", "BE", "AT", "CH", "PL",
                                                      "ES", "IT", "PT", "GB", "IE", "DK", "SE"};

std::string Trimmed(const std::string& text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  auto begin = std::find_if_not(text.begin(), text.end(), blank);
  auto end = std::find_if_not(text.rbegin(), std::make_reverse_iterator(begin), blank).base();
  return std::string(begin, end);
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string DigitsOf(const std::string& text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != ' ' && c != '-'; });
  return digits;
}

// The check digit of card numbers.
bool LuhnHolds(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto it = digits.rbegin(); it != digits.rend(); ++it, twice = !twice) {
    if (*it < '0' || *it > '9') return false;
    const int digit = (*it - '0') * (twice ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return digits.size() >= 12 && digits.size() <= 19 && sum % 10 == 0;
}

bool LooksLikeEmail(std::string_view email) {
  const auto at = email.find('@');
  return at != std::string_view::npos && at > 0 && email.find('.', at + 2) != std::string_view::npos &&
         email.back() != '.' && email.find(' ') == std::string_view::npos &&
         email.find('@', at + 1) == email.npos;
}

std::vector<Item> MergedLines(const std::vector<Item>& items) {
  std::vector<Item> merged;
  for (const Item& item : items) {
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const Item& other) {
      return other.sku == item.sku && other.unit_price == item.unit_price;
    });
    if (same == merged.end()) {
      merged.push_back(item);
    } else {
      same->quantity += item.quantity;
    }
  }
  return merged;
}

void CheckItems(const std::vector<Item>& items, std::vector<std::string>& problems) {
  if (items.empty()) problems.push_back("the order has no items");
  for (const Item& item : items) {
    const std::string line = "item " + (item.sku.empty() ? "'" + item.name + "'" : item.sku);
    if (FindStock(item.sku) == nullptr) problems.push_back(line + ": no such SKU");
    if (item.quantity < 1 || item.quantity > kQuantityMax) {
      problems.push_back(line + ": quantity " + std::to_string(item.quantity) + " is not between 1 and " +
                         std::to_string(kQuantityMax));
    }
    if (item.unit_price <= 0) problems.push_back(line + ": no price");
  }
}

void CheckPayment(const Order& order, std::vector<std::string>& problems) {
  const Payment& payment = order.payment;
  if (std::find(kCurrencies.begin(), kCurrencies.end(), payment.currency) == kCurrencies.end()) {
    problems.push_back("currency '" + payment.currency + "' is not accepted");
  }
  if (!LuhnHolds(payment.card_number)) problems.push_back("the card number is not valid");
  std::int64_t total = 0;
  for (const Item& item : order.items) total += item.quantity * item.unit_price;
  if (total != payment.amount) {
    problems.push_back("the amount " + std::to_string(payment.amount) + " is not the sum of the items, " +
                       std::to_string(total));
  }
  // "MM/YY", compared as YYMM with the month of the order, "20YY-MM-...".
  if (payment.expires.size() != 5 || payment.expires[2] != '/' || order.placed_at.size() < 7) {
    problems.push_back("the card's expiry '" + payment.expires + "' is not MM/YY");
  } else if (payment.expires.substr(3, 2) + payment.expires.substr(0, 2) <
             order.placed_at.substr(2, 2) + order.placed_at.substr(5, 2)) {
    problems.push_back("the card expired in " + payment.expires);
  }
}

void CheckAddress(const Order& order, std::vector<std::string>& problems) {
  if (order.customer.name.empty()) problems.push_back("the customer has no name");
  if (!LooksLikeEmail(order.customer.email)) {
    problems.push_back("'" + order.customer.email + "' is no e-mail address");
  }
  const Address& to = order.shipping;
  if (to.line1.empty() || to.city.empty()) problems.push_back("the shipping address is incomplete");
  if (to.postal_code.empty()) problems.push_back("the postal code is missing");
  if (std::find(kCountries.begin(), kCountries.end(), to.country) == kCountries.end()) {
    problems.push_back("we do not ship to '" + to.country + "'");
  }
}

}  // namespace

ValidatedOrder Validate(Order order) {
  order.customer.name = Trimmed(order.customer.name);
  order.customer.email = Lower(Trimmed(order.customer.email));
  order.shipping.line1 = Trimmed(order.shipping.line1);
  order.shipping.postal_code = Trimmed(order.shipping.postal_code);
  order.payment.card_number = DigitsOf(order.payment.card_number);
  ValidatedOrder valid{std::move(order), {}};
  if (valid.order.id.empty()) valid.problems.push_back("the order has no id");
  CheckItems(valid.order.items, valid.problems);
  CheckAddress(valid.order, valid.problems);
  CheckPayment(valid.order, valid.problems);
  valid.order.items = MergedLines(valid.order.items);
  return valid;
}

StockAnswer CheckStock(const std::vector<Item>& items) {
  StockAnswer answer;
  int most = 0;
  for (const Item& item : items) {
    const StockLine* line = FindStock(item.sku);
    const int available = line == nullptr ? 0 : line->available;
    if (available < item.quantity) {
      answer.problem += (answer.problem.empty() ? "" : "; ") + item.sku + " (" + item.name +
                        "): " + std::to_string(item.quantity) + " ordered, " +
                        (available == 0 ? "sold out" : std::to_string(available) + " in stock");
    } else if (item.quantity > most) {
      // The parcel is packed where most of it lies.
      most = item.quantity;
      answer.warehouse = line->warehouse;
    }
  }
  return answer;
}

std::string DeclineReason(const Payment& payment) {
  // The test numbers that payment providers publish.
  const std::string& number = payment.card_number;
  if (number == "4000000000000002") return "declined by the bank";
  if (number == "4000000000009995") return "insufficient funds";
  if (number == "4000000000009987") return "the card was reported lost";
  if (number == "4000000000009979") return "the card was reported stolen";
  if (number == "4000000000006975") return "too many purchases in a short time";
  if (CardBrand(number) == "American Express" && payment.currency == "PLN") {
    return "this card does not pay in PLN";
  }
  return "";
}

std::string CardBrand(std::string_view card_number) {
  if (card_number.starts_with("4")) return "Visa";
  if (card_number.starts_with("34") || card_number.starts_with("37")) return "American Express";
  if (card_number.starts_with("5") || card_number.starts_with("2")) return "Mastercard";
  return "Discover";
}

std::uint64_t Hash(std::string_view text) {
  // FNV-1a.
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

std::optional<std::string> Hiccup(std::string_view system, std::string_view order_id, int attempt) {
  const std::uint64_t roll = Hash(std::string(system) + "/" + std::string(order_id)) % 100;
  if (attempt == 1 && roll < 9) return std::string(system) + " did not answer in time";
  if (attempt <= 2 && roll < 2) return std::string(system) + " is restarting";
  return std::nullopt;
}

}  // namespace orders
