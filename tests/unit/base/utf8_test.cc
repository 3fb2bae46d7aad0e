// What counts as UTF-8, and JSON strings of anything.
#include "server/base/utf8.h"

#include <gtest/gtest.h>

namespace perdure::base {
namespace {

TEST(Utf8Test, AcceptsOnlyWellFormedText) {
  for (const char* good : {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x88"})
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  const char* const bad[] = {
      "\x80",     "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80",
      "\xE2\x82", "\xC3("};
  for (const char* s : bad) EXPECT_FALSE(IsValidUtf8(s)) << testing::PrintToString(s);
}

TEST(Utf8Test, KnowsControlCharacters) {
  EXPECT_TRUE(IsControl(0));
  EXPECT_TRUE(IsControl('\n'));
  EXPECT_TRUE(IsControl(0x7F));
  EXPECT_TRUE(IsControl(0x9B));
  EXPECT_FALSE(IsControl(' '));
  EXPECT_FALSE(IsControl(0xA0));
}

TEST(JsonStringTest, EscapesWhatMustBe) {
  std::string out;
  AppendJsonString(out, std::string_view("a\"\\\n\t\x01\xC2\x9B\xFF\xC3\xA9", 11));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\t\\u0001\\u009b\xEF\xBF\xBD\xC3\xA9\"");
}

}  // namespace
}  // namespace perdure::base
