// Seeds: the inputs that a fuzzer begins with. Each fuzzer says its own; `FUZZER --seeds FOLDER` writes them.
#ifndef PERDURE_TESTS_FUZZ_SEEDS_H_
#define PERDURE_TESTS_FUZZ_SEEDS_H_

#include <string>
#include <vector>

namespace perdure::fuzz {

struct Seed {
  // Of its file, behind "seed-".
  std::string name;
  std::string bytes;
};

// Defined by each fuzzer.
std::vector<Seed> Seeds();

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_SEEDS_H_
