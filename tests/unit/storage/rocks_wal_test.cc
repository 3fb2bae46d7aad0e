// The log: its files are used again, what they held before is never read as new, a torn end is forgiven and a
// gap is not.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"
#include "store_process.h"

namespace perdure::storage {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RocksWalTest : public testing::Test {
 protected:
  RocksWalTest() : store_(OpenStore(SmallStore(dir_.path()))) {}

  // Commits keys [first, end), of about 3000 bytes each, one by one.
  void Commit(uint64_t first, uint64_t end) {
    for (uint64_t n = first; n < end; ++n) {
      ASSERT_TRUE(PutOne(*store_, StoreProcess::KeyOf(n), StoreProcess::ValueOf(n)).ok());
    }
  }
  // Keys 0, 1, 2, ... in a store, up to the first that is missing; -1 if there is one after that.
  static int Count(const Store& store) {
    int count = 0;
    for (auto it = store.Scan("key", "kez"); it->Valid(); it->Next()) {
      if (it->key() != StoreProcess::KeyOf(static_cast<uint64_t>(count++))) return -1;
    }
    return count;
  }
  // Names and sizes of the store's files.
  std::map<std::string, uint64_t> Files() const {
    std::map<std::string, uint64_t> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) {
      std::error_code gone;
      if (entry.is_regular_file(gone)) files[entry.path().filename()] = entry.file_size(gone);
    }
    return files;
  }
  // What the machine would find after it lost power now: the files, without this process's closing of them.
  // Taken again if the background changed something meanwhile.
  std::string PowerCut() {
    const std::string copy = dir_ / absl::StrCat("cut", ++cuts_);
    for (;;) {
      fs::remove_all(copy);
      fs::create_directory(copy);
      const std::map<std::string, uint64_t> before = Files();
      bool whole = true;
      for (const auto& [name, size] : before) {
        std::error_code gone;
        whole = whole && fs::copy_file(dir_ / name, copy + "/" + name, gone);
      }
      if (whole && Files() == before) return copy;
    }
  }
  static std::vector<fs::path> Logs(const std::string& dir) {
    std::vector<fs::path> logs;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
      if (entry.path().extension() == ".log") logs.push_back(entry.path());
    }
    std::sort(logs.begin(), logs.end());
    return logs;
  }
  // Flips a bit in the middle of the value of key n, in the log that holds it.
  static void Damage(const std::string& dir, uint64_t n) {
    for (const fs::path& log : Logs(dir)) {
      std::ifstream in(log, std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(in)), {});
      const size_t at = bytes.find(StoreProcess::KeyOf(n));
      if (at == std::string::npos) continue;
      bytes[at + 1500] ^= 1;
      std::ofstream(log, std::ios::binary) << bytes;
      return;
    }
    FAIL() << "no log holds key " << n;
  }

  const TempDir dir_;
  std::unique_ptr<Store> store_;
  int cuts_ = 0;
};

TEST_F(RocksWalTest, TheFirstLogIsOnTheDiskBeforeItIsWritten) {
  const std::vector<fs::path> logs = Logs(dir_.path());
  ASSERT_EQ(logs.size(), 1);
  struct stat file = {};
  ASSERT_EQ(stat(logs[0].c_str(), &file), 0);
  EXPECT_GE(file.st_size, 512 << 10);
  EXPECT_GE(file.st_blocks * 512, 512 << 10);
  Commit(0, 50);
  struct stat later = {};
  ASSERT_EQ(stat(logs[0].c_str(), &later), 0);
  EXPECT_EQ(later.st_size, file.st_size) << "commits must not make the file longer";
}

TEST_F(RocksWalTest, LaterLogsAreToo) {
  std::set<std::string> logs;
  std::set<std::string> whole;
  for (uint64_t n = 0; n < 1800; n += 10) {
    Commit(n, n + 10);
    const fs::path log = Logs(dir_.path()).back();
    std::error_code gone;
    logs.insert(log.filename());
    if (fs::file_size(log, gone) == 512 << 10) whole.insert(log.filename());
  }
  EXPECT_GE(logs.size(), 8);
  // The disk may be slow for once; a log that grows is none that is wrong.
  EXPECT_GE(whole.size(), logs.size() * 3 / 4);
}

TEST_F(RocksWalTest, WithoutRoomLogsGrow) {
  store_.reset();
  fs::remove(dir_ / "spare-log");
  RocksStoreOptions options = SmallStore(dir_.path());
  options.free_disk_bytes = [&options] { return options.disk_reserve_bytes + (100 << 10); };
  store_ = OpenStore(options);
  EXPECT_FALSE(fs::exists(dir_ / "spare-log"));
  Commit(0, 500);
  EXPECT_FALSE(fs::exists(dir_ / "spare-log"));
  EXPECT_EQ(Count(*OpenStore(SmallStore(PowerCut()))), 500);
}

TEST_F(RocksWalTest, AFileThatWasHalfFilledIsFilledAgain) {
  store_.reset();
  fs::remove(dir_ / "spare-log");
  std::ofstream(dir_ / "spare-log.filling") << "half";
  store_ = OpenStore(SmallStore(dir_.path()));
  EXPECT_FALSE(fs::exists(dir_ / "spare-log.filling"));
  EXPECT_EQ(fs::file_size(Logs(dir_.path()).back()), 512 << 10);
}

TEST_F(RocksWalTest, EverythingCommittedIsThereWheneverThePowerGoes) {
  for (uint64_t n = 0; n < 1500; n += 100) {
    Commit(n, n + 100);
    const std::string cut = PowerCut();
    ASSERT_EQ(Count(*OpenStore(SmallStore(cut))), static_cast<int>(n + 100));
    fs::remove_all(cut);
  }
}

TEST_F(RocksWalTest, ATornEndIsForgiven) {
  Commit(0, 100);
  const std::string cut = PowerCut();
  Damage(cut, 99);
  EXPECT_EQ(Count(*OpenStore(SmallStore(cut))), 99);
}

TEST_F(RocksWalTest, AGapIsDataLossAndLeavesTheFilesAlone) {
  Commit(0, 100);
  const std::string cut = PowerCut();
  Damage(cut, 20);
  const std::vector<fs::path> logs = Logs(cut);
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THAT(RocksStore::Open(SmallStore(cut)).status().ToString(),
                AllOf(HasSubstr("DATA_LOSS"), HasSubstr(cut), HasSubstr(" should follow and "),
                      HasSubstr("Nothing was changed")));
    EXPECT_EQ(Logs(cut), logs);
  }
  // With the bit put right, all is there.
  Damage(cut, 20);
  EXPECT_EQ(Count(*OpenStore(SmallStore(cut))), 100);
}

TEST_F(RocksWalTest, AMissingLogIsDataLoss) {
  Commit(0, 100);
  const std::string cut = PowerCut();
  const fs::path log = Logs(cut).back();
  fs::rename(log, cut + "/kept");
  EXPECT_THAT(RocksStore::Open(SmallStore(cut)).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr(cut), HasSubstr("without its log")));
  fs::rename(cut + "/kept", log);
  EXPECT_EQ(Count(*OpenStore(SmallStore(cut))), 100);
}

TEST_F(RocksWalTest, DamagedTablesAreDataLoss) {
  Commit(0, 1000);
  store_.reset();
  store_ = OpenStore(SmallStore(dir_.path()));
  store_.reset();
  for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 4));
    file << "damage";
  }
  absl::StatusOr<std::unique_ptr<Store>> store = RocksStore::Open(SmallStore(dir_.path()));
  ASSERT_TRUE(store.ok()) << store.status();
  auto it = (*store)->Scan("key", "kez");
  while (it->Valid()) it->Next();
  EXPECT_EQ(it->status().code(), absl::StatusCode::kDataLoss) << it->status();
}

}  // namespace
}  // namespace perdure::storage
