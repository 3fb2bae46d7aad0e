// Cells, their waiters, and combinations of cells.
#include "perdure/detail/cell.h"

#include "perdure/detail/combinator.h"
#include "perdure/errors.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::detail {

void ThrowUsageError(const std::string& message) { throw UsageError(message); }

void Waiter::Detach() {
  if (cell_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : cell_->first_) = next_;
  (next_ != nullptr ? next_->previous_ : cell_->last_) = previous_;
  cell_ = nullptr;
  previous_ = next_ = nullptr;
}

CellBase::~CellBase() {
  while (first_ != nullptr) first_->Detach();
}

void CellBase::Attach(Waiter& waiter) {
  if (settled()) {
    waiter.OnSettled();
    return;
  }
  waiter.cell_ = this;
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
}

void CellBase::SettleError(std::exception_ptr error) {
  if (settled()) return;
  error_ = std::move(error);
  NoteSettled();
}

void CellBase::Deliver(const Payload&) { ThrowUsageError("a payload came for something that takes none"); }

void CellBase::NoteSettled() {
  state_ = error_ ? State::kFailed : State::kValue;
  // A waiter may drop the last handle on this cell.
  const Ref<CellBase> keep(this);
  while (first_ != nullptr) {
    Waiter& waiter = *first_;
    waiter.Detach();
    waiter.OnSettled();
  }
}

void KeepUntilSettled(CellBase& cell) { cell.run()->KeepUntilSettled(cell); }

void ChildWatch::Watch(std::vector<CellBase*> children) {
  children_ = std::move(children);
  links_ = std::make_unique<Link[]>(children_.size());
  watching_ = true;
  for (std::size_t i = 0; i < children_.size() && watching_; ++i) {
    links_[i].Set(this, i);
    children_[i]->Attach(links_[i]);
  }
}

void ChildWatch::Unwatch() {
  watching_ = false;
  for (std::size_t i = 0; i < children_.size(); ++i) links_[i].Detach();
}

void ChildWatch::CancelOpen(const std::string& reason) {
  Unwatch();
  for (CellBase* cell : children_) {
    if (!cell->settled()) cell->Cancel(reason);
  }
}

bool ChildWatch::AnyHoldsOff() const {
  for (const CellBase* cell : children_) {
    if (!cell->settled() && cell->HoldsOff()) return true;
  }
  return false;
}

}  // namespace perdure::detail
