// A real disk that is really full: a small file system in memory, filled up and given room again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <perdure/client.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/process.h"
#include "tests/e2e/workflows.h"

namespace perdure::e2e {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// A tmpfs on a directory; unmounted when this goes.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directories(path);
    mounted_ = mount("tmpfs", path.c_str(), "tmpfs", 0, "size=192m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  void Fill() const {
    std::ofstream ballast(Ballast(), std::ios::binary);
    const std::string block(1 << 20, 'x');
    while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void MakeRoom() const { std::filesystem::remove(Ballast()); }

 private:
  std::string Ballast() const { return path_ + "/ballast"; }

  const std::string path_;
  bool mounted_ = false;
};

class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "a file system can be mounted by root only";
    server_ = std::make_unique<Server>(dir_, std::vector<std::string>{"--disk-reserve-bytes", "16MiB"});
    worker_ = std::make_unique<Process>(
        std::vector<std::string>{Program("perdure-e2e-worker"), "--address", server_->address()},
        dir_.File("worker.log"));
  }
  Client MakeClient() {
    return Client(ClientOptions().Address(server_->address()).TaskQueue(kTaskQueue).Deadline(seconds(60)));
  }
  // What the command line says to one more start, and its exit status.
  std::pair<int, std::string> TryStart(const std::string& id) {
    const std::string log = dir_.File("start.log");
    std::filesystem::remove(log);
    Process start({Program("perdure"), "--address", server_->address(), "workflow", "start", "--type",
                   std::string(FanOut.Name()), "--task-queue", kTaskQueue, "--id", id, "--input", "3",
                   "--timeout", "3s"},
                  log);
    const int status = start.Wait();
    std::ifstream in(log);
    std::stringstream text;
    text << in.rdbuf();
    return {status, text.str()};
  }

  TempDir dir_;
  SmallDisk disk_{dir_.File("data")};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Process> worker_;
};

TEST_F(FullDiskTest, RefusesLosesNothingAndGoesOnWhenThereIsRoom) {
  Client client = MakeClient();
  // These wait in their tasks while the disk fills.
  std::vector<Handle<std::string>> running;
  for (int i = 0; i < 10; ++i) {
    running.push_back(client.Start(RunLong, StartOptions().WorkflowId("long-" + std::to_string(i)), 3'000));
  }
  disk_.Fill();
  // The one that finds it full waits for room; those after it are refused.
  ASSERT_TRUE(WaitUntil(
      [&] {
        const auto [status, text] = TryStart("new");
        return status != 0 && text.find("disk is full") != std::string::npos;
      },
      seconds(60)));
  // What is on disk can be read meanwhile.
  EXPECT_GE(client.Count(ListFilter().Status(RunStatus::kRunning)), 10);
  disk_.MakeRoom();
  for (const Handle<std::string>& run : running) EXPECT_EQ(run.Result(seconds(60)), "done in attempt 1");
  ASSERT_TRUE(WaitUntil([&] { return TryStart("after").first == 0; }, seconds(30)));
  server_->Kill();
  server_->Verify();
}

TEST_F(FullDiskTest, AServerThatIsKilledOnAFullDiskComesBackWithEverything) {
  Client client = MakeClient();
  std::vector<Handle<std::int64_t>> done;
  for (int i = 0; i < 20; ++i) {
    done.push_back(client.Start(FanOut, StartOptions().WorkflowId("done-" + std::to_string(i)), 3));
    EXPECT_EQ(done.back().Result(seconds(60)), 14);
  }
  const Handle<std::string> running = client.Start(RunLong, StartOptions().WorkflowId("long"), 2'000);
  disk_.Fill();
  ASSERT_TRUE(WaitUntil([&] { return TryStart("new").first != 0; }, seconds(60)));
  server_->Kill();
  disk_.MakeRoom();
  server_->Verify();
  server_->Start();
  for (const Handle<std::int64_t>& run : done) EXPECT_EQ(run.Result(seconds(30)), 14);
  EXPECT_THAT(running.Result(seconds(60)), HasSubstr("done in attempt"));
}

}  // namespace
}  // namespace perdure::e2e
