// Strands and scopes, and the accounting of coroutine frames.
#include "perdure/detail/strand.h"

#include <new>
#include <utility>

#include "perdure/errors.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::detail {

Leaf::~Leaf() {
  if (scope != nullptr) scope->Remove(*this);
}

void CancelLeaf(Leaf& leaf, const std::string& reason) { leaf.cell.run()->CancelLeaf(leaf, reason); }

void ForgetLeaf(Leaf& leaf) { leaf.cell.run()->ForgetLeaf(leaf); }

Scope::Scope(RunCore& run, Scope* parent, bool shield) : run_(run), parent_(parent), shield_(shield) {
  if (parent == nullptr) return;
  cancelled_ = parent->cancelled_;
  reason_ = parent->reason_;
  previous_ = parent->last_child_;
  (previous_ != nullptr ? previous_->next_ : parent->first_child_) = this;
  parent->last_child_ = this;
}

Scope::~Scope() {
  while (first_leaf_ != nullptr) Remove(*first_leaf_);
  if (!parent_) return;
  (previous_ != nullptr ? previous_->next_ : parent_->first_child_) = next_;
  (next_ != nullptr ? next_->previous_ : parent_->last_child_) = previous_;
}

void Scope::Add(Leaf& leaf) {
  leaf.scope = this;
  leaf.previous = last_leaf_;
  leaf.next = nullptr;
  (last_leaf_ != nullptr ? last_leaf_->next : first_leaf_) = &leaf;
  last_leaf_ = &leaf;
}

void Scope::Remove(Leaf& leaf) {
  (leaf.previous != nullptr ? leaf.previous->next : first_leaf_) = leaf.next;
  (leaf.next != nullptr ? leaf.next->previous : last_leaf_) = leaf.previous;
  leaf.scope = nullptr;
  leaf.previous = leaf.next = nullptr;
}

void Scope::Cancel(const std::string& reason) {
  if (cancelled_ || shield_ || run_.dying()) return;
  const Ref<Scope> keep(this);
  cancelled_ = true;
  reason_ = reason;
  while (first_leaf_ != nullptr) {
    Leaf& leaf = *first_leaf_;
    const Ref<CellBase> cell(&leaf.cell);
    Remove(leaf);
    cell->Cancel(reason);
  }
  // A child may end, and leave the list, while it is cancelled; none is added to a cancelled scope that would
  // not be cancelled from the start.
  for (Ref<Scope> child(first_child_); child;) {
    const Ref<Scope> following(child->next_);
    child->Cancel(reason);
    child = following;
  }
  if (strand_ != nullptr) strand_->Interrupt();
}

bool CellAwait::Ready() const {
  if (strand_ == nullptr) ThrowUsageError("this coroutine is not run by the SDK");
  if (!cell_) ThrowUsageError("this Pending was already handed over, detached or moved from");
  if (cell_->run() != &strand_->run()) ThrowUsageError("this Pending belongs to another run");
  if (cell_->settled()) return true;
  if (strand_->scope().cancelled() && !cell_->HoldsOff()) throw Cancelled(strand_->scope().reason());
  return false;
}

void CellAwait::Suspend(std::coroutine_handle<> coroutine) {
  strand_->next_ = coroutine;
  strand_->awaiting_ = this;
  cell_->Attach(*this);
}

void CellAwait::OnSettled() {
  strand_->awaiting_ = nullptr;
  strand_->run_.MakeReady(*strand_);
}

void CellAwait::ThrowIfInterrupted() const {
  if (interrupted_) throw Cancelled(strand_->scope().reason());
}

Strand::Strand(RunCore& run, Ref<Scope> scope) : run_(run), scope_(std::move(scope)) {
  scope_->set_strand(this);
}

Strand::~Strand() { scope_->set_strand(nullptr); }

bool Strand::Drive() {
  if (!begun_) {
    begun_ = true;
    next_ = Begin();
    if (!next_) return true;
  }
  // A coroutine that waits for a cell leaves itself in next_ for later, and is told apart by awaiting_.
  while (!finished_ && awaiting_ == nullptr && next_) std::exchange(next_, nullptr).resume();
  return finished_;
}

void Strand::Interrupt() {
  if (awaiting_ == nullptr || awaiting_->cell_->HoldsOff()) return;
  CellAwait& await = *awaiting_;
  await.interrupted_ = true;
  await.Detach();
  await.OnSettled();
}

namespace {
thread_local RunCore* current_run = nullptr;
}  // namespace

RunCore* CurrentRun() noexcept { return current_run; }

CurrentRunScope::CurrentRunScope(RunCore* run) : previous_(std::exchange(current_run, run)) {}
CurrentRunScope::~CurrentRunScope() { current_run = previous_; }

void* AllocateFrame(std::size_t bytes) {
  void* frame = ::operator new(bytes);
  if (RunCore* run = CurrentRun()) run->AddFrameBytes(static_cast<std::int64_t>(bytes));
  return frame;
}

void FreeFrame(void* frame, std::size_t bytes) noexcept {
  if (RunCore* run = CurrentRun()) run->AddFrameBytes(-static_cast<std::int64_t>(bytes));
  ::operator delete(frame, bytes);
}

}  // namespace perdure::detail
