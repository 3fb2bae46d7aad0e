// The process is this program again, told by its environment to run nothing but the loop below. A plain fork
// would not do: RocksDB's threads stay behind in the parent.
#include "store_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"

namespace perdure::storage {
namespace {

constexpr char kDirVariable[] = "PERDURE_STORE_PROCESS_DIR";
constexpr int kAcknowledgedFd = 3;

// Runs in the other process only.
TEST(StoreProcess, DISABLED_CommitsUntilKilled) {
  const char* dir = std::getenv(kDirVariable);
  if (dir == nullptr) GTEST_SKIP() << "started by other tests";
  const std::unique_ptr<Store> store = OpenStore(SmallStore(dir));
  uint64_t n = 0;
  for (auto it = store->ScanReverse("key", "kez"); it->Valid() && n == 0;) {
    n = std::stoull(std::string(it->key().substr(3)));
  }
  for (++n;; ++n) {
    if (!PutOne(*store, StoreProcess::KeyOf(n), StoreProcess::ValueOf(n)).ok()) std::abort();
    if (write(kAcknowledgedFd, &n, sizeof(n)) != sizeof(n)) std::abort();
  }
}

}  // namespace

StoreProcess::StoreProcess(const std::string& dir) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) std::abort();
  const std::string variable = absl::StrCat(kDirVariable, "=", dir);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  const char* const args[] = {program.c_str(), "--gtest_also_run_disabled_tests",
                              "--gtest_filter=StoreProcess.DISABLED_CommitsUntilKilled", nullptr};
  const char* const environment[] = {variable.c_str(), nullptr};
  pid_ = fork();
  if (pid_ == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    if (fds[1] == kAcknowledgedFd) {
      fcntl(fds[1], F_SETFD, 0);
    } else {
      dup2(fds[1], kAcknowledgedFd);
    }
    execve(args[0], const_cast<char* const*>(args), const_cast<char* const*>(environment));
    _exit(127);
  }
  close(fds[1]);
  acknowledged_ = fds[0];
}

StoreProcess::~StoreProcess() {
  Kill();
  close(acknowledged_);
}

uint64_t StoreProcess::NextAcknowledged() {
  uint64_t n = 0;
  return read(acknowledged_, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

void StoreProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string StoreProcess::KeyOf(uint64_t n) {
  char key[32];
  std::snprintf(key, sizeof(key), "key%012llu", static_cast<unsigned long long>(n));
  return key;
}

std::string StoreProcess::ValueOf(uint64_t n) {
  std::string value;
  while (value.size() < kValueBytes) absl::StrAppend(&value, n * 2654435761, " ");
  return value;
}

}  // namespace perdure::storage
