// Key: the bytes of one key, built in place. Almost every key fits inside the object, so that spelling one on
// the hot path allocates nothing; a key with a long name in it moves to the heap by itself.
#ifndef PERDURE_STORAGE_KEY_H_
#define PERDURE_STORAGE_KEY_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace perdure::storage {

// Not thread-safe; copy freely. The view a key converts to is valid while the key lives and is not changed.
class Key {
 public:
  Key() = default;

  std::string_view view() const {
    return heap_.empty() ? std::string_view(inline_, size_) : std::string_view(heap_);
  }
  operator std::string_view() const { return view(); }  // NOLINT: a key is used as its bytes
  std::string str() const { return std::string(view()); }
  size_t size() const { return view().size(); }

  // Each appends one field. Integers are big-endian, so that their bytes sort as they do.
  Key& U8(uint8_t v) {
    const char byte = static_cast<char>(v);
    return Append({&byte, 1});
  }
  Key& U16(uint16_t v) { return BigEndian(v, 2); }
  Key& U64(uint64_t v) { return BigEndian(v, 8); }
  // A name with more fields behind it. It ends in 0x00; bytes 0x00 and 0x01 inside it become 0x01 0x01 and
  // 0x01 0x02, which keeps both the order of names and the order of what follows them.
  Key& Name(std::string_view name);
  // The last field: its bytes as they are.
  Key& Rest(std::string_view bytes) { return Append(bytes); }

  // The first key that is after every key that begins with this one. Empty if there is none (all 0xff).
  Key Successor() const;

  friend bool operator==(const Key& a, const Key& b) { return a.view() == b.view(); }
  friend auto operator<=>(const Key& a, const Key& b) { return a.view() <=> b.view(); }

 private:
  static constexpr size_t kInlineBytes = 63;

  Key& Append(std::string_view bytes) {
    if (heap_.empty() && size_ + bytes.size() <= kInlineBytes) {
      std::memcpy(inline_ + size_, bytes.data(), bytes.size());
      size_ = static_cast<uint8_t>(size_ + bytes.size());
      return *this;
    }
    if (heap_.empty()) heap_.assign(inline_, size_);
    heap_.append(bytes);
    return *this;
  }
  Key& BigEndian(uint64_t v, size_t bytes) {
    char buffer[8];
    for (size_t i = 0; i < bytes; ++i) buffer[i] = static_cast<char>(v >> (8 * (bytes - 1 - i)));
    return Append({buffer, bytes});
  }

  uint8_t size_ = 0;
  char inline_[kInlineBytes];
  std::string heap_;
};

// The keys of [begin, end).
struct KeyRange {
  Key begin;
  Key end;

  bool Contains(std::string_view key) const { return begin.view() <= key && key < end.view(); }
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_KEY_H_
