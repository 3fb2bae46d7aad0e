// What a look at the stored rows found: problems as they come, and counts of everything at the end.
#ifndef PERDURE_SERVER_VERIFY_PROBLEM_H_
#define PERDURE_SERVER_VERIFY_PROBLEM_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "storage/keyspace.h"

namespace perdure::verify {

enum class Severity : uint8_t {
  // Must not be, whatever happened to the server.
  kProblem,
  // Of no use any more, and of no harm: a server that works may leave it.
  kLeftover,
};

// A run, as far as the rows that can be read tell of it.
struct RunName {
  uint32_t partition = 0;
  uint64_t run = 0;  // 0: the problem is of no run
  std::string ns;
  std::string workflow_id;
  std::string run_id;
};

struct Problem {
  Severity severity = Severity::kProblem;
  // The row's key, as it is stored; empty: it is of no row.
  std::string key;
  RunName run;
  // A sentence: "its list row says something else than its history".
  std::string what;
  std::string expected;
  std::string found;
};

// Called for each problem, in no order that means anything.
using Report = std::function<void(const Problem&)>;

struct RowCount {
  int64_t rows = 0;
  int64_t bytes = 0;  // keys and values
};

struct Summary {
  uint32_t partitions = 0;
  int64_t runs_open = 0;
  int64_t runs_closed = 0;
  int64_t runs_unreadable = 0;
  int64_t events = 0;
  // By storage::KeyKind; [0]: rows of no kind that is known.
  std::array<RowCount, 13> kinds{};
  int64_t problems = 0;
  int64_t leftovers = 0;

  RowCount Total() const {
    RowCount total;
    for (const RowCount& kind : kinds) {
      total.rows += kind.rows;
      total.bytes += kind.bytes;
    }
    return total;
  }
};

// Where the checks leave what they find. Not thread-safe.
class Findings {
 public:
  explicit Findings(Report report) : report_(std::move(report)) {}

  void Add(const Problem& problem) {
    ++(problem.severity == Severity::kProblem ? summary.problems : summary.leftovers);
    report_(problem);
  }
  void Count(storage::KeyKind kind, std::string_view key, std::string_view value) {
    Count(static_cast<size_t>(kind), key, value);
  }
  void CountUnknown(std::string_view key, std::string_view value) { Count(size_t{0}, key, value); }

  Summary summary;

 private:
  void Count(size_t kind, std::string_view key, std::string_view value) {
    RowCount& count = summary.kinds.at(kind);
    ++count.rows;
    count.bytes += static_cast<int64_t>(key.size() + value.size());
  }

  const Report report_;
};

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_PROBLEM_H_
