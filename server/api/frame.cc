#include "server/api/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/api/entries.h"

namespace perdure::api {
namespace {

// What the items of a frame may hold, in messages for each of them on average. An answer of workflow code may
// hold thousands of commands; a frame of 256 such answers ends long before by its bytes.
constexpr int64_t kInsidePerItem = 50;

absl::Status CheckItems(grpc::ByteBuffer& bytes, int64_t items_max) {
  grpc::ProtoBufferReader reader(&bytes);
  if (!reader.status().ok()) return absl::OkStatus();
  const EntryLimits limits{items_max, items_max * kInsidePerItem};
  switch (JudgeEntries(reader, bytes.Length(), *v1::WorkerFrame::descriptor(), limits)) {
    case EntryVerdict::kFits:
      return absl::OkStatus();
    case EntryVerdict::kTooManyOuter:
      return absl::InvalidArgumentError(absl::StrCat("frame: it holds more items than frame_items_max, ",
                                                     items_max, "; send them in several frames"));
    case EntryVerdict::kTooManyInside:
      return absl::InvalidArgumentError(absl::StrCat("frame: its items hold more than ", limits.all_max,
                                                     " messages, ", kInsidePerItem,
                                                     " times frame_items_max; send them in several frames"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseFrame(grpc::ByteBuffer& bytes, int64_t items_max, v1::WorkerFrame& frame) {
  const size_t size = bytes.Length();
  if (absl::Status status = CheckItems(bytes, items_max); !status.ok()) {
    bytes.Clear();
    return status;
  }
  bool good = false;
  {
    grpc::ProtoBufferReader reader(&bytes);
    if (reader.status().ok()) {
      google::protobuf::io::CodedInputStream in(&reader);
      // Failures nest. The engine cuts a long chain of causes, but it must arrive there first: protobuf's own
      // limit, 100, would refuse the frame, and the worker would send it again and again. No deeper than
      // this, since parsing recurses.
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
