// API messages as JSON.
#include "cmd/perdure/json_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "perdure/v1/workflow_service.pb.h"

namespace perdure::cli {
namespace {

TEST(JsonOutputTest, ShowsPayloadsAsWhatTheyHold) {
  v1::GetResultResponse result;
  result.set_status(v1::RUN_STATUS_TIMED_OUT);
  result.set_run_id("r\"1");
  result.mutable_result()->set_encoding("json");
  result.mutable_result()->set_data("{ \"n\": 12345678901234567890123 }");
  EXPECT_EQ(
      MessageToJson(result),
      R"({"status":"timed_out","result":{"n":12345678901234567890123},"run_id":"r\"1","close_time_unix_ms":0})");
  result.mutable_result()->set_data("{broken");
  EXPECT_THAT(MessageToJson(result),
              testing::HasSubstr(R"("result":{"encoding":"json","type":"","data_base64":"e2Jyb2tlbg=="})"));
  result.mutable_result()->Clear();
  EXPECT_THAT(MessageToJson(result), testing::HasSubstr(R"("result":null)"));
}

TEST(JsonOutputTest, NamesKindsAndLeavesOutWhatIsNotSet) {
  v1::Event event;
  event.set_event_id(2);
  auto& advanced = *event.mutable_advanced();
  advanced.set_activation_id(7);
  advanced.add_commands()->mutable_start_timer()->set_seq(1);
  const nlohmann::json json = nlohmann::json::parse(MessageToJson(event));
  EXPECT_EQ(json["kind"], "advanced");
  EXPECT_EQ(json["advanced"]["commands"][0]["kind"], "start_timer");
  EXPECT_EQ(json["advanced"]["activation_id"], 7);
  EXPECT_FALSE(json.contains("run_started"));
}

TEST(JsonOutputTest, WritesMapsDoublesAndLargeIds) {
  v1::RunStarted started;
  started.set_random_seed(18446744073709551615u);
  (*started.mutable_memo())["k"].set_encoding("json");
  (*started.mutable_memo())["k"].set_data("1");
  started.mutable_retry_policy()->set_backoff_coefficient(1.1);
  const std::string json = MessageToJson(started);
  EXPECT_THAT(json, testing::HasSubstr(R"("random_seed":"18446744073709551615")"));
  EXPECT_THAT(json, testing::HasSubstr(R"("memo":{"k":1})"));
  EXPECT_THAT(json, testing::HasSubstr(R"("backoff_coefficient":1.1)"));
  EXPECT_TRUE(nlohmann::json::accept(json));
}

TEST(JsonOutputTest, LeavesOutUnspecifiedEnums) {
  v1::Failure failure;
  EXPECT_EQ(MessageToJson(failure).find("kind"), std::string::npos);
  failure.set_kind(v1::Failure::KIND_WORKER_LOST);
  EXPECT_THAT(MessageToJson(failure), testing::HasSubstr(R"("kind":"worker_lost")"));
}

TEST(JsonOutputTest, ShowsTheBeginningOfLongPayloads) {
  v1::SignalReceived signal;
  signal.mutable_input()->set_encoding("json");
  signal.mutable_input()->set_data(R"(["a","b"])");
  EXPECT_THAT(MessageToJson(signal, 9), testing::HasSubstr(R"("input":["a","b"])"));
  EXPECT_THAT(MessageToJson(signal, 4),
              testing::HasSubstr(R"("input":{"encoding":"json","type":"","bytes":9,"begins":"[\"a\""})"));
  signal.mutable_input()->set_encoding("protobuf");
  EXPECT_THAT(MessageToJson(signal, 3), testing::HasSubstr(R"("bytes":9,"begins_base64":"WyJh"})"));
}

}  // namespace
}  // namespace perdure::cli
