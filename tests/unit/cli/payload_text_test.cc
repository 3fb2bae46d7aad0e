// Payloads as people type and read them.
#include "cmd/perdure/payload_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace perdure::cli {
namespace {

using testing::HasSubstr;

class ReadPayloadTest : public ::testing::Test {
 protected:
  absl::StatusOr<v1::Payload> Read(const std::string& value) { return ReadPayload("--input", value, in_); }
  std::string Refusal(const std::string& value) { return std::string(Read(value).status().message()); }

  std::istringstream in_;
};

TEST_F(ReadPayloadTest, TakesTextFileAndStandardInput) {
  EXPECT_EQ(Read("{\"a\": 1}")->data(), "{\"a\":1}");
  EXPECT_EQ(Read("{\"a\": 1}")->encoding(), "json");
  EXPECT_EQ(Read("")->encoding(), "");
  const std::string path = testing::TempDir() + "input.json";
  std::ofstream(path) << "[1,\n 2]\n";
  EXPECT_EQ(Read("@" + path)->data(), "[1,2]");
  in_.str("\"from stdin\"");
  EXPECT_EQ(Read("-")->data(), "\"from stdin\"");
}

TEST_F(ReadPayloadTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(Refusal("hello"), HasSubstr("--input: not valid JSON: line 1, column 1: invalid literal"));
  EXPECT_THAT(Refusal("hello"), HasSubstr("@FILE"));
  EXPECT_EQ(Refusal("@/nonexistent.json"),
            "--input: cannot read /nonexistent.json: No such file or directory");
  EXPECT_THAT(Refusal("@/"), HasSubstr("--input: cannot read /: Is a directory"));
  const std::string path = testing::TempDir() + "bad.json";
  std::ofstream(path) << "{\"a\":\n  ,}";
  EXPECT_THAT(Refusal("@" + path), HasSubstr("bad.json: line 2, column 3: "));
  EXPECT_EQ(Refusal("-"), "--input: not valid JSON from standard input: the text is empty");
}

v1::Payload Make(const std::string& encoding, const std::string& data, const std::string& type = "") {
  v1::Payload payload;
  payload.set_encoding(encoding);
  payload.set_data(data);
  payload.set_type(type);
  return payload;
}

TEST(PayloadLineTest, ShowsJsonAndDescribesTheRest) {
  EXPECT_EQ(PayloadLine({}), "");
  EXPECT_EQ(PayloadLine(Make("json", "{ \"a\" : 1 }")), "{\"a\":1}");
  EXPECT_EQ(PayloadLine(Make("json", "{broken")), "json, 7 bytes");
  EXPECT_EQ(PayloadLine(Make("protobuf", "abc", "shop.Order")), "protobuf shop.Order, 3 bytes");
  EXPECT_EQ(PayloadLine(Make("x\x1b", "")), "x\\x1b, 0 bytes");
  EXPECT_EQ(PayloadText(Make("json", "{\"a\":[1,2],\"b\":\"0123456789\"}"), 24),
            "{\n  \"a\": [1, 2],\n  \"b\": \"0123456789\"\n}");
}

TEST(MemoValueTest, IsJsonOrAString) {
  EXPECT_EQ(MemoValue("12").data(), "12");
  EXPECT_EQ(MemoValue("a \"b\"").data(), R"("a \"b\"")");
  EXPECT_EQ(MemoValue("").data(), "\"\"");
}

}  // namespace
}  // namespace perdure::cli
