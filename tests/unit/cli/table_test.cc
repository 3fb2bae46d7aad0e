// Alignment and colours.
#include "cmd/perdure/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace perdure::cli {
namespace {

TEST(TableTest, AlignsColumnsAndLeavesOutEmptyOnes) {
  Table table({{"NAME"}, {"EMPTY"}, {"N", Table::Align::kRight}, {"NOTE"}});
  table.Add({"a", "", "1", ""});
  table.Add({"\xE6\x97\xA5\xE6\x9C\xAC long", "", "1000", "x\ny"});
  table.AddNote(Tone::kBad, "  why");
  EXPECT_EQ(table.Format(Style(false), 1),
            " NAME          N  NOTE\n"
            " a             1\n"
            " \xE6\x97\xA5\xE6\x9C\xAC long  1000  x\\ny\n"
            "   why\n");
}

TEST(TableTest, ColoursDoNotMoveColumns) {
  Table table({{"A"}, {"B"}});
  table.Add({{Tone::kGood, "ok"}, "x"});
  EXPECT_EQ(table.Format(Style(true)), "\x1b[2mA\x1b[0m   \x1b[2mB\x1b[0m\n\x1b[32mok\x1b[0m  x\n");
}

TEST(StyleTest, ColoursOnlyWhereWanted) {
  std::istringstream in;
  std::ostringstream out;
  std::string no_color;
  std::string term = "xterm";
  bool terminal = true;
  const auto coloured = [&] {
    Environment environment{
        .in = in,
        .out = out,
        .err = out,
        .getenv =
            [&](const char* name) {
              return std::optional<std::string>(std::string(name) == "TERM" ? term : no_color);
            },
        .terminal = terminal};
    return Style(environment)(Tone::kBad, "x") != "x";
  };
  EXPECT_TRUE(coloured());
  no_color = "1";
  EXPECT_FALSE(coloured());
  no_color = "";
  term = "dumb";
  EXPECT_FALSE(coloured());
  term = "xterm";
  terminal = false;
  EXPECT_FALSE(coloured());
}

}  // namespace
}  // namespace perdure::cli
