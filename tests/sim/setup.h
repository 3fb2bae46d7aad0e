// What a simulation is asked for, and what came of it.
#ifndef PERDURE_TESTS_SIM_SETUP_H_
#define PERDURE_TESTS_SIM_SETUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/inject.h"
#include "tests/model/random.h"

namespace perdure::sim {

struct Setup {
  uint64_t seed = 1;
  // Runs that clients start; what retries a run comes on top.
  int64_t workflows = 200;
  bool faults = true;
  base::Bug bug = base::Bug::kNone;
  // Print what happens.
  bool trace = false;
};

// How much there was.
struct Counts {
  int64_t steps = 0;
  int64_t simulated_ms = 0;
  int64_t runs = 0;
  int64_t events = 0;
  int64_t server_deaths = 0;
  int64_t worker_deaths = 0;
  int64_t lost_streams = 0;
  int64_t stale_answers = 0;
  int64_t replays = 0;

  Counts& operator+=(const Counts& other) {
    steps += other.steps;
    simulated_ms += other.simulated_ms;
    runs += other.runs;
    events += other.events;
    server_deaths += other.server_deaths;
    worker_deaths += other.worker_deaths;
    lost_streams += other.lost_streams;
    stale_answers += other.stale_answers;
    replays += other.replays;
    return *this;
  }
};

struct Outcome {
  // What the oracle complains of; empty: nothing.
  std::vector<std::string> problems;
  // Of everything that happened, in order.
  uint64_t hash = 0;
  Counts counts;
};

// Which faults a seed has, and how often: each seed draws its own mixture, since what is always there hides
// what is rare. All in chances of ten thousand, of the thing that is named.
struct Faults {
  bool on = false;
  // Of a commit: the process dies before it, after it, in it; the disk is slow, fills.
  int64_t death_at_commit = 0;
  int64_t slow_commit = 0;
  int64_t full_disk = 0;
  // Of a frame, either way: its stream breaks.
  int64_t break_at_frame = 0;
  // Of a step of a worker: it dies.
  int64_t worker_death = 0;
  // Of a call: the request, or the reply, is lost.
  int64_t lost_call = 0;
  // Of a task's answer: a stale one is sent besides.
  int64_t stale_answer = 0;
  // Of a start of the server: its clock is off.
  int64_t clock_jump = 0;
  // The longest that a frame or a call is under way.
  int64_t delay_ms_max = 1;

  static Faults Draw(model::Rng& rng) {
    Faults f;
    f.on = true;
    const auto maybe = [&rng](int64_t least, int64_t most) {
      return rng.Percent(30) ? 0 : rng.Between(least, most);
    };
    f.death_at_commit = maybe(1, 60);
    f.slow_commit = maybe(1, 300);
    f.full_disk = maybe(1, 20);
    f.break_at_frame = maybe(1, 60);
    f.worker_death = maybe(1, 20);
    f.lost_call = maybe(1, 1'500);
    f.stale_answer = maybe(100, 2'000);
    f.clock_jump = maybe(1'000, 5'000);
    f.delay_ms_max = rng.Percent(50) ? rng.Between(1, 5) : rng.Between(5, 400);
    return f;
  }
  bool Hits(int64_t of_ten_thousand, model::Rng& rng) const {
    return on && of_ten_thousand > 0 && rng.Below(10'000) < of_ten_thousand;
  }
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_SETUP_H_
