// Fan-out: many tasks at once, spread over all workers, then their results together, in the order asked for.
//
//   perdure-example-fan-out --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Range {
  int first = 0;
  int last = 0;
};
PERDURE_JSON(Range, first, last)

inline constexpr perdure::Task<int(Range)> CountPrimes{"count_primes"};
inline constexpr perdure::Workflow<int(int)> PrimesBelow{"primes_below"};

perdure::Co<int> CountPrimesBelow(perdure::Context& ctx, int limit) {
  constexpr int kChunk = 500;
  // Run begins a task when it is called, not when it is awaited.
  std::vector<perdure::Pending<int>> chunks;
  for (int first = 2; first < limit; first += kChunk) {
    chunks.push_back(ctx.Run(CountPrimes, {first, std::min(first + kChunk, limit) - 1}));
  }
  int primes = 0;
  for (const int found : co_await perdure::All(std::move(chunks))) primes += found;
  co_return primes;
}

bool IsPrime(int n) {
  for (int d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

int CountIn(Range range) {
  int primes = 0;
  for (int n = range.first; n <= range.last; ++n) primes += IsPrime(n) ? 1 : 0;
  return primes;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  perdure::Worker worker(perdure::WorkerOptions().Address(address).TaskQueue("primes"));
  worker.Host(PrimesBelow, CountPrimesBelow);
  worker.Host(CountPrimes, CountIn);
  worker.Start();

  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("primes"));
  const int primes = client.Start(PrimesBelow, 100'000).Result();
  std::printf("%d primes below 100,000, counted by %lld tasks\n", primes,
              static_cast<long long>(worker.Stats().tasks_completed));
  return primes == 9592 ? 0 : 1;
}
