#include "server/api/request_size.h"

#include <google/protobuf/io/zero_copy_stream.h>

#include "absl/strings/str_cat.h"
#include "server/api/entries.h"

namespace perdure::api {
namespace {

constexpr int64_t kNamesBytes = 1 << 20;
constexpr int64_t kOtherEntries = 1'000;
// A memo entry is a message that holds a payload.
constexpr int64_t kMessagesPerEntry = 4;
constexpr int64_t kEntriesPerStart = 50;

// The bytes of a gRPC buffer, where they are. grpc::ProtoBufferReader would do, but for a handler of one's
// own there is no way to make the grpc::ByteBuffer that it wants.
class SliceStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit SliceStream(grpc_byte_buffer* buffer)
      : valid_(grpc::g_core_codegen_interface->grpc_byte_buffer_reader_init(&reader_, buffer) != 0) {}
  ~SliceStream() override {
    if (valid_) grpc::g_core_codegen_interface->grpc_byte_buffer_reader_destroy(&reader_);
  }

  bool Next(const void** data, int* size) override {
    if (!valid_) return false;
    if (back_ == 0) {
      if (!grpc::g_core_codegen_interface->grpc_byte_buffer_reader_peek(&reader_, &slice_)) return false;
      back_ = static_cast<int>(GRPC_SLICE_LENGTH(*slice_));
    }
    *data = GRPC_SLICE_START_PTR(*slice_) + GRPC_SLICE_LENGTH(*slice_) - static_cast<size_t>(back_);
    *size = back_;
    read_ += back_;
    back_ = 0;
    return true;
  }
  void BackUp(int count) override {
    back_ = count;
    read_ -= count;
  }
  bool Skip(int count) override {
    const void* data = nullptr;
    for (int size = 0; Next(&data, &size); count -= size) {
      if (size < count) continue;
      BackUp(size - count);
      return true;
    }
    return false;
  }
  int64_t ByteCount() const override { return read_; }

 private:
  grpc_byte_buffer_reader reader_;
  const bool valid_;
  grpc_slice* slice_ = nullptr;
  // Of the slice: what is not handed out yet, or was handed back.
  int back_ = 0;
  int64_t read_ = 0;
};

}  // namespace

RequestLimits RequestLimitsOf(const ApiLimits& l) {
  const int64_t entries =
      kMessagesPerEntry * (l.memo_entries_max + l.non_retryable_types_max) + kOtherEntries;
  return {2 * (l.payload_bytes_max + l.memo_bytes_max) + kNamesBytes, entries, entries};
}

RequestLimits BatchLimitsOf(const ApiLimits& l) {
  RequestLimits limits = RequestLimitsOf(l);
  // A few starts too many are told so by Validate, with their number.
  limits.outer_max = 2 * l.starts_per_call_max;
  limits.entries_max += kEntriesPerStart * l.starts_per_call_max;
  limits.batch = true;
  return limits;
}

absl::Status TooLarge(const RequestLimits& limits) {
  if (limits.batch) {
    return absl::InvalidArgumentError(
        absl::StrCat("starts: the request has more than ", limits.bytes_max, " bytes, or more than ",
                     limits.outer_max, " starts, or more than ", limits.entries_max,
                     " entries in all their lists; send fewer starts in one call"));
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "the request is larger than any that is valid: it has more than ", limits.bytes_max,
      " bytes (2 x payload_bytes_max, 2 x memo_bytes_max and room for names), or more than ",
      limits.entries_max, " entries in its lists; keep large data elsewhere and pass a reference"));
}

bool Fits(grpc_byte_buffer* request, const google::protobuf::Descriptor& type, const RequestLimits& limits) {
  if (request == nullptr) return true;
  const size_t size = grpc::g_core_codegen_interface->grpc_byte_buffer_length(request);
  if (static_cast<int64_t>(size) > limits.bytes_max) return false;
  SliceStream in(request);
  return JudgeEntries(in, size, type, {limits.outer_max, limits.entries_max}) == EntryVerdict::kFits;
}

}  // namespace perdure::api
