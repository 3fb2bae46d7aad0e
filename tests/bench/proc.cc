#include "tests/bench/proc.h"

#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <vector>

namespace perdure::bench {
namespace {

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = text.find_first_not_of(" \t\n", at)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(" \t\n", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<int64_t> Int(std::string_view word) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> ParseCpuTicks(std::string_view stat) {
  // The command may hold spaces and parentheses; the fields behind it begin with number 3 of proc(5).
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string_view> words = Words(stat.substr(name_end + 1));
  if (words.size() < 13) return std::nullopt;
  const std::optional<int64_t> user = Int(words[11]);
  const std::optional<int64_t> system = Int(words[12]);
  if (!user || !system) return std::nullopt;
  return *user + *system;
}

std::optional<int64_t> ParseStatusKib(std::string_view status, std::string_view field) {
  const std::vector<std::string_view> words = Words(status);
  const std::string label = std::string(field) + ":";
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    if (words[i] == label && words[i + 2] == "kB") return Int(words[i + 1]);
  }
  return std::nullopt;
}

std::optional<HostCpu> ParseHostCpu(std::string_view stat) {
  const std::vector<std::string_view> words = Words(stat.substr(0, stat.find('\n')));
  if (words.size() < 9 || words[0] != "cpu") return std::nullopt;
  HostCpu cpu;
  // user nice system idle iowait irq softirq steal; guest time is part of user time.
  for (size_t i = 1; i <= 8; ++i) {
    const std::optional<int64_t> ticks = Int(words[i]);
    if (!ticks) return std::nullopt;
    cpu.total += *ticks;
    if (i == 4 || i == 5) cpu.idle += *ticks;
    if (i == 8) cpu.steal = *ticks;
  }
  return cpu;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

std::optional<double> CpuSeconds(pid_t pid) {
  const auto ticks = ParseCpuTicks(ReadFile("/proc/" + std::to_string(pid) + "/stat"));
  if (!ticks) return std::nullopt;
  return static_cast<double>(*ticks) / TicksPerSecond();
}

std::optional<double> StatusMib(pid_t pid, std::string_view field) {
  const auto kib = ParseStatusKib(ReadFile("/proc/" + std::to_string(pid) + "/status"), field);
  if (!kib) return std::nullopt;
  return static_cast<double>(*kib) / 1024;
}

std::optional<HostCpu> ReadHostCpu() { return ParseHostCpu(ReadFile("/proc/stat")); }

}  // namespace perdure::bench
