// Retries and heartbeats: a task that fails is tried again by the server, and goes on where it was. Which
// errors are worth it, the task says.
//
//   perdure-example-retries --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace std::chrono_literals;

inline constexpr perdure::Task<int(int)> CopyFiles{"copy_files"};
inline constexpr perdure::Workflow<std::string(int)> Backup{"backup"};

// Loses its connection after the third file, and finds no room for more than ten.
int Copy(perdure::TaskContext& task, int files) {
  if (files > 10) throw perdure::NonRetryableError("NoRoom", "there is room for 10 files only");
  const int copied = task.LastHeartbeat<int>().value_or(0);
  std::printf("attempt %d begins after file %d\n", task.Attempt(), copied);
  for (int file = copied + 1; file <= files; ++file) {
    if (file == 4 && task.Attempt() == 1) throw perdure::ApplicationError("Offline", "the line is dead");
    std::printf("  copied file %d\n", file);
    task.Heartbeat(file);
  }
  return files;
}

perdure::Co<std::string> RunBackup(perdure::Context& ctx, int files) {
  const auto options = perdure::TaskOptions()
                           .StartToClose(1h)  // one attempt
                           .Heartbeat(30s)    // longest silence: a dead worker is noticed
                           .Retry(perdure::RetryPolicy().InitialInterval(50ms).MaxAttempts(5));
  const auto copied = co_await perdure::Try(ctx.Run(CopyFiles, options, files));
  if (!copied) co_return "failed for good: " + copied.error().Root().message;
  co_return std::to_string(*copied) + " files copied";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  perdure::Worker worker(perdure::WorkerOptions().Address(address).TaskQueue("backup"));
  worker.Host(Backup, RunBackup);
  worker.Host(CopyFiles, Copy);
  worker.Start();

  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("backup"));
  const std::string small = client.Start(Backup, 5).Result();
  std::printf("%s\n", small.c_str());
  const std::string large = client.Start(Backup, 50).Result();
  std::printf("%s\n", large.c_str());
  return small == "5 files copied" && large == "failed for good: there is room for 10 files only" ? 0 : 1;
}
