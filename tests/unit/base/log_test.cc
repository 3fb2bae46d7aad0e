// Log lines: their form, and that no value can break one.
#include "server/base/log.h"

#include <gtest/gtest.h>

#include <vector>

namespace perdure::base {
namespace {

std::vector<std::string>& Lines() {
  static auto* lines = new std::vector<std::string>;
  return *lines;
}

// Catches what is logged, as text, with the clock set to zero.
class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Lines().clear();
    SetLogSink([](const LogEvent& event) {
      LogEvent fixed = event;
      fixed.time = {};
      Lines().push_back(FormatLogText(fixed));
    });
  }
  void TearDown() override {
    SetLogSink(nullptr);
    SetLogLevel(LogLevel::kInfo);
  }

  static std::string Json(std::initializer_list<LogField> fields) {
    return FormatLogJson(
        {{}, LogLevel::kWarning, "seen", absl::MakeConstSpan(fields.begin(), fields.size())});
  }
};

TEST_F(LogTest, WritesTheEventThenItsFieldsInOrder) {
  LogInfo("recovered",
          {{"partition", 0}, {"runs", 12u}, {"ms", 40.5}, {"clean", false}, {"dir", "/var/lib"}});
  ASSERT_EQ(Lines().size(), 1u);
  EXPECT_EQ(Lines()[0],
            "1970-01-01T00:00:00.000Z INFO  recovered partition=0 runs=12 ms=40.5 clean=false dir=/var/lib");
}

TEST_F(LogTest, DropsWhatIsBelowTheLevel) {
  SetLogLevel(LogLevel::kWarning);
  LogInfo("quiet");
  LogWarning("loud");
  ASSERT_EQ(Lines().size(), 1u);
  EXPECT_TRUE(Lines()[0].ends_with("WARN  loud"));
}

TEST_F(LogTest, QuotesWhatCouldBeMistaken) {
  LogError("refused", {{"id", "a b"}, {"name", ""}, {"forged", "x\n2026 ERROR y"}, {"raw", "\xff"}});
  EXPECT_EQ(Lines()[0],
            "1970-01-01T00:00:00.000Z ERROR refused id=\"a b\" name=\"\" forged=\"x\\n2026 ERROR y\" "
            "raw=\"\uFFFD\"");
}

TEST_F(LogTest, TakesAStatus) {
  LogError("commit failed", {{"error", absl::ResourceExhaustedError("disk full")}});
  EXPECT_TRUE(Lines()[0].ends_with("error=\"RESOURCE_EXHAUSTED: disk full\"")) << Lines()[0];
}

TEST_F(LogTest, JsonHasOneObjectALine) {
  EXPECT_EQ(
      Json({{"id", "a\"b"}, {"n", -3}, {"ratio", 0.25}, {"none", 0.0 / 0.0}, {"ok", true}}),
      R"({"time":"1970-01-01T00:00:00.000Z","level":"warning","event":"seen","id":"a\"b","n":-3,"ratio":0.25,"none":null,"ok":true})");
}

}  // namespace
}  // namespace perdure::base
