#include "server/api/entries.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace perdure::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// A tag and a length, or a tag and a value.
constexpr int kEntryBytesMin = 2;

// Whether the parser reads these bytes as that field. It keeps what it does not as a field that is not known.
bool IsReadAs(const FieldDescriptor& field, WireFormatLite::WireType wire) {
  const auto type = static_cast<WireFormatLite::FieldType>(field.type());
  return wire == WireFormatLite::WireTypeForFieldType(type) ||
         (field.is_packable() && wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

class Scan {
 public:
  Scan(google::protobuf::io::ZeroCopyInputStream& in, const EntryLimits& limits, bool look_inside)
      : in_(&in), limits_(limits), look_inside_(look_inside) {
    in_.SetRecursionLimit(kNestingMax);
  }

  EntryVerdict Judge(const Descriptor& type) {
    while (const uint32_t tag = in_.ReadTag()) {
      if (++outer_ > limits_.outer_max) return EntryVerdict::kTooManyOuter;
      if (!Take(type, tag, 0)) break;
    }
    return all_ > limits_.all_max ? EntryVerdict::kTooManyInside : EntryVerdict::kFits;
  }

 private:
  // One field. False: that was enough, or it does not parse.
  bool Take(const Descriptor& type, uint32_t tag, int depth) {
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const WireFormatLite::WireType wire = WireFormatLite::GetTagWireType(tag);
    const bool known = field != nullptr && IsReadAs(*field, wire);
    const bool long_one = wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    const bool message = known && long_one && field->message_type() != nullptr;
    // A field that is not known is kept as it came, and costs as much as a message.
    if (!known || message || (long_one && field->is_repeated())) ++all_;
    if (all_ > limits_.all_max) return false;
    if (message && look_inside_) return TakeInside(*field->message_type(), depth + 1);
    const int begin = in_.CurrentPosition();
    if (!WireFormatLite::SkipField(&in_, tag)) return false;
    // Groups are of no use here; what they hold is kept field by field.
    if (wire == WireFormatLite::WIRETYPE_START_GROUP)
      all_ += (in_.CurrentPosition() - begin) / kEntryBytesMin;
    return all_ <= limits_.all_max;
  }

  bool TakeInside(const Descriptor& type, int depth) {
    uint32_t length = 0;
    if (depth > kNestingMax || !in_.ReadVarint32(&length)) return false;
    const auto outside = in_.PushLimit(static_cast<int>(length));
    while (const uint32_t tag = in_.ReadTag()) {
      if (!Take(type, tag, depth)) return false;
    }
    const bool whole = in_.BytesUntilLimit() == 0;
    in_.PopLimit(outside);
    return whole;
  }

  google::protobuf::io::CodedInputStream in_;
  const EntryLimits limits_;
  const bool look_inside_;
  int64_t outer_ = 0;
  int64_t all_ = 0;
};

}  // namespace

EntryVerdict JudgeEntries(google::protobuf::io::ZeroCopyInputStream& in, size_t size, const Descriptor& type,
                          const EntryLimits& limits) {
  const int64_t possible = static_cast<int64_t>(size) / kEntryBytesMin;
  if (possible <= limits.outer_max) return EntryVerdict::kFits;
  return Scan(in, limits, possible > limits.all_max).Judge(type);
}

}  // namespace perdure::api
