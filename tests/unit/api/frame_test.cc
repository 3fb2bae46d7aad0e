// Worker frames on the wire.
#include "server/api/frame.h"

#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace perdure::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kItemsMax = 1'000;

grpc::ByteBuffer Bytes(const std::string& data) {
  grpc::Slice slice(data);
  return grpc::ByteBuffer(&slice, 1);
}

v1::WorkerFrame WithCauses(int causes) {
  v1::WorkerFrame frame;
  v1::Failure* failure = frame.add_task_answers()->mutable_failure();
  for (int i = 0; i < causes; ++i) failure = failure->mutable_cause();
  failure->set_message("the root of it");
  return frame;
}

TEST(FrameTest, ReadsAFrame) {
  v1::WorkerFrame sent;
  sent.mutable_hello()->set_session_id("w");
  grpc::ByteBuffer bytes = Bytes(sent.SerializeAsString());
  v1::WorkerFrame got;
  ASSERT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
  EXPECT_EQ(got.hello().session_id(), "w");
}

TEST(FrameTest, ReadsAFrameInPieces) {
  v1::WorkerFrame sent;
  for (int i = 0; i < 100; ++i) sent.add_task_answers()->mutable_result()->set_data(std::string(1'000, 'x'));
  const std::string data = sent.SerializeAsString();
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < data.size(); i += 777) slices.emplace_back(data.substr(i, 777));
  grpc::ByteBuffer bytes(slices.data(), slices.size());
  v1::WorkerFrame got;
  ASSERT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
  EXPECT_EQ(got.task_answers_size(), 100);
}

TEST(FrameTest, NoBytesAreAnEmptyFrame) {
  grpc::ByteBuffer bytes = Bytes("");
  v1::WorkerFrame got;
  EXPECT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
}

TEST(FrameTest, RefusesWhatIsNotAFrame) {
  v1::WorkerFrame whole;
  whole.mutable_hello()->set_session_id("some session");
  const std::string data = whole.SerializeAsString();
  v1::WorkerFrame bad_text;
  bad_text.mutable_hello()->set_session_id("abc");
  std::string not_utf8 = bad_text.SerializeAsString();
  not_utf8[not_utf8.size() - 1] = '\xff';
  for (const std::string& bytes_of : {std::string("\xff\xff\xff\xff"), data.substr(0, data.size() - 3),
                                      std::string("GET / HTTP/1.1\r\n"), not_utf8}) {
    grpc::ByteBuffer bytes = Bytes(bytes_of);
    v1::WorkerFrame got;
    const absl::Status status = ParseFrame(bytes, kItemsMax, got);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr("frame"), HasSubstr(std::to_string(bytes_of.size())), HasSubstr("WorkerFrame")));
  }
}

// With protobuf's own limit of 100 such an answer would end the stream, and would be sent again on the next
// one.
TEST(FrameTest, TakesADeepChainOfCauses) {
  grpc::ByteBuffer bytes = Bytes(WithCauses(500).SerializeAsString());
  v1::WorkerFrame got;
  EXPECT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
}

TEST(FrameTest, RefusesABottomlessChainOfCauses) {
  // Innermost first, since a message this deep could not be written either.
  std::string failure;
  for (int i = 0; i < 20'000; ++i) {
    std::string outer = "\x3a";  // Failure.cause
    for (size_t n = failure.size();; n >>= 7) {
      outer.push_back(static_cast<char>(n >= 0x80 ? (n & 0x7f) | 0x80 : n));
      if (n < 0x80) break;
    }
    failure = outer + failure;
  }
  v1::TaskAnswer answer;
  answer.GetReflection()->MutableUnknownFields(&answer)->AddLengthDelimited(4, failure);
  v1::WorkerFrame frame;
  frame.GetReflection()->MutableUnknownFields(&frame)->AddLengthDelimited(4, answer.SerializeAsString());
  grpc::ByteBuffer bytes = Bytes(frame.SerializeAsString());
  v1::WorkerFrame got;
  EXPECT_EQ(ParseFrame(bytes, kItemsMax, got).code(), absl::StatusCode::kInvalidArgument);
}

// Two bytes on the wire, hundreds in memory: 500,000 of these in one megabyte were 400 MB.
TEST(FrameTest, RefusesMoreItemsThanAllowedWithoutParsingThem) {
  std::string data;
  for (int i = 0; i < 500'000; ++i) data += std::string("\x1a\x00", 2);  // an empty step answer
  grpc::ByteBuffer bytes = Bytes(data);
  v1::WorkerFrame got;
  const absl::Status status = ParseFrame(bytes, kItemsMax, got);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("frame_items_max, 1000"));
  EXPECT_EQ(got.step_answers_size(), 0);
  EXPECT_EQ(bytes.Length(), 0u);
}

TEST(FrameTest, TakesAsManyItemsAsAllowed) {
  v1::WorkerFrame sent;
  for (int i = 0; i < kItemsMax; ++i)
    sent.add_step_answers()->mutable_step()->mutable_result()->set_data("some data");
  grpc::ByteBuffer bytes = Bytes(sent.SerializeAsString());
  v1::WorkerFrame got;
  ASSERT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
  EXPECT_EQ(got.step_answers_size(), kItemsMax);
}

TEST(FrameTest, RefusesTooManyMessagesInsideOfItsItems) {
  v1::WorkerFrame commands;
  v1::Advance& advance = *commands.add_activation_answers()->mutable_advance();
  for (int i = 0; i < 60'000; ++i) advance.add_commands();
  v1::WorkerFrame hello;
  for (int i = 0; i < 60'000; ++i) hello.mutable_hello()->add_task_types("");
  // Unknown fields, outside and in a group, are kept as well.
  v1::WorkerFrame unknown;
  google::protobuf::UnknownFieldSet& fields =
      *unknown.GetReflection()->MutableUnknownFields(unknown.mutable_hello());
  for (int i = 0; i < 60'000; ++i) fields.AddVarint(1'000, 1);
  // So are known ones of another wire type: a command that is a number.
  v1::WorkerFrame mistyped;
  google::protobuf::UnknownFieldSet& in_advance =
      *advance.GetReflection()->MutableUnknownFields(mistyped.add_activation_answers()->mutable_advance());
  for (int i = 0; i < 60'000; ++i) in_advance.AddVarint(v1::Advance::kCommandsFieldNumber, 1);
  v1::WorkerFrame group;
  google::protobuf::UnknownFieldSet& in_group =
      *group.GetReflection()->MutableUnknownFields(&group)->AddGroup(99);
  for (int i = 0; i < 60'000; ++i) in_group.AddVarint(1, 1);
  for (const v1::WorkerFrame* frame : {&commands, &hello, &unknown, &mistyped, &group}) {
    grpc::ByteBuffer bytes = Bytes(frame->SerializeAsString());
    v1::WorkerFrame got;
    const absl::Status status = ParseFrame(bytes, kItemsMax, got);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << frame->ByteSizeLong();
    EXPECT_THAT(std::string(status.message()), HasSubstr("more than 50000 messages"));
  }
}

TEST(FrameTest, TakesOneItemOfManyCommands) {
  v1::WorkerFrame sent;
  v1::Advance& advance = *sent.add_activation_answers()->mutable_advance();
  for (int i = 0; i < 20'000; ++i) advance.add_commands()->mutable_start_timer()->set_delay_ms(1'000'000);
  grpc::ByteBuffer bytes = Bytes(sent.SerializeAsString());
  v1::WorkerFrame got;
  ASSERT_TRUE(ParseFrame(bytes, kItemsMax, got).ok());
  EXPECT_EQ(got.activation_answers(0).advance().commands_size(), 20'000);
}

// The count stops where the parser stops, so that nothing comes in behind what it cannot read.
TEST(FrameTest, FindsItemsBehindDeepOnes) {
  std::string data = WithCauses(900).SerializeAsString();
  for (int i = 0; i < 60'000; ++i) data += std::string("\x1a\x00", 2);
  grpc::ByteBuffer bytes = Bytes(data);
  v1::WorkerFrame got;
  EXPECT_THAT(std::string(ParseFrame(bytes, kItemsMax, got).message()), HasSubstr("frame_items_max"));
}

TEST(FrameTest, WritesAFrame) {
  v1::ServerFrame sent;
  sent.add_acked_answer_ids(7);
  grpc::ByteBuffer bytes = Bytes("left over");
  SerializeFrame(sent, bytes);
  grpc::Slice slice;
  ASSERT_TRUE(bytes.DumpToSingleSlice(&slice).ok());
  v1::ServerFrame got;
  ASSERT_TRUE(got.ParseFromArray(slice.begin(), static_cast<int>(slice.size())));
  EXPECT_EQ(got.acked_answer_ids(0), 7u);
}

}  // namespace
}  // namespace perdure::api
