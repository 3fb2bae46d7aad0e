#include "server/api/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace perdure::api {
namespace {

// Failures nest. The engine cuts a long chain of causes, but it must arrive there first: protobuf's own
// limit, 100, would refuse the frame, and the worker would send it again and again. No deeper, since parsing
// recurses.
constexpr int kNestingMax = 1'000;

}  // namespace

absl::Status ParseFrame(grpc::ByteBuffer& bytes, v1::WorkerFrame& frame) {
  const size_t size = bytes.Length();
  bool good = false;
  {
    grpc::ProtoBufferReader reader(&bytes);
    if (reader.status().ok()) {
      google::protobuf::io::CodedInputStream in(&reader);
      in.SetRecursionLimit(kNestingMax);
      good = frame.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
    }
  }
  bytes.Clear();
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame: its ", size,
                     " bytes are not a perdure.v1.WorkerFrame (they do not parse, or "
                     "a text in them is not UTF-8)"));
  }
  return absl::OkStatus();
}

void SerializeFrame(const v1::ServerFrame& frame, grpc::ByteBuffer& bytes) {
  bool owned = false;
  bytes.Clear();
  // Only a message past 2 GiB cannot be written; frames end at about 1 MiB.
  (void)grpc::SerializationTraits<v1::ServerFrame>::Serialize(frame, &bytes, &owned);
}

}  // namespace perdure::api
