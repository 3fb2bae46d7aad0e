#include "tests/bench/server.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/bench/proc.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kStartTimeout{120};
constexpr std::chrono::duration<double> kStopTimeout{60};
constexpr std::chrono::duration<double> kPollInterval{0.001};
constexpr size_t kLogTailBytes = 2'000;

}  // namespace

Server::Server(std::string directory, std::vector<std::string> daemon_args)
    : directory_(std::move(directory)),
      daemon_args_(std::move(daemon_args)),
      address_("127.0.0.1:0"),
      http_address_("127.0.0.1:0") {}

Server Server::Running(std::string address, std::string http_address) {
  Server server;
  server.address_ = std::move(address);
  server.http_address_ = std::move(http_address);
  return server;
}

double Server::Start() {
  const std::string ready = directory_ + "/daemon.ready";
  unlink(ready.c_str());
  std::vector<std::string> argv = {SiblingPath("perdured"), "--data-dir=" + directory_ + "/data",
                                   "--listen=" + address_, "--http-listen=" + http_address_,
                                   "--ready-file=" + ready};
  argv.insert(argv.end(), daemon_args_.begin(), daemon_args_.end());
  if (!std::filesystem::exists(argv[0])) throw BenchError("there is no " + argv[0] + ": build perdured");
  const Clock::time_point begin = Clock::now();
  daemon_ = std::make_unique<Child>(argv, directory_ + "/daemon.log");
  const bool settled = WaitUntil([&] { return access(ready.c_str(), R_OK) == 0 || !daemon_->Running(); },
                                 kStartTimeout, kPollInterval);
  const double took_ms = SecondsSince(begin) * 1e3;
  if (!settled) throw BenchError("perdured is not ready after two minutes" + LogTail());
  CheckAlive();
  ReadReadyFile();
  return took_ms;
}

void Server::ReadReadyFile() {
  const auto ready = nlohmann::json::parse(ReadFile(directory_ + "/daemon.ready"), nullptr, false);
  if (!ready.is_object() || !ready.contains("listen") || !ready.contains("http_listen")) {
    throw BenchError("perdured wrote a ready file that does not name its addresses");
  }
  address_ = ready["listen"].get<std::string>();
  http_address_ = ready["http_listen"].get<std::string>();
}

double Server::Stop() {
  CheckAlive();
  const Clock::time_point begin = Clock::now();
  daemon_->Signal(SIGTERM);
  if (!daemon_->WaitExit(kStopTimeout)) throw BenchError("perdured did not stop within a minute" + LogTail());
  return SecondsSince(begin) * 1e3;
}

void Server::Kill() {
  CheckAlive();
  daemon_->Kill();
}

void Server::CheckAlive() {
  if (daemon_ == nullptr || daemon_->Running()) return;
  throw BenchError("perdured ended by itself" + LogTail());
}

ServerUsage Server::Usage() {
  CheckAlive();
  ServerUsage usage;
  if (!http_address_.empty()) usage.metrics = Scrape(http_address_);
  if (daemon_ != nullptr) {
    usage.cpu_s = CpuSeconds(daemon_->pid());
  } else if (usage.metrics) {
    usage.cpu_s = usage.metrics->Sum("process_cpu_seconds_total");
  }
  return usage;
}

std::optional<double> Server::MemoryMib(std::string_view field) const {
  if (daemon_ == nullptr) return std::nullopt;
  return StatusMib(daemon_->pid(), field);
}

double Server::TableBytes() const {
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/data")) {
    std::error_code gone;
    const auto size = entry.path().extension() == ".sst" ? entry.file_size(gone) : 0;
    if (!gone) bytes += static_cast<double>(size);
  }
  return bytes;
}

std::string Server::LogTail() const {
  const std::string log = ReadFile(directory_ + "/daemon.log");
  return ". Its log ends:\n" + log.substr(log.size() - std::min(log.size(), kLogTailBytes));
}

}  // namespace perdure::bench
