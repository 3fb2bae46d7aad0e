// Log lines reach the file in the form that was asked for.
#include "server/ops/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "server/base/log.h"

namespace perdure::ops {
namespace {

class LoggingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.log_file =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".log";
    std::remove(config_.log_file.c_str());
  }
  void TearDown() override { ShutDownLogging(); }
  std::string Written() const {
    std::ifstream in(config_.log_file);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  ServerConfig config_;
};

TEST_F(LoggingTest, AppendsTextAtOnce) {
  ASSERT_TRUE(SetUpLogging(config_).ok());
  base::LogInfo("listening", {{"address", "127.0.0.1:7480"}});
  base::LogDebug("not shown");
  EXPECT_THAT(Written(), testing::EndsWith(" INFO  listening address=127.0.0.1:7480\n"));
}

TEST_F(LoggingTest, WritesJsonLines) {
  config_.log_format = "json";
  config_.log_level = "debug";
  ASSERT_TRUE(SetUpLogging(config_).ok());
  base::LogDebug("shown", {{"id", "{%v}"}, {"runs", 3}});
  const nlohmann::json line = nlohmann::json::parse(Written());
  EXPECT_EQ(line["event"], "shown");
  EXPECT_EQ(line["level"], "debug");
  EXPECT_EQ(line["id"], "{%v}");
  EXPECT_EQ(line["runs"], 3);
}

TEST_F(LoggingTest, AFileThatCannotBeOpenedIsNamed) {
  config_.log_file = "/dev/null/x.log";
  const absl::Status status = SetUpLogging(config_);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/dev/null/x.log"));
}

}  // namespace
}  // namespace perdure::ops
