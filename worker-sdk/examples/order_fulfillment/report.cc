#include "report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace orders {
namespace {

constexpr std::array<const char*, 5> kStatuses{"fulfilled", "rejected", "unavailable", "declined", "failed"};

// In characters, for alignment.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string Amount(const Payment& payment) {
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), "%lld.%02lld %s", static_cast<long long>(payment.amount / 100),
                static_cast<long long>(payment.amount % 100), payment.currency.c_str());
  return text.data();
}

using Row = std::array<std::string, 6>;

Row RowOf(const Outcome& outcome) {
  int units = 0;
  for (const Item& item : outcome.order.items) units += item.quantity;
  return {outcome.order.id,      outcome.order.customer.name,
          std::to_string(units), Amount(outcome.order.payment),
          outcome.status,        outcome.reason};
}

void PrintRow(const Row& row, const std::array<std::size_t, 6>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string pad(widths[i] - Width(row[i]), ' ');
    const bool number = i == 2 || i == 3;
    line += (i == 0 ? "" : "  ") + (number ? pad + row[i] : row[i] + pad);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  std::printf("%s\n", line.c_str());
}

std::string Counts(const std::vector<Outcome>& outcomes) {
  std::map<std::string, int> counts = CountByStatus(outcomes);
  std::string text;
  for (const char* status : kStatuses) {
    if (counts[status] > 0)
      text += (text.empty() ? "" : ", ") + std::to_string(counts[status]) + " " + status;
  }
  return text;
}

}  // namespace

std::map<std::string, int> CountByStatus(const std::vector<Outcome>& outcomes) {
  std::map<std::string, int> counts;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.status.empty()) ++counts[outcome.status];
  }
  return counts;
}

Progress::Progress(std::size_t orders) : orders_(orders), terminal_(isatty(STDOUT_FILENO) == 1) {}

void Progress::Show(std::size_t started, const std::vector<Outcome>& outcomes) {
  const auto now = Clock::now();
  const auto closed = static_cast<std::size_t>(std::count_if(
      outcomes.begin(), outcomes.end(), [](const Outcome& outcome) { return !outcome.status.empty(); }));
  if (!terminal_ && now - shown_ < std::chrono::seconds(1) && closed < orders_) return;
  shown_ = now;
  const std::string counts = Counts(outcomes);
  std::printf("%s%6.1f s  started %zu of %zu, closed %zu%s%s%s", terminal_ ? "\r\033[K" : "",
              std::chrono::duration<double>(now - begun_).count(), started, orders_, closed,
              counts.empty() ? "" : ": ", counts.c_str(), terminal_ ? "" : "\n");
  std::fflush(stdout);
}

void Progress::Done() {
  if (terminal_) std::printf("\n");
}

void PrintTable(const std::vector<Outcome>& outcomes) {
  std::vector<Row> rows{{"ORDER", "CUSTOMER", "ITEMS", "AMOUNT", "STATUS", "REASON"}};
  for (const Outcome& outcome : outcomes) rows.push_back(RowOf(outcome));
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (const Row& row : rows) PrintRow(row, widths);
}

void PrintSummary(const std::vector<Outcome>& outcomes, double seconds) {
  std::printf("%zu orders in %.1f s: %s\n", outcomes.size(), seconds, Counts(outcomes).c_str());
}

}  // namespace orders
