// HOST:PORT, read and written.
#include "server/base/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure::base {
namespace {

TEST(AddressTest, ReadsBackWhatItWrites) {
  for (const char* text : {"127.0.0.1:7480", "localhost:0", "[::1]:65535", "0.0.0.0:1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(ParseAddress("[::1]:80")->host, "::1");
}

TEST(AddressTest, SaysWhatIsWrong) {
  const auto message = [](const char* text) { return std::string(ParseAddress(text).status().message()); };
  EXPECT_EQ(
      message("7480"),
      "'7480' is not an address: the port is missing; write HOST:PORT, such as 127.0.0.1:7480 or [::1]:7480");
  EXPECT_THAT(message(":7480"), testing::HasSubstr("the host is missing"));
  EXPECT_THAT(message("::1:7480"), testing::HasSubstr("brackets"));
  EXPECT_THAT(message("http://a:1"), testing::HasSubstr("brackets"));
  EXPECT_THAT(message("a b:1"), testing::HasSubstr("bad character"));
  for (const char* bad : {"a:", "a:-1", "a:65536", "a:x", "a:1x", "a:99999999999"}) {
    EXPECT_THAT(message(bad), testing::HasSubstr("the port must be 0 to 65535")) << bad;
  }
}

}  // namespace
}  // namespace perdure::base
