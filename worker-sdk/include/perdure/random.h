// Random numbers for workflow code: the same ones whenever the run is replayed, on every machine.
//
//   int lot = ctx.Random().Int(1, 6);
//   ctx.Random().Shuffle(waiting);   // not std::shuffle, which differs between standard libraries
//
// xoshiro256**, seeded from the run's seed. Thread-safety: belongs to its run's thread.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_RANDOM_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace perdure {

class RandomSource {
 public:
  // A uniform random bit generator, as the standard library understands it.
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  explicit RandomSource(std::uint64_t seed);

  std::uint64_t operator()();
  // From 0 to `bound` - 1; 0 if bound is 0.
  std::uint64_t Below(std::uint64_t bound);
  // From `low` to `high`, both included; `low` if high < low.
  std::int64_t Int(std::int64_t low, std::int64_t high);
  // From 0 (included) to 1 (excluded).
  double Real();
  // True with this probability.
  bool Chance(double probability) { return Real() < probability; }

  template <class Range>
  void Shuffle(Range& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      using std::swap;
      swap(values[i - 1], values[static_cast<std::size_t>(Below(i))]);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_RANDOM_H_
