// The ready file is whole or absent.
#include "server/ops/ready_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace perdure::ops {
namespace {

TEST(ReadyFileTest, HoldsAddressesAndPid) {
  const std::string path = testing::TempDir() + "ready.json";
  ASSERT_TRUE(WriteReadyFile(path, {"127.0.0.1:1234", "127.0.0.1:1235", "/data \"x\""}).ok());
  std::ifstream in(path);
  const nlohmann::json json = nlohmann::json::parse(in);
  EXPECT_EQ(json["listen"], "127.0.0.1:1234");
  EXPECT_EQ(json["http_listen"], "127.0.0.1:1235");
  EXPECT_EQ(json["data_dir"], "/data \"x\"");
  EXPECT_EQ(json["pid"], getpid());
}

TEST(ReadyFileTest, SaysWhyItCannotBeWritten) {
  const absl::Status status = WriteReadyFile("/dev/null/ready.json", {});
  EXPECT_EQ(status.message(), "cannot write the ready file /dev/null/ready.json: Not a directory");
}

}  // namespace
}  // namespace perdure::ops
