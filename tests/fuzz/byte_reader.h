// ByteReader: an input as a sequence of values. What lies behind the end reads as zeros, so that every input
// means something. In the order they are written, unlike FuzzedDataProvider's: so seeds can be spelled.
#ifndef PERDURE_TESTS_FUZZ_BYTE_READER_H_
#define PERDURE_TESTS_FUZZ_BYTE_READER_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace perdure::fuzz {

class ByteReader {
 public:
  ByteReader(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }

  uint8_t U8() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  uint64_t Integer(int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; ++i) v = v << 8 | U8();
    return v;
  }
  // One byte says how many follow.
  std::string_view Text() {
    const size_t size = U8();
    return Take(size);
  }
  std::string_view Rest() { return Take(rest_.size()); }

 private:
  std::string_view Take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_BYTE_READER_H_
