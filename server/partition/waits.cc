// Clients who wait for results, and who watch: told with the commit that brings what they wait for.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

}  // namespace

// The outcome, if the run is closed.
absl::StatusOr<std::optional<v1::GetResultResponse>> Partition::ResultOf(const std::string& ns,
                                                                         const Located& located) {
  if (located.status == v1::RUN_STATUS_RUNNING) return std::optional<v1::GetResultResponse>();
  if (const RunEntry* entry = cache_.Find(located.run)) {
    if (entry->state.closing_event == nullptr) return RowsDisagree(located.run_id, "closed");
    return std::optional(engine::Outcome(*entry->state.closing_event, located.run_id));
  }
  // The closing event is the last one of the log.
  const storage::KeyRange range = storage::LogRange(number_, located.run);
  auto it = store_->ScanReverse(range.begin, range.end);
  records::LogRecord record;
  if (!it->Valid() || !record.ParseFromArray(it->value().data(), static_cast<int>(it->value().size())) ||
      record.events().empty()) {
    RETURN_IF_ERROR(it->status());
    return absl::DataLossError(absl::StrCat("the history of run ", located.run_id, " in namespace '", ns,
                                            "' cannot be read from disk"));
  }
  const v1::Event& last = *record.events().rbegin();
  if (!engine::Closes(last)) return RowsDisagree(located.run_id, "closed");
  return std::optional(engine::Outcome(last, located.run_id));
}

void Partition::On(ResultRequest& m) {
  const std::string& ns = NamespaceOf(m.request.namespace_());
  absl::StatusOr<Located> located = Locate(ns, m.request.execution());
  while (located.ok() && m.request.follow_runs() && !located->next_run_id.empty()) {
    v1::WorkflowExecution next;
    next.set_workflow_id(m.request.execution().workflow_id());
    next.set_run_id(located->next_run_id);
    const uint64_t before = located->run;
    located = Locate(ns, next);
    // Runs that follow each other in a circle would be followed for ever.
    if (located.ok() && located->run <= before) {
      located = absl::DataLossError(absl::StrCat("run ", next.run_id(), " of workflow '", next.workflow_id(),
                                                 "' follows one that was started after it"));
    }
  }
  if (!located.ok())
    return ReplyAfterCommit(m.reply, absl::StatusOr<v1::GetResultResponse>(located.status()));
  absl::StatusOr<std::optional<v1::GetResultResponse>> result = ResultOf(ns, *located);
  if (!result.ok()) return ReplyAfterCommit(m.reply, absl::StatusOr<v1::GetResultResponse>(result.status()));
  v1::GetResultResponse running;
  running.set_status(v1::RUN_STATUS_RUNNING);
  running.set_run_id(located->run_id);
  if (result->has_value()) {
    return ReplyAfterCommit(m.reply, absl::StatusOr<v1::GetResultResponse>(**std::move(result)));
  }
  if (waits_ended_) {
    return ReplyAfterCommit(m.reply, absl::StatusOr<v1::GetResultResponse>(
                                         absl::UnavailableError("the server is stopping; ask again")));
  }
  if (m.deadline_ms <= last_now_ms_) {
    return ReplyAfterCommit(m.reply, absl::StatusOr<v1::GetResultResponse>(std::move(running)));
  }
  if (static_cast<int64_t>(waiter_runs_.size()) >= options_.waiters_max) {
    return ReplyAfterCommit(m.reply,
                            absl::StatusOr<v1::GetResultResponse>(absl::ResourceExhaustedError(
                                absl::StrCat("too many clients wait for results: the limit waiters_max is ",
                                             options_.waiters_max, "; ask again later, or with wait_ms 0"))));
  }
  waiter_runs_[m.waiter] = located->run;
  waiter_deadlines_.insert({m.deadline_ms, m.waiter});
  interest_[located->run].waiters.push_back(
      {m.waiter, m.deadline_ms, m.request.follow_runs(), located->run_id, std::move(m.reply)});
}

void Partition::On(WatchRequest& m) {
  auto progress = std::make_shared<decltype(m.progress)>(std::move(m.progress));
  absl::StatusOr<Located> located = Locate(NamespaceOf(m.ns), m.execution);
  absl::StatusOr<RunEntry*> entry =
      located.ok() ? Acquire(located->run) : absl::StatusOr<RunEntry*>(located.status());
  if (entry.ok() && static_cast<int64_t>(waiter_runs_.size()) >= options_.waiters_max) {
    entry = absl::ResourceExhaustedError(
        absl::StrCat("too many clients wait or watch: the limit waiters_max is ", options_.waiters_max));
  }
  if (!entry.ok()) {
    staged_.replies.push_back(
        [progress, status = entry.status()](const absl::Status&) { (*progress)(status); });
    return;
  }
  const engine::RunState& s = (*entry)->state;
  const Progress now{s.run, s.started().run_id(), s.last_event_id, s.closing_event != nullptr};
  staged_.replies.push_back([progress, now](const absl::Status& committed) {
    if (committed.ok()) {
      (*progress)(now);
    } else {
      (*progress)(committed);
    }
  });
  if (now.closed) return;
  waiter_runs_[m.waiter] = s.run;
  interest_[s.run].watchers.push_back({m.waiter, std::move(progress)});
}

void Partition::On(Forget& m) {
  auto found = waiter_runs_.find(m.waiter);
  if (found == waiter_runs_.end()) return;
  auto it = interest_.find(found->second);
  waiter_runs_.erase(found);
  if (it == interest_.end()) return;
  Interest& interest = it->second;
  std::erase_if(interest.watchers, [&](const Watcher& w) { return w.id == m.waiter; });
  std::erase_if(interest.waiters, [&](Waiter& w) {
    if (w.id != m.waiter) return false;
    waiter_deadlines_.erase({w.deadline_ms, w.id});
    ReplyAfterCommit(w.reply,
                     absl::StatusOr<v1::GetResultResponse>(absl::CancelledError("the client went away")));
    return true;
  });
  if (interest.empty()) interest_.erase(it);
}

void Partition::ExpireWaiters() {
  while (!waiter_deadlines_.empty() && waiter_deadlines_.begin()->first <= last_now_ms_) {
    const uint64_t id = waiter_deadlines_.begin()->second;
    waiter_deadlines_.erase(waiter_deadlines_.begin());
    auto found = waiter_runs_.find(id);
    if (found == waiter_runs_.end()) continue;
    auto it = interest_.find(found->second);
    waiter_runs_.erase(found);
    if (it == interest_.end()) continue;
    std::erase_if(it->second.waiters, [&](Waiter& w) {
      if (w.id != id) return false;
      v1::GetResultResponse running;
      running.set_status(v1::RUN_STATUS_RUNNING);
      running.set_run_id(w.run_id);
      ReplyAfterCommit(w.reply, absl::StatusOr<v1::GetResultResponse>(std::move(running)));
      return true;
    });
    if (it->second.empty()) interest_.erase(it);
  }
}

void Partition::On(EndWaits&) {
  waits_ended_ = true;
  const absl::Status stopping = absl::UnavailableError("the server is stopping; ask again");
  for (auto& [run, interest] : std::exchange(interest_, {})) {
    for (Waiter& w : interest.waiters)
      ReplyAfterCommit(w.reply, absl::StatusOr<v1::GetResultResponse>(stopping));
    for (Watcher& w : interest.watchers) {
      staged_.replies.push_back([tell = w.progress, stopping](const absl::Status&) { (*tell)(stopping); });
    }
  }
  waiter_runs_.clear();
  waiter_deadlines_.clear();
}

}  // namespace perdure::partition
