#include "server/engine/bounds.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure::engine {
namespace {

constexpr size_t kMessageBytesMax = 2'048;
constexpr size_t kNameBytesMax = 256;
// So much of a failure is kept however small the limit is: the server's own explanations must get through.
constexpr int64_t kFailureBytesMin = 4'096;

// Never within a UTF-8 character.
void Cut(std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
}

}  // namespace

void CutToLimit(v1::Failure& failure, const Limits& limits) {
  v1::Failure* innermost = &failure;
  for (int i = 0; i < kCausesMax && innermost->has_cause(); ++i) innermost = innermost->mutable_cause();
  innermost->clear_cause();
  const size_t bytes = failure.ByteSizeLong();
  if (static_cast<int64_t>(bytes) <= std::max(limits.payload_bytes_max, kFailureBytesMin)) return;
  failure.clear_details();
  failure.clear_cause();
  Cut(*failure.mutable_type(), kNameBytesMax);
  Cut(*failure.mutable_source(), kNameBytesMax);
  Cut(*failure.mutable_message(), kMessageBytesMax);
  absl::StrAppend(failure.mutable_message(), " (cut: the failure had ", bytes,
                  " bytes, the limit payload_bytes_max is ", limits.payload_bytes_max, ")");
}

}  // namespace perdure::engine
