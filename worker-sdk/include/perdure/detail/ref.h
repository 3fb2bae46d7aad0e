// Reference counting for objects that belong to one run and so to one thread at a time: no atomics.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_REF_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_REF_H_

#include <utility>

namespace perdure::detail {

class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void AddRef() { ++refs_; }
  void Release() {
    if (--refs_ == 0) delete this;
  }
  int refs() const { return refs_; }

 protected:
  virtual ~RefCounted() = default;

 private:
  int refs_ = 0;
};

template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->AddRef();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->Release();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_REF_H_
