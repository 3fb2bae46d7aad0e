// The turn of a run: clock, stimuli, coroutines in the order they became ready, and how the run closes.
#include "worker-sdk/src/runtime/run.h"

#include <iterator>
#include <utility>

#include "perdure/detail/spawn.h"
#include "worker-sdk/src/runtime/convert.h"

namespace perdure::detail {
namespace {

// What a run holds beside frames and payloads, roughly.
constexpr std::int64_t kRunBytes = 3072;
constexpr std::int64_t kWaitingBytes = 320;
constexpr std::int64_t kStrandBytes = 256;
// Nobody can tell how long a coroutine keeps what it was given: it counts in full at first, and
// for this share less with each later turn.
constexpr std::int64_t kTakenShareDropped = 8;

Logger::Fields IdsOf(const WorkflowInfo& info) {
  return {{"workflow_id", info.workflow_id}, {"run_id", info.run_id}, {"workflow_type", info.workflow_type}};
}

std::chrono::system_clock::time_point TimeOf(std::int64_t unix_ms) {
  return std::chrono::system_clock::time_point(Milliseconds(unix_ms));
}

}  // namespace

std::string SourceOf(const char* kind, std::string_view name, std::int64_t seq, int attempt) {
  std::string text = std::string(kind) + " " + std::string(name) + " (seq " + std::to_string(seq);
  if (attempt > 0) text += ", attempt " + std::to_string(attempt);
  return text + ")";
}

RunCore::RunCore(const WorkflowFunction& function, const PayloadConverter* converter,
                 std::shared_ptr<const LogSink> log)
    : function_(function), converter_(converter), context_(*this), log_sink_(std::move(log)) {}

RunCore::~RunCore() {
  const CurrentRunScope scope(this);
  dying_ = true;
  ready_.clear();
  // Last spawned first: a coroutine may refer to variables of the one that spawned it.
  while (!strands_.empty()) {
    const Ref<Strand> last = std::move(std::prev(strands_.end())->second);
    strands_.erase(std::prev(strands_.end()));
  }
  kept_.clear();
  waiting_.clear();
  conditions_.clear();
  open_steps_.clear();
}

void RunCore::BeginTurn(std::int64_t time_unix_ms, std::int64_t history_length, bool replaying) {
  now_unix_ms_ = time_unix_ms;
  info_.history_length = history_length;
  info_.replaying = replaying;
  commands_.clear();
  taken_bytes_ -= taken_bytes_ / kTakenShareDropped;
}

void RunCore::FinishTurn() {
  while (!refusal_.has_value() && !closed_) {
    if (!ready_.empty()) {
      Strand& strand = *ready_.front();
      ready_.pop_front();
      Resume(strand);
    } else if (!SettleConditions()) {
      return;
    }
  }
}

void RunCore::Resume(Strand& strand) {
  running_ = &strand;
  if (strand.Drive()) {
    strand.Finish();
    const auto entry = strands_.find(strand.id());
    const Ref<Strand> finished = std::move(entry->second);
    strands_.erase(entry);
  }
  running_ = nullptr;
  if (outcome_ && outcome_->settled() && !refusal_.has_value()) Close();
}

bool RunCore::Holds(const std::function<bool()>& predicate) {
  // Nothing may be issued by a predicate: how often it is asked is not part of the history.
  Strand* const running = std::exchange(running_, nullptr);
  struct Restore {
    Strand*& slot;
    Strand* value;
    ~Restore() { slot = value; }
  } const restore{running_, running};
  return predicate();
}

bool RunCore::SettleConditions() {
  bool settled_any = false;
  for (auto at = conditions_.begin(); at != conditions_.end();) {
    const std::int64_t ticket = at->first;
    Leaf& leaf = *at->second.leaf;
    const Ref<CellBase> cell(&leaf.cell);
    std::exception_ptr error;
    bool holds = false;
    try {
      holds = Holds(at->second.predicate);
    } catch (...) {
      error = std::current_exception();
    }
    if (holds || error) {
      ForgetLeaf(leaf);
      error ? cell->SettleError(error) : cell->Deliver({});
      settled_any = true;
    }
    at = conditions_.upper_bound(ticket);
  }
  return settled_any;
}

void RunCore::Close() {
  v1::Command command;
  if (!outcome_->failed()) {
    try {
      Payload result = outcome_->Take();
      if (!info_.replaying) result = runtime::Encode(converter_, std::move(result));
      *command.mutable_complete_run()->mutable_result() = runtime::ToProto(std::move(result));
    } catch (...) {
      return RefuseInput("the run's result", std::current_exception());
    }
  } else {
    const Failure failure = FailureFrom(outcome_->error());
    // Not what the workflow decided but a fault of this worker: another one may carry on.
    if (failure.kind == FailureKind::kWorkerError) return Refuse(failure);
    if (failure.kind == FailureKind::kCancelled && cancel_requested_) {
      v1::CancelRun& cancel = *command.mutable_cancel_run();
      if (!failure.details.empty()) {
        try {
          Payload details = failure.details;
          if (!info_.replaying) details = runtime::Encode(converter_, std::move(details));
          *cancel.mutable_details() = runtime::ToProto(std::move(details));
        } catch (...) {
          return RefuseInput("the details of the run's cancellation", std::current_exception());
        }
      }
    } else {
      *command.mutable_fail_run()->mutable_failure() = runtime::ToProto(failure, converter_);
    }
  }
  commands_.push_back(std::move(command));
  closed_ = true;
}

void RunCore::Refuse(Failure failure) {
  if (!refusal_.has_value()) refusal_ = std::move(failure);
}

void RunCore::RefuseInput(const std::string& what, const std::exception_ptr& error) {
  Failure failure = FailureFrom(error);
  failure.kind = FailureKind::kWorkerError;
  failure.message = what + ": " + failure.message;
  Refuse(std::move(failure));
}

void RunCore::Begin(const v1::RunStarted& started, std::int64_t time_unix_ms) {
  info_.namespace_name = started.namespace_();
  info_.workflow_id = started.workflow_id();
  info_.run_id = started.run_id();
  info_.workflow_type = started.workflow_type();
  info_.task_queue = started.task_queue();
  info_.attempt = started.attempt();
  info_.first_run_id = started.first_run_id();
  info_.start_time = TimeOf(time_unix_ms);
  log_.emplace(log_sink_, IdsOf(info_), &info_.replaying);
  random_ = RandomSource(started.random_seed());
  // A sequence of its own, so that asking for a UUID does not change the random numbers.
  uuid_random_ = RandomSource(started.random_seed() ^ 0x7565756964736565);
  root_scope_ = MakeRef<Scope>(*this, nullptr, /*shield=*/false);

  Payload input;
  try {
    input = runtime::Decode(converter_, runtime::FromProto(started.input()));
  } catch (...) {
    return RefuseInput("the run's input", std::current_exception());
  }
  input_bytes_ = static_cast<std::int64_t>(input.data.size());
  auto make = [this, input = std::move(input)]() mutable {
    const Payload once = std::move(input);
    return function_(context_, once);
  };
  auto strand = MakeRef<StrandOf<Payload, decltype(make)>>(*this, root_scope_, std::move(make));
  outcome_ = Ref<Cell<Payload>>(strand->cell().get());
  Start(Ref<Strand>(strand.get()));
}

void RunCore::KeepUntilSettled(CellBase& cell) {
  if (!dying_) cell.Attach(kept_.try_emplace(&cell, *this, cell).first->second);
}

void RunCore::Start(Ref<Strand> strand) {
  if (dying_) return;
  strand->set_id(next_strand_++);
  ready_.push_back(strand.get());
  strands_.emplace(strand->id(), std::move(strand));
}

Strand& RunCore::RunningStrand(const char* what) const {
  if (running_ == nullptr) {
    ThrowUsageError(std::string(what) +
                    " was called where no workflow code is running (in a WaitUntil predicate?)");
  }
  return *running_;
}

std::int64_t RunCore::bytes() const {
  const auto count = [](std::size_t n, std::int64_t each) { return static_cast<std::int64_t>(n) * each; };
  return kRunBytes + frame_bytes_ + signal_bytes_ + input_bytes_ + taken_bytes_ +
         count(waiting_.size() + conditions_.size(), kWaitingBytes) + count(strands_.size(), kStrandBytes);
}

}  // namespace perdure::detail
