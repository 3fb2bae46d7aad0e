// Reading a directory at rest: all of it, changing nothing, and never beside a daemon.
#include "storage/rocks_reader.h"

#include <filesystem>
#include <fstream>
#include <map>

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

class RocksReaderTest : public testing::Test {
 protected:
  static constexpr uint64_t kKeys = 500;

  // Tables, and a log with what came last.
  void SetUp() override {
    const std::unique_ptr<Store> store = OpenStore(SmallStore(dir_.path()));
    for (uint64_t n = 0; n < kKeys; ++n) {
      ASSERT_TRUE(PutOne(*store, StoreProcess::KeyOf(n), StoreProcess::ValueOf(n)).ok());
    }
  }
  // The one file, or the first of several, whose name ends so.
  std::string FileOf(const std::string& extension) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) {
      if (entry.path().extension() == extension) return entry.path().string();
    }
    ADD_FAILURE() << "no file " << extension;
    return "";
  }
  static void Overwrite(const std::string& file, std::streamoff at, const std::string& bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream << bytes;
  }
  // Names, sizes and times of change.
  std::map<std::string, std::pair<uint64_t, fs::file_time_type>> Files() const {
    std::map<std::string, std::pair<uint64_t, fs::file_time_type>> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) {
      files[entry.path().filename()] = {entry.file_size(), entry.last_write_time()};
    }
    return files;
  }

  const TempDir dir_;
};

TEST_F(RocksReaderTest, ReadsTablesAndLogAndChangesNothing) {
  const auto before = Files();
  {
    const auto reader = RocksReader::Open(dir_.path() + "/");
    ASSERT_TRUE(reader.ok()) << reader.status();
    uint64_t n = 0;
    for (auto it = (*reader)->Scan("key", "kez"); it->Valid(); it->Next(), ++n) {
      EXPECT_EQ(it->key(), StoreProcess::KeyOf(n));
      EXPECT_EQ(it->value(), StoreProcess::ValueOf(n));
    }
    EXPECT_EQ(n, kKeys);
    EXPECT_EQ((*reader)->Get(StoreProcess::KeyOf(kKeys - 1)).value(), StoreProcess::ValueOf(kKeys - 1));
    EXPECT_TRUE(absl::IsNotFound((*reader)->Get("nothing").status()));
    EXPECT_EQ((*reader)->ScanReverse("key", "kez")->key(), StoreProcess::KeyOf(kKeys - 1));
    EXPECT_TRUE((*reader)->VerifyChecksums().ok());
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(RocksReaderTest, RefusesADirectoryThatADaemonHolds) {
  const TempDir dir;
  StoreProcess process(dir.path());
  ASSERT_NE(process.NextAcknowledged(), 0);
  const absl::Status refused = RocksReader::Open(dir.path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr(absl::StrCat(dir.path(), " is in use: process ", process.pid())),
                    HasSubstr(absl::StrCat("holds ", dir / "LOCK")), HasSubstr("Stop that process first")));
  process.Kill();
  EXPECT_TRUE(RocksReader::Open(dir.path()).ok());
}

TEST_F(RocksReaderTest, NoDaemonOpensTheDirectoryMeanwhile) {
  auto reader = RocksReader::Open(dir_.path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(StoreProcess(dir_.path()).NextAcknowledged(), 0);
  reader->reset();
  EXPECT_NE(StoreProcess(dir_.path()).NextAcknowledged(), 0);
}

TEST_F(RocksReaderTest, ACopyWithoutALockFileIsReadToo) {
  fs::remove(dir_ / "LOCK");
  EXPECT_TRUE(RocksReader::Open(dir_.path()).ok());
  EXPECT_FALSE(fs::exists(dir_ / "LOCK"));
}

TEST_F(RocksReaderTest, ADamagedTableIsNamed) {
  const std::string table = FileOf(".sst");
  Overwrite(table, 1000, "damage");
  const auto reader = RocksReader::Open(dir_.path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT((*reader)->VerifyChecksums().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr(fs::path(table).filename().string())));
}

TEST_F(RocksReaderTest, AHoleInTheLogIsNamed) {
  {
    const std::unique_ptr<Store> store = OpenStore(SmallStore(dir_.path()));
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(PutOne(*store, absl::StrCat("more", i), std::string(2000, 'x')).ok());
    }
  }
  Overwrite(FileOf(".log"), 20'000, std::string(100, '#'));
  EXPECT_THAT(RocksReader::Open(dir_.path()).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr(dir_.path()), HasSubstr("is not whole")));
}

}  // namespace
}  // namespace perdure::storage
