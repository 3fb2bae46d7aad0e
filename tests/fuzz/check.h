// Check: what must hold, whatever the input. A fuzzer that sees it broken ends the process, so that libFuzzer
// keeps the input.
#ifndef PERDURE_TESTS_FUZZ_CHECK_H_
#define PERDURE_TESTS_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace perdure::fuzz {

// `what` says what is wrong, in parts; they are only put together if it is.
template <typename... What>
void Check(bool holds, const What&... what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", absl::StrCat(what...).c_str());
  std::abort();
}

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_CHECK_H_
