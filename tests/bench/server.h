// Server: what is measured: a daemon of our own, or one that runs already.
#ifndef PERDURE_TESTS_BENCH_SERVER_H_
#define PERDURE_TESTS_BENCH_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/metrics.h"

namespace perdure::bench {

// What the server had spent at one time. Nothing is known of a running server without its HTTP address.
struct ServerUsage {
  std::optional<double> cpu_s;
  std::optional<Metrics> metrics;
};

// For the main thread. Everything throws BenchError, with the end of the daemon's log where that helps.
class Server {
 public:
  // A daemon of our own, not started yet. `directory` must outlive this object; data and logs go there.
  Server(std::string directory, std::vector<std::string> daemon_args);
  // One that runs at these addresses; `http_address` may be empty.
  static Server Running(std::string address, std::string http_address);

  // Starts the daemon; a second time on the ports it had at first. Milliseconds until it is ready.
  double Start();
  // Milliseconds until it has stopped in good order.
  double Stop();
  // SIGKILL.
  void Kill();

  const std::string& address() const { return address_; }
  const std::string& http_address() const { return http_address_; }
  // Throws if the daemon has died.
  void CheckAlive();
  ServerUsage Usage();
  // "VmRSS" or "VmHWM" of our own daemon.
  std::optional<double> MemoryMib(std::string_view field) const;
  // Size of our own daemon's RocksDB tables. Its log is preallocated and recycled, so that only what has
  // reached the tables says what data takes; a restart brings all of it there.
  double TableBytes() const;

 private:
  Server() = default;
  void ReadReadyFile();
  std::string LogTail() const;

  std::string directory_;
  std::vector<std::string> daemon_args_;
  std::string address_;
  std::string http_address_;
  std::unique_ptr<Child> daemon_;
};

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_SERVER_H_
