// Chance for the model tests: small, fast, and the same everywhere for the same seed.
#ifndef PERDURE_TESTS_MODEL_RANDOM_H_
#define PERDURE_TESTS_MODEL_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace perdure::model {

class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  // SplitMix64.
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // From 0 to n - 1.
  int64_t Below(int64_t n) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(n)); }
  // From a to b, both included.
  int64_t Between(int64_t a, int64_t b) { return a + Below(b - a + 1); }
  bool Percent(int64_t p) { return Below(100) < p; }

  // An element of a container that is not empty.
  template <typename Container>
  auto& Pick(Container& c) {
    auto it = c.begin();
    for (int64_t i = Below(static_cast<int64_t>(c.size())); i > 0; --i) ++it;
    return *it;
  }

 private:
  uint64_t state_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_RANDOM_H_
