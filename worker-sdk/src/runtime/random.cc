// xoshiro256** by Blackman and Vigna, seeded through splitmix64.
#include "perdure/random.h"

namespace perdure {
namespace {

std::uint64_t SplitMix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

constexpr std::uint64_t RotateLeft(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

RandomSource::RandomSource(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = SplitMix(seed);
}

std::uint64_t RandomSource::operator()() {
  const std::uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

std::uint64_t RandomSource::Below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // Numbers below `reject` would make the first ones likelier.
  const std::uint64_t reject = (0 - bound) % bound;
  while (true) {
    const std::uint64_t value = (*this)();
    if (value >= reject) return value % bound;
  }
}

std::int64_t RandomSource::Int(std::int64_t low, std::int64_t high) {
  if (high <= low) return low;
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  const std::uint64_t offset = span == 0 ? (*this)() : Below(span);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

double RandomSource::Real() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

}  // namespace perdure
