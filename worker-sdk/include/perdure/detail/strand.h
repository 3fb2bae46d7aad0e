// Strands and scopes: what runs concurrently inside a run, and what is cancelled together.
//
// A strand is one chain of coroutines, each awaiting the next: the workflow function itself, and each spawned
// coroutine. A run resumes its strands one after the other, first in first out. Every strand has a scope;
// whatever its code issues belongs to that scope, and scopes form a tree along which cancellation goes down.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_STRAND_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_STRAND_H_

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>

#include "perdure/detail/cell.h"
#include "perdure/detail/ref.h"
#include "perdure/options.h"

namespace perdure::detail {

class Scope;
class Strand;

// A cell that the world outside the coroutines settles: a task, a timer, a step, a signal, a condition.
struct Leaf {
  enum class Kind : std::uint8_t { kTask, kTimer, kStep, kSignal, kCondition };

  explicit Leaf(CellBase& cell_of_leaf) : cell(cell_of_leaf) {}
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;
  ~Leaf();

  CellBase& cell;
  Kind kind = Kind::kTask;
  OnCancel on_cancel = OnCancel::kTry;
  bool cancel_sent = false;
  // 0: it has none (signals, conditions).
  std::int64_t seq = 0;
  // Of the task, step or signal.
  std::string name;

  // The scope's list.
  Scope* scope = nullptr;
  Leaf* previous = nullptr;
  Leaf* next = nullptr;
};

// Ends a leaf early, the way its kind asks for.
void CancelLeaf(Leaf& leaf, const std::string& reason);
// Takes a signal wait or a condition out of the run's lists.
void ForgetLeaf(Leaf& leaf);

template <class T>
class LeafCell final : public Cell<T>, public Leaf {
 public:
  LeafCell() : Leaf(static_cast<CellBase&>(*this)) {}
  void Cancel(const std::string& reason) override { CancelLeaf(*this, reason); }
  bool HoldsOff() const override { return cancel_sent; }
  void HandleDropped() override {
    // A task, a timer or a step goes on without its handle.
    if (kind == Kind::kSignal || kind == Kind::kCondition) ForgetLeaf(*this);
  }

 private:
  ~LeafCell() override = default;
};

// Cancellation goes to the leaves first, in the order issued, then to inner scopes, then to the strand itself
// if it waits for something that was not told.
class Scope final : public RefCounted {
 public:
  // A shield has no parent and cannot be cancelled.
  Scope(RunCore& run, Scope* parent, bool shield);

  bool cancelled() const { return cancelled_; }
  bool shield() const { return shield_; }
  const std::string& reason() const { return reason_; }
  void Cancel(const std::string& reason);

  void Add(Leaf& leaf);
  void Remove(Leaf& leaf);
  void set_strand(Strand* strand) { strand_ = strand; }

 private:
  ~Scope() override;

  RunCore& run_;
  Ref<Scope> parent_;
  const bool shield_;
  bool cancelled_ = false;
  std::string reason_;
  Strand* strand_ = nullptr;
  Leaf* first_leaf_ = nullptr;
  Leaf* last_leaf_ = nullptr;
  Scope* first_child_ = nullptr;
  Scope* last_child_ = nullptr;
  Scope* previous_ = nullptr;
  Scope* next_ = nullptr;
};

// One `co_await` of a cell, for as long as it lasts.
class CellAwait : public Waiter {
 public:
  void OnSettled() override;

 protected:
  CellAwait(CellBase* cell, Strand* strand) : cell_(Ref<CellBase>(cell)), strand_(strand) {}
  // Whether the cell is settled. Throws UsageError and Cancelled.
  bool Ready() const;
  void Suspend(std::coroutine_handle<> coroutine);
  void ThrowIfInterrupted() const;

 private:
  friend class Strand;
  const Handle<CellBase> cell_;
  Strand* const strand_;
  bool interrupted_ = false;
};

class Strand : public RefCounted {
 public:
  Strand(RunCore& run, Ref<Scope> scope);

  RunCore& run() const { return run_; }
  Scope& scope() const { return *scope_; }
  // Counted per run in the order started.
  std::int64_t id() const { return id_; }
  void set_id(std::int64_t id) { id_ = id; }

  // From coroutines: which one to resume when the present one has suspended. Going through here instead of
  // resuming in place keeps the stack flat however many awaits complete at once.
  void Next(std::coroutine_handle<> coroutine) { next_ = coroutine; }
  void RootFinished() { finished_ = true; }

  // Makes the coroutine; called once, on the first resumption.
  virtual std::coroutine_handle<> Begin() = 0;
  // Moves the outcome of the finished coroutine to its cell.
  virtual void Finish() = 0;

  // Runs until everything is suspended; whether the strand has finished.
  bool Drive();
  void Interrupt();

 protected:
  ~Strand() override;

 private:
  friend class CellAwait;

  RunCore& run_;
  Ref<Scope> scope_;
  std::int64_t id_ = 0;
  std::coroutine_handle<> next_;
  CellAwait* awaiting_ = nullptr;
  bool begun_ = false;
  bool finished_ = false;
};

// Coroutine frames, counted for the run that makes them.
void* AllocateFrame(std::size_t bytes);
void FreeFrame(void* frame, std::size_t bytes) noexcept;

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_STRAND_H_
