// Printing what others chose.
#include "cmd/perdure/text.h"

#include <gtest/gtest.h>

namespace perdure::cli {
namespace {

TEST(PrintableTest, ShowsWhatCouldDriveATerminal) {
  EXPECT_EQ(Printable("plain \xC3\xA9"), "plain \xC3\xA9");
  EXPECT_EQ(Printable("\x1b[31mred\n\t\x7f"), "\\x1b[31mred\\n\\t\\x7f");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(Printable("a\xE2\x80\xAE"
                      "b"),
            "a\\u202eb");
  EXPECT_EQ(Printable("\xFF"), "\xEF\xBF\xBD");
}

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("\xC3\xA9"), 1);
  EXPECT_EQ(DisplayWidth("\xE6\x97\xA5\xE6\x9C\xAC"), 4);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);
}

TEST(CutTest, FitsTheWidth) {
  EXPECT_EQ(Cut("abcdef", 6), "abcdef");
  EXPECT_EQ(Cut("abcdef", 5), "abcd\xE2\x80\xA6");
  EXPECT_EQ(Cut("\xE6\x97\xA5\xE6\x9C\xAC", 3), "\xE6\x97\xA5\xE2\x80\xA6");
  EXPECT_EQ(Cut("\xE6\x97\xA5\xE6\x9C\xAC", 2), "\xE2\x80\xA6");
  EXPECT_EQ(Cut("abc", 0), "");
  EXPECT_EQ(Cut("", 0), "");
}

TEST(PluralTest, CountsOne) {
  EXPECT_EQ(Plural(1, "event"), "1 event");
  EXPECT_EQ(Plural(0, "event"), "0 events");
}

}  // namespace
}  // namespace perdure::cli
