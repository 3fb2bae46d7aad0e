// perdure-store-bench [DIRECTORY]: what a commit costs here. First the disk alone, one sync of 4 KiB after
// another in a file that grows, in one whose blocks are reserved, and in one that was written before, which
// is how the store keeps its logs; then commits through the store.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "storage/keyspace.h"
#include "storage/rocks_store.h"

namespace perdure::storage {
namespace {

constexpr int kSyncs = 2000;
constexpr size_t kSyncBytes = 4096;
constexpr double kStoreSeconds = 5;
// As long as the events of a small transition.
constexpr size_t kValueBytes = 250;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds of processor that all threads used.
double Cpu() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void Require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

double Percentile(std::vector<double> samples, double percent) {
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<size_t>(percent / 100 * static_cast<double>(samples.size() - 1))];
}

void PrintLatencies(const char* what, const std::vector<double>& seconds) {
  std::printf("%-28s %8.0f %8.0f %8.0f\n", what, Percentile(seconds, 50) * 1e6, Percentile(seconds, 90) * 1e6,
              Percentile(seconds, 99) * 1e6);
}

// Syncs one file `prepare`d in some way.
void BenchSync(const std::string& dir, const char* what, const std::function<void(int fd)>& prepare) {
  const std::string path = dir + "/sync";
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  Require(fd >= 0, path.c_str());
  prepare(fd);
  const std::string bytes(kSyncBytes, 'x');
  std::vector<double> seconds;
  for (int i = 0; i < kSyncs; ++i) {
    const double begin = Now();
    Require(pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(kSyncBytes) * i) > 0, "pwrite");
    Require(fdatasync(fd) == 0, "fdatasync");
    seconds.push_back(Now() - begin);
  }
  close(fd);
  unlink(path.c_str());
  PrintLatencies(what, seconds);
}

void BenchSyncs(const std::string& dir) {
  std::printf("%-28s %8s %8s %8s\n", "fdatasync of 4 KiB, us", "p50", "p90", "p99");
  BenchSync(dir, "file that grows", [](int) {});
  BenchSync(dir, "blocks reserved", [](int fd) {
    Require(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, kSyncs * static_cast<off_t>(kSyncBytes)) == 0, "fallocate");
  });
  BenchSync(dir, "written before", [](int fd) {
    const std::string zeros(kSyncBytes * kSyncs, '\0');
    Require(pwrite(fd, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()), "pwrite");
    Require(fsync(fd) == 0, "fsync");
  });
}

// Commits that look like the log of many runs which advance in turn.
void BenchCommits(const std::string& dir, int entries) {
  RocksStoreOptions options;
  options.data_dir = dir + "/store";
  absl::StatusOr<std::unique_ptr<Store>> store = RocksStore::Open(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    std::exit(1);
  }
  std::string value(kValueBytes, '\0');
  std::vector<double> seconds;
  uint64_t written = 0;
  const double cpu_begin = Cpu();
  const double begin = Now();
  while (Now() - begin < kStoreSeconds) {
    Batch batch;
    for (int i = 0; i < entries; ++i, ++written) {
      // Half of it differs from value to value, as in real ones.
      for (size_t at = 0; at < value.size(); at += 2) value[at] = static_cast<char>(written * 31 + at * at);
      batch.Put(LogKey(0, written % 1000, written), value);
    }
    const double commit_begin = Now();
    Require((*store)->Commit({&batch}).ok(), "commit");
    seconds.push_back(Now() - commit_begin);
  }
  const double elapsed = Now() - begin;
  const double cpu_us = (Cpu() - cpu_begin) * 1e6;
  store->reset();
  std::filesystem::remove_all(options.data_dir);
  std::printf("%7d %10.0f %10.0f %8.0f %8.0f %14.1f %14.1f\n", entries,
              static_cast<double>(seconds.size()) / elapsed, static_cast<double>(written) / elapsed,
              Percentile(seconds, 50) * 1e6, Percentile(seconds, 99) * 1e6,
              cpu_us / static_cast<double>(seconds.size()), cpu_us / static_cast<double>(written));
}

int Main(int argc, char** argv) {
  std::string dir = std::string(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string()) +
                    "/perdure-store-bench-XXXXXX";
  Require(mkdtemp(dir.data()) != nullptr, dir.c_str());
  BenchSyncs(dir);
  std::printf("\n%7s %10s %10s %8s %8s %14s %14s\n", "entries", "commits/s", "entries/s", "p50 us", "p99 us",
              "CPU us/commit", "CPU us/entry");
  for (const int entries : {1, 8, 64, 512}) BenchCommits(dir, entries);
  std::filesystem::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace perdure::storage

int main(int argc, char** argv) { return perdure::storage::Main(argc, argv); }
