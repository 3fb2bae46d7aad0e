#include "server/verify/key_text.h"

#include "gtest/gtest.h"
#include "server/base/work.h"

namespace perdure::verify {
namespace {

TEST(KeyTextTest, SpellsEachKind) {
  EXPECT_EQ(KeyText(storage::LogKey(3, 17, 5)), "3/log/17/5");
  EXPECT_EQ(KeyText(storage::HeadKey(0, 17)), "0/head/17");
  EXPECT_EQ(KeyText(storage::NoteKey(0, 17, 2)), "0/note/17/2");
  EXPECT_EQ(KeyText(storage::IdKey(0, "shop", "order/1")), "0/id/shop/order/1");
  EXPECT_EQ(KeyText(storage::ListKey(0, "shop", 17)), "0/list/shop/17");
  EXPECT_EQ(KeyText(storage::TimerKey(0, 1'700'000'000'000, 17)), "0/timer/1700000000000/17");
  EXPECT_EQ(KeyText(storage::ReadyKey(0, QueueKey("shop", "orders", WorkKind::kTask, "charge"), 9, 17, 1)),
            "0/ready/shop,orders,t,charge/9/17/1");
  EXPECT_EQ(KeyText(storage::DirtyKey(0, 12)), "0/dirty/12");
  EXPECT_EQ(KeyText(storage::ExpiryKey(0, 5, 17)), "0/expiry/5/17");
  EXPECT_EQ(KeyText(storage::SessionKey("s-1")), "global/session/s-1");
  EXPECT_EQ(KeyText(storage::FormatKey()), "global/format");
  EXPECT_EQ(KeyText(storage::EpochKey()), "global/epoch");
}

TEST(KeyTextTest, EscapesWhatCannotBePrinted) {
  EXPECT_EQ(KeyText(storage::IdKey(0, "a\nb", "\x1b[31m")), "0/id/a\\nb/\\x1b[31m");
  EXPECT_EQ(KeyText(storage::IdKey(0, "ns", "größe")), "0/id/ns/größe");
}

TEST(KeyTextTest, ShowsWhatIsNoKeyAsBytes) {
  EXPECT_EQ(KeyText(""), "unknown/");
  EXPECT_EQ(KeyText("ab"), "unknown/6162");
  EXPECT_EQ(KeyText(std::string("\0\0\x01\x02", 4)), "unknown/00000102");
  EXPECT_EQ(KeyText(std::string("\0\1\x0b", 3)), "unknown/00010b");
}

}  // namespace
}  // namespace perdure::verify
