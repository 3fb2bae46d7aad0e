// Did-you-mean suggestions.
#include "server/base/suggest.h"

#include <gtest/gtest.h>

namespace perdure::base {
namespace {

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("listen", "listen"), 0);
  EXPECT_EQ(EditDistance("lsiten", "listen"), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(NearestTest, FindsTyposAndBeginnings) {
  const std::vector<std::string> known = {"listen", "http_listen", "data_dir", "memory_budget_bytes"};
  EXPECT_EQ(Nearest("lisen", known), "listen");
  EXPECT_EQ(Nearest("datadir", known), "data_dir");
  EXPECT_EQ(Nearest("memory_budget", known), "memory_budget_bytes");
  EXPECT_EQ(Nearest("colour", known), "");
  EXPECT_EQ(Nearest("", known), "");
  EXPECT_EQ(Nearest(std::string(10'000, 'x'), known), "");
}

}  // namespace
}  // namespace perdure::base
