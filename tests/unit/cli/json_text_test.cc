// JSON judged and laid out as text.
#include "cmd/perdure/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace perdure::cli {
namespace {

std::string Wrong(const char* text) { return std::string(CheckJson(text).message()); }

TEST(CheckJsonTest, SaysWhereAndWhat) {
  EXPECT_TRUE(CheckJson(R"({"a": [1, 2.5e3, "x", null, true]})").ok());
  EXPECT_TRUE(CheckJson(" 1 ").ok());
  EXPECT_EQ(Wrong(""), "the text is empty");
  EXPECT_EQ(Wrong(" \n"), "the text is empty");
  EXPECT_TRUE(Wrong("{\"a\": 1,\n  \"b\": x}").starts_with("line 2, column 8: invalid literal"))
      << Wrong("{\"a\": 1,\n  \"b\": x}");
  EXPECT_TRUE(Wrong("{\"a\": 1").starts_with("line 1, column 8: unexpected end of input"))
      << Wrong("{\"a\": 1");
  EXPECT_TRUE(Wrong("{} {}").starts_with("line 1, column 4: ")) << Wrong("{} {}");
  EXPECT_TRUE(Wrong("\"\xff\"").starts_with("line 1, column 2: ")) << Wrong("\"\xff\"");
}

TEST(CheckJsonTest, RefusesWhatIsNoJsonInsideOfOther) {
  using std::string_literals::operator""s;
  EXPECT_EQ(CheckJson("{}\n\0 not looked at"s).message(), "line 2, column 1: a null byte");
  EXPECT_EQ(Wrong("\xEF\xBB\xBF{}"), "line 1, column 1: a byte order mark; save it without one");
}

TEST(CheckJsonTest, TakesAnyDepth) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_TRUE(CheckJson(deep).ok());
  EXPECT_EQ(CompactJson(deep), deep);
}

TEST(CompactJsonTest, MovesOnlyWhiteSpace) {
  EXPECT_EQ(CompactJson(" { \"a b\" : [ 1 , 12345678901234567890123 , 1.50 ] ,\n\"\\\"x\" : null } "),
            R"({"a b":[1,12345678901234567890123,1.50],"\"x":null})");
}

TEST(PrettyJsonTest, IndentsWhatDoesNotFit) {
  EXPECT_EQ(PrettyJson(R"({"a":[1,2],"b":{}})", 40), "{\n  \"a\": [1, 2],\n  \"b\": {}\n}");
  EXPECT_EQ(PrettyJson(R"({"a":1})"), R"({"a": 1})");
  EXPECT_EQ(PrettyJson(R"(["0123456789","0123456789"])", 20), "[\n  \"0123456789\",\n  \"0123456789\"\n]");
  EXPECT_EQ(PrettyJson("\"x\""), "\"x\"");
  EXPECT_EQ(PrettyJson("[]"), "[]");
}

}  // namespace
}  // namespace perdure::cli
