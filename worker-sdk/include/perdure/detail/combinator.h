// Cells that wait for other cells: what All, AllSettled, Any, Try and WithTimeout return handles on.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_COMBINATOR_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_COMBINATOR_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "perdure/detail/cell.h"

namespace perdure::detail {

// Watches a fixed list of cells, which somebody else keeps alive. A completion costs O(1).
class ChildWatch {
 public:
  ChildWatch() = default;
  ChildWatch(const ChildWatch&) = delete;
  ChildWatch& operator=(const ChildWatch&) = delete;

 protected:
  ~ChildWatch() = default;

  // Calls ChildSettled for each cell that is settled already, in order, then for each as it settles.
  void Watch(std::vector<CellBase*> children);
  // Not a word from the children any more.
  void Unwatch();
  // Unwatches, and cancels the children that are still open.
  void CancelOpen(const std::string& reason);
  bool AnyHoldsOff() const;

  CellBase& child(std::size_t index) const { return *children_[index]; }
  std::size_t child_count() const { return children_.size(); }

  virtual void ChildSettled(std::size_t index) = 0;

 private:
  class Link final : public Waiter {
   public:
    void Set(ChildWatch* owner, std::size_t index) {
      owner_ = owner;
      index_ = index;
    }
    void OnSettled() override { owner_->ChildSettled(index_); }

   private:
    ChildWatch* owner_ = nullptr;
    std::size_t index_ = 0;
  };

  std::vector<CellBase*> children_;
  std::unique_ptr<Link[]> links_;
  bool watching_ = false;
};

// Has the cell's run hold it until it settles.
void KeepUntilSettled(CellBase& cell);

// A cell over children; cancelling it cancels those that are open.
template <class T>
class CombinedCell : public Cell<T>, protected ChildWatch {
 public:
  void Cancel(const std::string& reason) override {
    const Ref<CellBase> keep(this);
    for (std::size_t i = 0; i < child_count() && !this->settled(); ++i) {
      if (!child(i).settled()) child(i).Cancel(reason);
    }
  }
  bool HoldsOff() const override { return AnyHoldsOff(); }
  void HandleDetached() override { KeepUntilSettled(*this); }
};

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_COMBINATOR_H_
