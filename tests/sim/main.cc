// perdure-sim: simulates the whole of Perdure from seeds, with faults, and checks what must be true.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "server/base/log.h"
#include "tests/sim/simulation.h"

namespace perdure::sim {
namespace {

// A long search says now and then how far it is.
constexpr double kSignEverySeconds = 60;

void Print(int64_t seeds, const Counts& s, double seconds) {
  std::printf("%" PRId64 " seeds, %" PRId64 " runs, %" PRId64 " events of history, %" PRId64
              " steps; %.1f simulated hours in %.1f s (%.1f seeds/s)\n",
              seeds, s.runs, s.events, s.steps, static_cast<double>(s.simulated_ms) / 3'600'000, seconds,
              static_cast<double>(seeds) / seconds);
  std::printf("%" PRId64 " deaths of the server, %" PRId64 " of workers, %" PRId64 " lost streams, %" PRId64
              " stale answers, %" PRId64 " replays\n",
              s.server_deaths, s.worker_deaths, s.lost_streams, s.stale_answers, s.replays);
}

void PrintProblems(const Setup& setup, const Outcome& outcome, const std::string& bug) {
  std::printf("seed %" PRIu64 ": %zu problems\n", setup.seed, outcome.problems.size());
  for (const std::string& problem : outcome.problems) std::printf("  %s\n", problem.c_str());
  std::printf("again, with what happened:\n  perdure-sim --seeds 1 --first-seed %" PRIu64
              " --workflows %" PRId64 "%s%s%s --trace\n",
              setup.seed, setup.workflows, setup.faults ? "" : " --no-faults", bug.empty() ? "" : " --bug ",
              bug.c_str());
}

// How many seeds it takes to find the bug, search after search. False: one search gave up after `most`.
bool Find(Setup setup, int64_t searches, int64_t most, const std::string& bug) {
  int64_t sum = 0;
  for (int64_t search = 1; search <= searches; ++search) {
    int64_t took = 1;
    for (; took <= most && Simulate(setup).problems.empty(); ++took) ++setup.seed;
    if (took > most) {
      std::printf("%s: not found in %" PRId64 " seeds\n", bug.c_str(), most);
      return false;
    }
    sum += took;
    ++setup.seed;
  }
  std::printf("%s: found %" PRId64 " times, after %.1f seeds in the mean\n", bug.c_str(), searches,
              static_cast<double>(sum) / static_cast<double>(searches));
  return true;
}

int Main(int argc, char** argv) {
  CLI::App app("Simulates clients, server and workers from seeds, in virtual time and with faults.");
  Setup setup;
  int64_t seeds = 100;
  std::string bug;
  int64_t searches = 0;
  bool list_bugs = false;
  bool no_faults = false;
  bool hashes = false;
  app.add_option("--seeds", seeds, "how many")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--first-seed", setup.seed, "the first of them")->capture_default_str();
  app.add_option("--workflows", setup.workflows, "runs that clients start in each")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--bug", bug, "with this deliberate bug: the simulation is to find it");
  app.add_option("--find", searches,
                 "search for the bug so often, and print how many of the seeds each search takes")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  app.add_flag("--list-bugs", list_bugs, "print the names of the deliberate bugs, one a line");
  app.add_flag("--no-faults", no_faults, "nothing goes wrong");
  app.add_flag("--trace", setup.trace, "print what happens");
  app.add_flag("--hashes", hashes, "print the hash of what happened in each seed");
  CLI11_PARSE(app, argc, argv);
  if (list_bugs) {
    for (const NamedBug& known : Bugs()) std::printf("%s\n", known.name);
    return 0;
  }
  for (const NamedBug& known : Bugs()) {
    if (bug == known.name) setup.bug = known.bug;
  }
  if (!bug.empty() && setup.bug == base::Bug::kNone) {
    std::fprintf(stderr, "perdure-sim: no deliberate bug is called '%s'; --list-bugs lists them\n",
                 bug.c_str());
    return 2;
  }
  setup.faults = !no_faults;
  base::SetLogSink([](const base::LogEvent&) {});
  if (searches > 0) {
    if (setup.bug == base::Bug::kNone) {
      std::fprintf(stderr, "perdure-sim: --find needs --bug\n");
      return 2;
    }
    return Find(setup, searches, seeds, bug) ? 0 : 1;
  }
  Counts sums;
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  double next_sign_s = kSignEverySeconds;
  const uint64_t first = setup.seed;
  for (int64_t n = 0; n < seeds; ++n) {
    setup.seed = first + static_cast<uint64_t>(n);
    const Outcome outcome = Simulate(setup);
    sums += outcome.counts;
    if (hashes) std::printf("seed %" PRIu64 " %016" PRIx64 "\n", setup.seed, outcome.hash);
    if (outcome.problems.empty()) {
      if (seconds() < next_sign_s) continue;
      next_sign_s = seconds() + kSignEverySeconds;
      std::fprintf(stderr, "perdure-sim: %" PRId64 " of %" PRId64 " seeds, no complaint so far\n", n + 1,
                   seeds);
      continue;
    }
    Print(n + 1, sums, seconds());
    PrintProblems(setup, outcome, bug);
    return 1;
  }
  Print(seeds, sums, seconds());
  return 0;
}

}  // namespace
}  // namespace perdure::sim

int main(int argc, char** argv) { return perdure::sim::Main(argc, argv); }
