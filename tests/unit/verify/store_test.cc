// What is of no partition.
#include "tests/unit/verify/fixture.h"

namespace perdure::verify {
namespace {

class StoreTest : public VerifyTest {
 protected:
  void SetUp() override { Sleeper("order-1"); }
};

TEST_F(StoreTest, AMissingOrUnreadableEpochIsNamed) {
  Put(storage::EpochKey(), "soon");
  EXPECT_THAT(Problems(),
              ElementsAre(Found("the epoch record cannot be read", "global/epoch", "a number", "soon")));
  Delete(storage::EpochKey());
  EXPECT_THAT(Problems(), ElementsAre(Found("there is no epoch record", "global/epoch", "", "none")));
}

TEST_F(StoreTest, AnEpochBehindWhatWasDeliveredIsNamed) {
  // The partitions of the test began to count at one stride.
  Put(storage::EpochKey(), "0");
  const std::vector<Problem> problems = Problems();
  ASSERT_THAT(problems,
              ElementsAre(Found("the epoch is behind what was delivered", "global/epoch", "", "0")));
  EXPECT_EQ(problems[0].run.workflow_id, "order-1");
}

TEST_F(StoreTest, AFormatRecordThatChangedIsNamed) {
  Put(storage::FormatKey(), "perdure-format 1 partitions=7\n");
  EXPECT_THAT(Problems(),
              ElementsAre(Found("the format record", "global/format", "partitions=1", "partitions=7")));
}

TEST_F(StoreTest, SessionRowsAreRead) {
  records::SessionRecord session;
  session.set_session_id("s-1");
  Put(storage::SessionKey("s-1"), session.SerializeAsString());
  EXPECT_THAT(Problems(), IsEmpty());
  Put(storage::SessionKey("s-2"), session.SerializeAsString());
  Put(storage::SessionKey("s-3"), "\xff");
  EXPECT_THAT(
      Problems(),
      ElementsAre(Found("a session row is under a wrong key", "global/session/s-2", "s-1", "s-2"),
                  Found("a record of kind session cannot be read", "global/session/s-3", "", "1 bytes")));
}

TEST_F(StoreTest, KeysThatNoServerWritesAreNamed) {
  Put(std::string("\0\0\x63", 3), "a kind to come");
  Put(std::string("\0\0\x02short", 8), "");
  Put(storage::HeadKey(3, 1), "a partition too many");
  Put("plain", "");
  Put(std::string("\xff\xff\x0c\x01", 4), "");
  EXPECT_THAT(
      Problems(),
      UnorderedElementsAre(Found("a key that no server writes", "unknown/000063", "", "000063"),
                           Found("a key cannot be read", "unknown/00000273686f7274", "kind head", "8 bytes"),
                           Found("a key that no server writes", "3/head/1", "partitions 0 to 0", ""),
                           Found("a key that no server writes", "unknown/706c61696e", "", ""),
                           Found("a key that no server writes", "unknown/ffff0c01", "", "")));
  EXPECT_EQ(summary.kinds[0].rows, 4);
}

}  // namespace
}  // namespace perdure::verify
