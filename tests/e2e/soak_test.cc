// Load for as long as one likes, while workers and the server are killed, stopped and started again: every
// result is right, and memory, descriptors and disk stay within bounds.
//
//   PERDURE_SOAK_SECONDS=1800 build/release/tests/e2e_soak_test
#include <gtest/gtest.h>
#include <perdure/client.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/process.h"
#include "tests/e2e/workflows.h"

namespace perdure::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr int kClients = 64;
constexpr milliseconds kRetention{20'000};
constexpr seconds kPatience{180};
constexpr double kMiB = 1 << 20;
// What the server is given, and then as much again for what is no cache.
constexpr double kServerMibMax = 300;
constexpr double kWorkerMibMax = 300;
constexpr int64_t kDescriptorsMax = 300;
constexpr double kDiskMibMax = 600;
// From a quarter of the time on, memory may grow by no more than this.
constexpr double kGrowthMibMax = 48;

int Seconds() {
  const char* given = std::getenv("PERDURE_SOAK_SECONDS");
  return given != nullptr ? std::atoi(given) : 15;
}

struct Sample {
  double second = 0;
  int64_t runs = 0;
  double server_mib = 0;
  double worker_mib = 0;
  int64_t server_descriptors = 0;
  int64_t worker_descriptors = 0;
  double disk_mib = 0;
};

double MostOf(const std::vector<Sample>& samples, double Sample::* figure, double from, double to) {
  double most = 0;
  for (const Sample& s : samples) {
    if (s.second >= from && s.second <= to) most = std::max(most, s.*figure);
  }
  return most;
}

double MibOf(const std::string& directory) {
  double bytes = 0;
  std::error_code gone;
  for (const auto& file : std::filesystem::directory_iterator(directory, gone)) {
    const auto size = file.file_size(gone);
    if (!gone) bytes += static_cast<double>(size);
  }
  return bytes / kMiB;
}

class SoakTest : public testing::Test {
 protected:
  SoakTest() : seed_(std::random_device()()), random_(seed_) {
    std::printf("seed %u\n", seed_);
    for (int i = 0; i < 2; ++i) workers_.push_back(StartWorker());
  }

  std::unique_ptr<Process> StartWorker() {
    return std::make_unique<Process>(
        std::vector<std::string>{Program("perdure-e2e-worker"), "--address", server_.address()},
        dir_.File("worker.log"));
  }
  double SecondsSinceStart() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  // One run after the other, each with the result it must have.
  void Load(int number) {
    Client client(ClientOptions().Address(server_.address()).TaskQueue(kTaskQueue).Deadline(kPatience));
    std::mt19937 random(seed_ + static_cast<unsigned>(number) + 1);
    for (int i = 0; !stop_; ++i) {
      const StartOptions options = StartOptions()
                                       .WorkflowId("soak-" + std::to_string(number) + "-" + std::to_string(i))
                                       .Retention(kRetention);
      try {
        RunOne(client, options, random);
      } catch (const std::exception& e) {
        ADD_FAILURE() << "run " << i << " of client " << number << ": " << e.what();
        return;
      }
      ++runs_;
    }
  }
  static void RunOne(Client& client, const StartOptions& options, std::mt19937& random) {
    const unsigned what = random() % 100;
    if (what < 70) {
      const std::int64_t n = 1 + random() % 40;
      EXPECT_EQ(client.Start(FanOut, options, n).Result(kPatience), n * (n + 1) * (2 * n + 1) / 6);
    } else if (what < 80) {
      client.Start(Sleeper, options, static_cast<std::int64_t>(random() % 3'000)).Result(kPatience);
    } else {
      const auto run = client.Start(Upgraded, options, "one");
      client.GetHandle(Upgraded, run.WorkflowId()).Signal(Go, "two");
      EXPECT_EQ(run.Result(kPatience), "one two");
    }
  }

  // The server less often than workers: what grows needs time to show.
  void OneFault() {
    if (SecondsSinceStart() - last_server_fault_ > Seconds() / 10.0) {
      last_server_fault_ = SecondsSinceStart();
      const unsigned what = random_() % 10;
      if (what < 5) return server_.Restart();
      if (what < 7) {
        EXPECT_EQ(server_.Terminate(), 0);
        return server_.Start();
      }
      return Pause(server_.process(), milliseconds(500 + random_() % 2'000));
    }
    std::unique_ptr<Process>& worker = workers_[random_() % workers_.size()];
    // Longer than a lost worker's grace, at times: its work goes to another, and its answers come too late.
    if (random_() % 3 == 0) return Pause(*worker, milliseconds(500 + random_() % 5'000));
    worker->Kill();
    worker = StartWorker();
  }
  static void Pause(Process& process, milliseconds time) {
    process.Stop();
    std::this_thread::sleep_for(time);
    process.Continue();
  }

  void TakeSample() {
    Sample s;
    s.second = SecondsSinceStart();
    s.runs = runs_;
    s.server_mib = static_cast<double>(server_.process().RssBytes()) / kMiB;
    s.server_descriptors = server_.process().Descriptors();
    for (const auto& worker : workers_) {
      s.worker_mib = std::max(s.worker_mib, static_cast<double>(worker->RssBytes()) / kMiB);
      s.worker_descriptors = std::max(s.worker_descriptors, worker->Descriptors());
    }
    s.disk_mib = MibOf(dir_.File("data"));
    samples_.push_back(s);
    if (samples_.size() == 1 || s.second - printed_ >= Seconds() / 30.0) {
      printed_ = s.second;
      std::printf(
          "%6.0f s  %8lld runs  server %4.0f MiB %3lld files  worker %4.0f MiB %3lld files  disk %4.0f MiB\n",
          s.second, static_cast<long long>(s.runs), s.server_mib,
          static_cast<long long>(s.server_descriptors), s.worker_mib,
          static_cast<long long>(s.worker_descriptors), s.disk_mib);
      std::fflush(stdout);
    }
  }

  const unsigned seed_;
  std::mt19937 random_;
  TempDir dir_;
  Server server_{dir_,
                 {"--reconnect-grace-ms", "2s", "--memory-budget-bytes", "64MiB", "--run-cache-bytes-max",
                  "16MiB", "--retention-sweep-interval-ms", "1s"}};
  const Clock::time_point start_ = Clock::now();
  double last_server_fault_ = 0;
  double printed_ = 0;
  std::vector<std::unique_ptr<Process>> workers_;
  std::vector<Sample> samples_;
  std::atomic<int64_t> runs_{0};
  std::atomic<bool> stop_{false};
};

TEST_F(SoakTest, StaysRightAndWithinBounds) {
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back([this, i] { Load(i); });
  int faults = 0;
  double next_fault = 2;
  while (SecondsSinceStart() < Seconds() && !HasFailure()) {
    std::this_thread::sleep_for(milliseconds(500));
    TakeSample();
    if (SecondsSinceStart() < next_fault) continue;
    OneFault();
    ++faults;
    next_fault = SecondsSinceStart() + 1 + random_() % 6;
  }
  stop_ = true;
  for (std::thread& client : clients) client.join();
  TakeSample();
  std::printf("%lld runs, %d faults\n", static_cast<long long>(runs_), faults);

  const double end = samples_.back().second;
  for (const Sample& s : samples_) {
    EXPECT_LE(s.server_descriptors, kDescriptorsMax) << "at " << s.second << " s";
    EXPECT_LE(s.worker_descriptors, kDescriptorsMax) << "at " << s.second << " s";
  }
  EXPECT_LE(MostOf(samples_, &Sample::server_mib, 0, end), kServerMibMax);
  EXPECT_LE(MostOf(samples_, &Sample::worker_mib, 0, end), kWorkerMibMax);
  EXPECT_LE(MostOf(samples_, &Sample::disk_mib, 0, end), kDiskMibMax);
  EXPECT_LE(MostOf(samples_, &Sample::server_mib, end * 3 / 4, end),
            MostOf(samples_, &Sample::server_mib, end / 4, end / 2) + kGrowthMibMax);
  EXPECT_LE(MostOf(samples_, &Sample::worker_mib, end * 3 / 4, end),
            MostOf(samples_, &Sample::worker_mib, end / 4, end / 2) + kGrowthMibMax);

  Client client(ClientOptions().Address(server_.address()).Deadline(kPatience));
  EXPECT_EQ(client.Count(ListFilter().Status(RunStatus::kRunning)), 0);
  EXPECT_EQ(client.Count(ListFilter().Status(RunStatus::kFailed)), 0);
  EXPECT_EQ(server_.Terminate(), 0);
  server_.Verify();
}

}  // namespace
}  // namespace perdure::e2e
