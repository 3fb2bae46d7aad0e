// Statistics over what was measured.
#ifndef PERDURE_TESTS_BENCH_SAMPLES_H_
#define PERDURE_TESTS_BENCH_SAMPLES_H_

#include <vector>

namespace perdure::bench {

// The value at `fraction` (0 to 1) of the sorted values, nearest rank: Percentile(v, 0.5) of 1, 2, 3, 4 is 2.
// There must be at least one value.
double Percentile(const std::vector<double>& sorted, double fraction);

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};
// The median of an even number of values is the mean of the two in the middle. At least one value.
Spread SpreadOf(std::vector<double> values);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_SAMPLES_H_
