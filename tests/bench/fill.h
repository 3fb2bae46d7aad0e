// What a server holds before it is measured.
#ifndef PERDURE_TESTS_BENCH_FILL_H_
#define PERDURE_TESTS_BENCH_FILL_H_

#include <cstdint>

#include "tests/bench/setup.h"

namespace perdure::bench {

// Runs so many workflows of noop to their end, so that they lie in the store. Throws BenchError.
void FillStore(Setup& setup, int64_t runs);

// Returns when nothing has been committed for so long: checkpoints and evictions are through. At most two
// minutes.
void Settle(Setup& setup, double quiet_seconds);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_FILL_H_
