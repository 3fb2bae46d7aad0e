// Directories that can and cannot be used, and what the user is told of them.
#include "storage/data_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"

namespace perdure::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DataDirTest : public testing::Test {
 protected:
  void Touch(const std::string& name) { std::ofstream(dir_ / name) << "x"; }
  static std::string Text(const absl::Status& status) { return status.ToString(); }

  const TempDir dir_;
};

TEST_F(DataDirTest, MakesADirectoryWithItsParents) {
  EXPECT_TRUE(PrepareDataDir(dir_ / "a/b/c").ok());
  EXPECT_TRUE(std::filesystem::is_directory(dir_ / "a/b/c"));
  EXPECT_TRUE(PrepareDataDir(dir_ / "a/b/c").ok());
}

TEST_F(DataDirTest, RefusesAFile) {
  Touch("file");
  EXPECT_THAT(Text(PrepareDataDir(dir_ / "file")),
              AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr(dir_ / "file"), HasSubstr("not a directory")));
  EXPECT_THAT(Text(PrepareDataDir(dir_ / "file/below")), HasSubstr("not a directory"));
  EXPECT_THAT(Text(PrepareDataDir("")), HasSubstr("--data-dir"));
}

// /proc takes no directories, whoever asks.
TEST_F(DataDirTest, NamesTheErrorWhenADirectoryCannotBeMade) {
  EXPECT_THAT(Text(PrepareDataDir("/proc/perdure")),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("/proc/perdure"), HasSubstr("cannot be made: "),
                    HasSubstr("--data-dir")));
}

TEST_F(DataDirTest, RefusesADirectoryThatCannotBeWritten) {
  EXPECT_THAT(Text(PrepareDataDir("/proc/self")),
              AllOf(HasSubstr("PERMISSION_DENIED: data directory /proc/self cannot be written: "),
                    HasSubstr("Fix its permissions")));
  if (geteuid() == 0) return;  // may write everywhere else
  ASSERT_EQ(chmod(dir_.path().c_str(), 0500), 0);
  EXPECT_THAT(Text(PrepareDataDir(dir_.path())), HasSubstr("cannot be written: Permission denied"));
  ASSERT_EQ(chmod(dir_.path().c_str(), 0700), 0);
}

TEST_F(DataDirTest, RefusesADirectoryOfSomebodyElse) {
  Touch("holiday.jpg");
  EXPECT_THAT(Text(PrepareDataDir(dir_.path())),
              AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr(dir_.path()), HasSubstr("holiday.jpg")));
  EXPECT_FALSE(RocksStore::Open(SmallStore(dir_.path())).ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "LOCK"));
}

TEST_F(DataDirTest, TakesWhatACrashWhileCreatingLeaves) {
  for (const char* name :
       {"LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000001.dbtmp", "spare-log", "spare-log.filling"}) {
    Touch(name);
  }
  std::filesystem::create_directory(dir_ / "lost+found");
  EXPECT_TRUE(PrepareDataDir(dir_.path()).ok());
}

// Opening such a directory would start an empty store and delete the tables as left over.
TEST_F(DataDirTest, RefusesAStoreThatLostItsCurrentFile) {
  {
    const std::unique_ptr<Store> store = OpenStore(SmallStore(dir_.path()));
    ASSERT_TRUE(PutOne(*store, "key", "value").ok());
  }
  std::filesystem::rename(dir_ / "CURRENT", dir_ / "elsewhere");
  std::filesystem::remove(dir_ / "elsewhere");
  EXPECT_THAT(Text(RocksStore::Open(SmallStore(dir_.path())).status()),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("no CURRENT file")));
}

TEST_F(DataDirTest, KnowsRoom) {
  EXPECT_GT(FreeDiskBytes(dir_.path()).value(), 0);
  EXPECT_FALSE(FreeDiskBytes(dir_ / "nothing").ok());
  const uint64_t before = OccupiedBytes(dir_.path());
  std::ofstream(dir_ / "large") << std::string(1 << 20, 'x') << std::flush;
  EXPECT_GE(OccupiedBytes(dir_.path()), before + (1 << 20));
}

TEST_F(DataDirTest, ADirectoryThatIsOnlyReadMustHoldAStore) {
  const auto refusal = [&](const std::string& name) { return Text(CheckStoreDir(dir_ / name)); };
  EXPECT_THAT(refusal("none"),
              HasSubstr("INVALID_ARGUMENT: data directory " + (dir_ / "none") + " does not exist"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "none"));
  Touch("file");
  EXPECT_THAT(refusal("file"), HasSubstr("is not a directory"));
  EXPECT_THAT(refusal(""), HasSubstr("holds no store (it has no CURRENT file)"));
  std::filesystem::create_directory(dir_ / "half");
  Touch("half/000007.sst");
  EXPECT_THAT(refusal("half"), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("no CURRENT file")));
  EXPECT_THAT(Text(CheckStoreDir("")), HasSubstr("--data-dir"));
}

}  // namespace
}  // namespace perdure::storage
