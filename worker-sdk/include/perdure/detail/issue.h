// What the public templates ask of the runtime. Every function is for the run's own thread.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_ISSUE_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_ISSUE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/detail/cell.h"
#include "perdure/detail/strand.h"
#include "perdure/options.h"

namespace perdure::detail {

// The current run, for `what` ("All"); throws UsageError outside of workflow code.
RunCore& RequireRun(const char* what);

// Each of these issues its command at once and settles the leaf's cell later, or at once with Cancelled when
// the current scope is cancelled.
void IssueTask(RunCore& run, Leaf& leaf, std::string_view type, const TaskOptions& options, Payload input);
void IssueTimer(RunCore& run, Leaf& leaf, Milliseconds delay, std::string_view name);
void IssueStep(RunCore& run, Leaf& leaf, std::string_view name, const StepOptions& options,
               std::function<Payload()> body);
void AwaitSignal(RunCore& run, Leaf& leaf, std::string_view name);
void AwaitCondition(RunCore& run, Leaf& leaf, std::function<bool()> predicate);

// The oldest buffered signal of this name. Throws DecodeError if the converter says that it is bad.
std::optional<Payload> TakeSignal(RunCore& run, std::string_view name);
// What is thrown for a signal that does not decode. The sender is at fault, not this worker: if workflow code
// does not deal with it, the run fails.
[[noreturn]] void ThrowBadSignal(RunCore& run, std::string_view name, const std::exception_ptr& error);

// Starts a strand: it is resumed after those that are ready already.
void StartStrand(RunCore& run, Ref<Strand> strand);
// A scope inside the current one, or a shield.
Ref<Scope> NewScope(RunCore& run, bool shield);
Ref<Scope> NewScopeUnder(RunCore& run, Scope& parent);
// A coroutine that nobody waits for has failed.
void ReportUnobserved(RunCore& run, const std::exception_ptr& error);

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_ISSUE_H_
