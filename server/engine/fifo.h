// Fifo: a queue in one block of memory, and none at all while it is empty. There is one or more in every run
// that is held in memory; an empty std::deque takes 600 bytes.
#ifndef PERDURE_SERVER_ENGINE_FIFO_H_
#define PERDURE_SERVER_ENGINE_FIFO_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace perdure::engine {

template <typename T>
class Fifo {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  const T& front() const { return items_[head_]; }
  const T& operator[](size_t i) const { return items_[head_ + i]; }
  const_iterator begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  const_iterator end() const { return items_.end(); }

  void push_back(T item) { items_.push_back(std::move(item)); }
  // Moves what is left only when that is less than what is gone: constant time an item.
  void pop_front() {
    items_[head_++] = T();
    if (head_ == items_.size()) {
      items_.clear();
      head_ = 0;
      if (items_.capacity() > kKept) clear();
    } else if (head_ > items_.size() / 2) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }
  // Gives the memory back.
  void clear() {
    std::vector<T>().swap(items_);
    head_ = 0;
  }

  friend bool operator==(const Fifo& a, const Fifo& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!(a[i] == b[i])) return false;
    }
    return true;
  }

 private:
  // Room for so many stays when it runs empty.
  static constexpr size_t kKept = 16;

  std::vector<T> items_;
  size_t head_ = 0;
};

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_FIFO_H_
