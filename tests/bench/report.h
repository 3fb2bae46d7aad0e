// Report: what one run of a workload came to, in order; and how several of them are shown.
#ifndef PERDURE_TESTS_BENCH_REPORT_H_
#define PERDURE_TESTS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace perdure::bench {

// Nothing: not known.
using Value = std::variant<std::monostate, double, std::string>;

struct Figure {
  std::string key;
  Value value;
  // Shown behind the point in the table.
  int decimals = 0;
};

class Report {
 public:
  void Add(std::string key, double value, int decimals);
  void Add(std::string key, std::optional<double> value, int decimals);
  void Add(std::string key, std::string text);
  void AddAll(const Report& other);

  const std::vector<Figure>& figures() const { return figures_; }
  // Null: there is none.
  const Figure* Find(std::string_view key) const;

 private:
  std::vector<Figure> figures_;
};

// One JSON object on one line: each key with its median (texts: the first). More than one report: also
// "repeat", and "spread" with [least, most] of each key that varied.
std::string ToJson(const std::vector<Report>& reports);
// The same as aligned text, a line a key.
std::string ToTable(const std::vector<Report>& reports);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_REPORT_H_
