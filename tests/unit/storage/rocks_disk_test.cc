// A disk that runs full and gets room again.
#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"

namespace perdure::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class RocksDiskTest : public testing::Test {
 protected:
  RocksStoreOptions Options() {
    RocksStoreOptions options = SmallStore(dir_.path());
    options.disk_reserve_bytes = 100 << 20;
    options.free_disk_bytes = [this] { return free_bytes_; };
    return options;
  }

  const TempDir dir_;
  absl::StatusOr<uint64_t> free_bytes_ = uint64_t{200} << 20;
};

TEST_F(RocksDiskTest, RefusesBeforeTheDiskIsFullAndGoesOnWhenThereIsRoom) {
  std::unique_ptr<Store> store = OpenStore(Options());
  ASSERT_TRUE(PutOne(*store, "a", "1").ok());
  free_bytes_ = uint64_t{99} << 20;
  for (int i = 0; i < 3; ++i) {
    const absl::Status refused = PutOne(*store, "b", "2");
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr(dir_.path()), HasSubstr("99 MiB are free and 100 MiB are kept in reserve"),
                      HasSubstr("disk_reserve_bytes"), HasSubstr("Make room")));
  }
  EXPECT_TRUE(absl::IsNotFound(store->Get("b").status()));
  EXPECT_EQ(*store->Get("a"), "1");
  EXPECT_EQ(store->Stats().disk_free_bytes, uint64_t{99} << 20);

  free_bytes_ = uint64_t{200} << 20;
  EXPECT_TRUE(PutOne(*store, "b", "2").ok());
  store.reset();
  EXPECT_EQ(*OpenStore(Options())->Get("b"), "2");
}

TEST_F(RocksDiskTest, ACommitMustFitBesideTheReserve) {
  const std::unique_ptr<Store> store = OpenStore(Options());
  free_bytes_ = (uint64_t{100} << 20) + 5000;
  EXPECT_TRUE(PutOne(*store, "a", std::string(1000, 'a')).ok());
  EXPECT_EQ(PutOne(*store, "a", std::string(5000, 'a')).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(PutOne(*store, "a", std::string(1000, 'a')).ok());
}

TEST_F(RocksDiskTest, AFullDiskIsOpenedAndRead) {
  ASSERT_TRUE(PutOne(*OpenStore(Options()), "a", "1").ok());
  free_bytes_ = 0;
  const std::unique_ptr<Store> store = OpenStore(Options());
  EXPECT_EQ(*store->Get("a"), "1");
  EXPECT_EQ(PutOne(*store, "a", "2").code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(RocksDiskTest, AnyOtherErrorIsForGood) {
  const std::unique_ptr<Store> store = OpenStore(Options());
  free_bytes_ = absl::InternalError("the disk does not answer");
  EXPECT_EQ(PutOne(*store, "a", "1"), absl::InternalError("the disk does not answer"));
  free_bytes_ = uint64_t{200} << 20;
  EXPECT_EQ(PutOne(*store, "a", "1"), absl::InternalError("the disk does not answer"));
}

}  // namespace
}  // namespace perdure::storage
