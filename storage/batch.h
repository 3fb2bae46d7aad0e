// Batch: the writes of one commit of one partition, kept as one flat buffer so that building, merging and
// replaying it costs no allocation for each entry.
#ifndef PERDURE_STORAGE_BATCH_H_
#define PERDURE_STORAGE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perdure::storage {

// Not thread-safe. Cheap to move. Entries apply in the order they were added.
class Batch {
 public:
  enum class Op : uint8_t { kPut = 1, kDelete = 2, kDeleteRange = 3 };

  explicit Batch(uint32_t partition = 0) : partition_(partition) {}

  void Put(std::string_view key, std::string_view value) { Add(Op::kPut, key, value); }
  void Delete(std::string_view key) { Add(Op::kDelete, key, {}); }
  // Deletes the keys of [begin, end).
  void DeleteRange(std::string_view begin, std::string_view end) { Add(Op::kDeleteRange, begin, end); }

  uint32_t partition() const { return partition_; }
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  size_t bytes() const { return data_.size(); }
  void Clear() {
    data_.clear();
    count_ = 0;
  }

  // Calls visit(op, key, value) for each entry in order; for kDeleteRange `value` is the end of the range.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    const char* p = data_.data();
    const char* const end = p + data_.size();
    while (p < end) {
      const Op op = static_cast<Op>(*p++);
      const std::string_view key = Take(p);
      const std::string_view value = Take(p);
      visit(op, key, value);
    }
  }

 private:
  void Add(Op op, std::string_view key, std::string_view value) {
    data_.push_back(static_cast<char>(op));
    AddLength(key.size());
    data_.append(key);
    AddLength(value.size());
    data_.append(value);
    ++count_;
  }
  void AddLength(size_t n) {
    while (n >= 0x80) {
      data_.push_back(static_cast<char>(n | 0x80));
      n >>= 7;
    }
    data_.push_back(static_cast<char>(n));
  }
  static std::string_view Take(const char*& p) {
    size_t n = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(*p++);
      n |= static_cast<size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    std::string_view v(p, n);
    p += n;
    return v;
  }

  uint32_t partition_;
  size_t count_ = 0;
  std::string data_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_BATCH_H_
