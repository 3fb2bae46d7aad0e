// Worker frames on the wire: bytes that any worker may send. What is taken is a frame within its limits, and
// it does not matter how the bytes came in pieces.
//
// Input: one byte for frame_items_max, one for the size of the pieces, then the frame.
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstring>
#include <vector>

#include "server/api/frame.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/entry_count.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/sample_frames.h"
#include "tests/fuzz/seeds.h"

namespace perdure::fuzz {
namespace {

constexpr size_t kHeadBytes = 2;
// As documented in worker_service.proto: what is inside the items may come to so many times as much.
constexpr int64_t kInsidePerItem = 50;

grpc::ByteBuffer InPieces(const uint8_t* data, size_t size, size_t piece) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < size; at += piece) slices.emplace_back(data + at, std::min(piece, size - at));
  return {slices.data(), slices.size()};
}

void Try(const uint8_t* data, size_t size) {
  if (size < kHeadBytes) return;
  const int64_t items_max = 1 + data[0] % 64;
  const size_t piece = 1 + data[1] % 32;
  data += kHeadBytes;
  size -= kHeadBytes;

  grpc::ByteBuffer bytes = InPieces(data, size, piece);
  v1::WorkerFrame frame;
  const absl::Status status = api::ParseFrame(bytes, items_max, frame);
  grpc::ByteBuffer whole = InPieces(data, size, std::max<size_t>(size, 1));
  v1::WorkerFrame again;
  // What is wrong with bytes that are no frame may be found at another place, but they are no frame.
  Check(api::ParseFrame(whole, items_max, again).code() == status.code(), "the pieces matter");
  if (!status.ok()) {
    Check(absl::IsInvalidArgument(status), "another error than it says: ", status.ToString());
    return;
  }

  v1::WorkerFrame plain;
  Check(ReadMessage(plain, data, size), "no message, but a frame");
  const std::string text = plain.SerializeAsString();
  Check(frame.SerializeAsString() == text && again.SerializeAsString() == text,
        "another frame than was sent");
  const EntryCount count = CountEntries(frame);
  Check(count.outer <= items_max, count.outer, " items where ", items_max, " are the most");
  Check(count.all <= items_max * kInsidePerItem, count.all, " messages where ", items_max * kInsidePerItem,
        " are the most");
}

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const auto& [name, frame] : SampleFrames()) {
    seeds.push_back({name, std::string("\x20\x07", kHeadBytes) + frame.SerializeAsString()});
  }
  // Many empty items, and failures that nest deeply.
  std::string many("\x01\x10", kHeadBytes);
  for (int i = 0; i < 100; ++i) many.append("\x12\0", 2);
  seeds.push_back({"many_empty_items", many});
  v1::WorkerFrame deep;
  v1::Failure* failure = deep.add_task_answers()->mutable_failure();
  for (int i = 0; i < 120; ++i) failure = failure->mutable_cause();
  seeds.push_back({"deep_failure", std::string("\x3f\x05", kHeadBytes) + deep.SerializeAsString()});
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::fuzz::Try(data, size);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr size_t kHead = perdure::fuzz::kHeadBytes;
  if (size < kHead || max_size < kHead || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  perdure::v1::WorkerFrame frame;
  return kHead + perdure::fuzz::MutateMessage(frame, data + kHead, size - kHead, max_size - kHead, seed);
}
