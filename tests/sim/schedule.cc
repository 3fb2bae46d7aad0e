#include "tests/sim/schedule.h"

namespace perdure::sim {
namespace {

constexpr int64_t kStartUnixMs = 1'700'000'000'000;

thread_local const Schedule* g_schedule = nullptr;
thread_local int64_t g_server_ahead_ms = 0;

}  // namespace

void Clocks::Begin(const Schedule* schedule) {
  g_schedule = schedule;
  g_server_ahead_ms = 0;
}

int64_t Clocks::ServerUnixMs() { return kStartUnixMs + g_schedule->now_ms() + g_server_ahead_ms; }

std::chrono::steady_clock::time_point Clocks::Worker() {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds(1'000'000 + g_schedule->now_ms()));
}

void Clocks::SetServerAhead(int64_t ms) { g_server_ahead_ms = ms; }

}  // namespace perdure::sim
