// Messages: from clients, from workers, from dispatch. Those of clients who wait are in waits.cc.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"
#include "server/engine/policy.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

v1::RunStarted ToStarted(const v1::StartWorkflowRequest& r, int64_t now_ms) {
  v1::RunStarted s;
  s.set_namespace_(NamespaceOf(r.namespace_()));
  s.set_workflow_id(r.workflow_id());
  s.set_workflow_type(r.workflow_type());
  s.set_task_queue(r.task_queue());
  if (r.has_input()) *s.mutable_input() = r.input();
  s.set_run_timeout_ms(r.run_timeout_ms());
  s.set_execution_timeout_ms(r.execution_timeout_ms());
  if (r.has_retry_policy()) *s.mutable_retry_policy() = r.retry_policy();
  s.set_attempt(1);
  s.set_first_started_unix_ms(now_ms);
  if (r.start_delay_ms() > 0) s.set_not_before_unix_ms(now_ms + r.start_delay_ms());
  s.set_request_id(r.request_id());
  s.set_identity(r.identity());
  s.set_retention_ms(r.retention_ms());
  *s.mutable_memo() = r.memo();
  return s;
}

}  // namespace

void Partition::Handle(Message message) {
  std::visit([this](auto& m) { On(m); }, message);
}

// ---- clients ----

void Partition::On(StartRequest& m) {
  absl::StatusOr<v1::StartWorkflowResponse> started = Start(m.request);
  if (!started.ok() || m.waiter == 0) return ReplyAfterCommit(m.reply, std::move(started));
  ResultRequest wait;
  wait.request.set_namespace_(m.request.namespace_());
  wait.request.mutable_execution()->set_workflow_id(m.request.workflow_id());
  wait.request.mutable_execution()->set_run_id(started->run_id());
  wait.request.set_follow_runs(true);
  wait.deadline_ms = m.deadline_ms;
  wait.waiter = m.waiter;
  wait.reply = [reply = std::move(m.reply),
                response = *std::move(started)](absl::StatusOr<v1::GetResultResponse> outcome) mutable {
    // The server stops, and the start itself may be what it could not write: the client asks again.
    if (absl::IsUnavailable(outcome.status())) return reply(outcome.status());
    if (outcome.ok()) {
      *response.mutable_outcome() = *std::move(outcome);
    } else {
      // It has started, whatever keeps the outcome away.
      response.mutable_outcome()->set_status(v1::RUN_STATUS_RUNNING);
      response.mutable_outcome()->set_run_id(response.run_id());
    }
    reply(std::move(response));
  };
  On(wait);
}

absl::StatusOr<v1::StartWorkflowResponse> Partition::Start(const v1::StartWorkflowRequest& request) {
  ASSIGN_OR_RETURN(const std::optional<Located> existing,
                   LocateLatest(NamespaceOf(request.namespace_()), request.workflow_id()));
  return StartOver(request, existing);
}

engine::ExistingRun Partition::ToExistingRun(const Located& run) {
  return {run.run_id, run.status, run.start_request_id, run.earlier_starts};
}

absl::StatusOr<v1::StartWorkflowResponse> Partition::StartOver(const v1::StartWorkflowRequest& request,
                                                               const std::optional<Located>& existing) {
  engine::StartVerdict verdict;
  if (existing) {
    const engine::ExistingRun run = ToExistingRun(*existing);
    verdict = engine::JudgeStart(request, &run);
  } else {
    verdict = engine::JudgeStart(request, nullptr);
  }
  v1::StartWorkflowResponse response;
  switch (verdict.kind) {
    case engine::StartVerdict::Kind::kRefuse:
      return verdict.status;
    case engine::StartVerdict::Kind::kUseExisting:
      response.set_run_id(verdict.run_id);
      return response;
    case engine::StartVerdict::Kind::kTerminateAndStart: {
      ASSIGN_OR_RETURN(RunEntry* const entry, Acquire(existing->run));
      if (!entry->state.open()) {
        // It was not in memory, and its time was over: a retry may have followed it. Judge that one.
        ASSIGN_OR_RETURN(const std::optional<Located> now,
                         LocateLatest(NamespaceOf(request.namespace_()), request.workflow_id()));
        if (now && now->run == existing->run && now->status == v1::RUN_STATUS_RUNNING)
          return RowsDisagree(now->run_id, "open");
        return StartOver(request, now);
      }
      engine::TerminateInput input;
      input.terminate.set_reason("another run was started with the terminate-existing policy");
      input.terminate.set_identity(request.identity());
      Run(*entry, std::move(input));
      break;
    }
    case engine::StartVerdict::Kind::kStart:
      break;
  }
  std::vector<engine::EarlierStart> earlier;
  if (existing) {
    earlier = existing->earlier_starts;
    if (!existing->start_request_id.empty())
      earlier.push_back({existing->start_request_id, existing->run_id});
    if (earlier.size() > engine::kEarlierStartsMax) earlier.erase(earlier.begin());
  }
  const RunEntry& created = Create(ToStarted(request, last_now_ms_), std::move(earlier));
  response.set_run_id(created.state.started().run_id());
  response.set_started(true);
  return response;
}

void Partition::On(SignalRequest& m) {
  const auto signal = [&]() -> absl::StatusOr<v1::SignalWorkflowResponse> {
    v1::SignalWorkflowRequest& r = m.request;
    ASSIGN_OR_RETURN(RunEntry* const entry, AcquireFor(NamespaceOf(r.namespace_()), r.execution()));
    engine::SignalInput input;
    input.signal.set_name(r.signal_name());
    if (r.has_input()) *input.signal.mutable_input() = std::move(*r.mutable_input());
    input.signal.set_request_id(r.request_id());
    input.signal.set_identity(r.identity());
    RETURN_IF_ERROR(Run(*entry, std::move(input)).status);
    return v1::SignalWorkflowResponse();
  };
  ReplyAfterCommit(m.reply, signal());
}

void Partition::On(SignalWithStartRequest& m) { ReplyAfterCommit(m.reply, SignalWithStart(m.request)); }

absl::StatusOr<v1::SignalWithStartWorkflowResponse> Partition::SignalWithStart(
    v1::SignalWithStartWorkflowRequest& request) {
  v1::StartWorkflowRequest& start = *request.mutable_start();
  start.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_USE_EXISTING);
  const std::string& ns = NamespaceOf(start.namespace_());
  ASSIGN_OR_RETURN(std::optional<Located> existing, LocateLatest(ns, start.workflow_id()));
  v1::SignalWithStartWorkflowResponse response;
  if (existing) {
    // The signal came with the start that this is a repetition of. The run that got both may have been
    // retried since, and the one that retries it does not know the signal.
    const engine::ExistingRun latest = ToExistingRun(*existing);
    if (const std::string* run_id = engine::StartedBy(start.request_id(), latest)) {
      response.set_run_id(*run_id);
      return response;
    }
    absl::StatusOr<RunEntry*> entry = Acquire(existing->run);
    if (entry.ok() && (*entry)->state.request_ids.Contains(start.request_id())) {
      response.set_run_id(existing->run_id);
      return response;
    }
    // What was loaded may have been over its time, so that it is closed by now, and followed by another.
    ASSIGN_OR_RETURN(existing, LocateLatest(ns, start.workflow_id()));
  }
  ASSIGN_OR_RETURN(const v1::StartWorkflowResponse started, StartOver(start, existing));
  ASSIGN_OR_RETURN(RunEntry* const entry, Acquire(RunOf(started.run_id()).value_or(0)));
  engine::SignalInput input;
  input.signal.set_name(request.signal_name());
  if (request.has_signal_input()) *input.signal.mutable_input() = std::move(*request.mutable_signal_input());
  input.signal.set_request_id(start.request_id());
  input.signal.set_identity(start.identity());
  RETURN_IF_ERROR(Run(*entry, std::move(input)).status);
  response.set_run_id(started.run_id());
  response.set_started(started.started());
  return response;
}

void Partition::On(CancelRequest& m) {
  const auto cancel = [&]() -> absl::StatusOr<v1::CancelWorkflowResponse> {
    const v1::CancelWorkflowRequest& r = m.request;
    ASSIGN_OR_RETURN(RunEntry* const entry, AcquireFor(NamespaceOf(r.namespace_()), r.execution()));
    engine::CancelInput input;
    input.cancel.set_reason(r.reason());
    input.cancel.set_request_id(r.request_id());
    input.cancel.set_identity(r.identity());
    RETURN_IF_ERROR(Run(*entry, std::move(input)).status);
    return v1::CancelWorkflowResponse();
  };
  ReplyAfterCommit(m.reply, cancel());
}

void Partition::On(TerminateRequest& m) {
  const auto terminate = [&]() -> absl::StatusOr<v1::TerminateWorkflowResponse> {
    const v1::TerminateWorkflowRequest& r = m.request;
    ASSIGN_OR_RETURN(RunEntry* const entry, AcquireFor(NamespaceOf(r.namespace_()), r.execution()));
    engine::TerminateInput input;
    input.terminate.set_reason(r.reason());
    input.terminate.set_request_id(r.request_id());
    input.terminate.set_identity(r.identity());
    RETURN_IF_ERROR(Run(*entry, std::move(input)).status);
    return v1::TerminateWorkflowResponse();
  };
  ReplyAfterCommit(m.reply, terminate());
}

void Partition::On(DescribeRequest& m) {
  const auto describe = [&]() -> absl::StatusOr<v1::DescribeWorkflowResponse> {
    const v1::DescribeWorkflowRequest& r = m.request;
    ASSIGN_OR_RETURN(RunEntry* const entry, AcquireFor(NamespaceOf(r.namespace_()), r.execution()));
    return engine::Describe(entry->state);
  };
  ReplyAfterCommit(m.reply, describe());
}

// ---- workers and dispatch ----

template <typename Input>
void Partition::On(ForRun<Input>& m) {
  if constexpr (std::is_same_v<Input, engine::CoroutineGoneInput>) {
    // Where coroutines are is known of runs in memory only. Workers drop those of runs that have been quiet
    // for long, which are the least likely to be there.
    if (!cache_.Holds(m.run)) return;
  }
  // The token may name any run: one that is not there is stale, and so is one of another namespace.
  absl::StatusOr<RunEntry*> entry =
      m.ns && !MayBeIn(*m.ns, m.run) ? absl::StatusOr<RunEntry*>(absl::NotFoundError("not in the namespace"))
                                     : Acquire(m.run);
  bool stale = !entry.ok();
  if constexpr (std::is_same_v<Input, engine::TakenOverInput>) {
    const v1::WorkToken token = m.input.token;
    const uint64_t session = m.input.session;
    if (!stale) stale = Run(**entry, std::move(m.input)).stale;
    if (stale) {
      Work cancel;
      cancel.kind = Work::Kind::kCancelTask;
      cancel.token = token;
      cancel.session = session;
      cancel.reason = "the server does not wait for this task any more";
      staged_.work.push_back(std::move(cancel));
    }
  } else if constexpr (std::is_same_v<Input, engine::SpilledInput>) {
    if (!stale) {
      const int64_t seq = m.input.token.seq();
      engine::RunState& s = (*entry)->state;
      if (!Run(**entry, std::move(m.input)).stale) StageSpilled(**entry, s, seq);
    }
  } else {
    if (!stale) Run(**entry, std::move(m.input));
  }
  if (m.answer_id != 0) staged_.acks[m.session].push_back(m.answer_id);
}

// Whether a worker of the namespace may speak of the run. What is not in memory is not read for one who may
// not.
bool Partition::MayBeIn(const std::string& ns, uint64_t run) {
  if (const RunEntry* entry = cache_.Find(run)) return entry->state.started().namespace_() == ns;
  return store_->Get(storage::ListKey(number_, ns, run)).ok();
}

// An item that waits on disk: a refill finds it by its queue.
void Partition::StageSpilled(RunEntry& entry, const engine::RunState& s, int64_t seq) {
  std::string queue;
  if (seq == 0) {
    queue = QueueKey(s.started().namespace_(), s.started().task_queue(), WorkKind::kActivation,
                     s.started().workflow_type());
  } else {
    const v1::ScheduleTask& c = *s.tasks.at(seq).command;
    queue =
        QueueKey(s.started().namespace_(), c.task_queue().empty() ? s.started().task_queue() : c.task_queue(),
                 WorkKind::kTask, c.task_type());
  }
  staged_.batch.Put(storage::ReadyKey(number_, queue, static_cast<uint64_t>(last_now_ms_), s.run,
                                      static_cast<uint64_t>(seq)),
                    "");
  spilled_in_[queue] = commit_;
  MarkDirty(entry);
}

void Partition::On(RefillRequest& m) {
  // Rows that are staged and not durable cannot be seen below: dispatch has to ask again.
  auto spilled = spilled_in_.find(m.queue);
  const bool unseen =
      spilled != spilled_in_.end() && spilled->second > committed_.load(std::memory_order_acquire);
  if (spilled != spilled_in_.end() && !unseen) spilled_in_.erase(spilled);
  const storage::KeyRange range = storage::ReadyRange(number_, m.queue);
  auto it = store_->Scan(range.begin, range.end);
  int64_t offered = 0;
  for (; it->Valid() && offered < m.items; it->Next()) {
    absl::StatusOr<storage::ReadyParts> parts = storage::ParseReadyKey(it->key());
    absl::StatusOr<RunEntry*> entry =
        parts.ok() ? Acquire(parts->run) : absl::StatusOr<RunEntry*>(absl::NotFoundError("no row of a run"));
    // Of a run that cannot be read now, the row is all that would hand its work out once it can be.
    if (!entry.ok() && !absl::IsNotFound(entry.status())) continue;
    staged_.batch.Delete(it->key());
    ++offered;
    if (!entry.ok()) continue;
    Run(**entry, engine::RedispatchInput{static_cast<int64_t>(parts->seq)});
    // The row is gone with this commit: from here on the journal names the run. Also if it is in nobody's
    // hands: after the clock was set back, the task's backoff is not over.
    if ((*entry)->state.open()) MarkDirty(**entry);
  }
  Work done;
  done.kind = Work::Kind::kRefilled;
  done.queue = m.queue;
  done.token.set_partition(number_);
  done.count = offered;
  if (!it->status().ok()) {
    base::LogError("a queue's backlog cannot be read: will be tried again",
                   {{"partition", number_}, {"queue", m.queue}, {"error", it->status()}});
  }
  done.more = it->Valid() || unseen || !it->status().ok();
  staged_.work.push_back(std::move(done));
}

void Partition::On(CoroutinesGone& m) {
  std::vector<uint64_t> runs;
  for (const auto& [run, entry] : cache_.runs()) {
    if (entry->state.affinity == m.session) runs.push_back(run);
  }
  std::sort(runs.begin(), runs.end());
  for (const uint64_t run : runs) {
    if (RunEntry* entry = cache_.Find(run)) Run(*entry, engine::CoroutineGoneInput{m.session});
  }
}

void Partition::On(RecordSession& m) {
  const auto key = storage::SessionKey(m.session_id);
  if (!m.connected) {
    staged_.batch.Delete(key);
    return;
  }
  records::SessionRecord record;
  record.set_session_id(m.session_id);
  record.set_namespace_(m.ns);
  record.set_task_queue(m.task_queue);
  staged_.batch.Put(key, record.SerializeAsString());
}

void Partition::On(BeginHold&) {
  if (!held_.empty()) release_held_ms_ = last_now_ms_ + options_.reconnect_grace_ms;
}

void Partition::On(ReleaseHeld&) {
  release_held_ms_ = 0;
  for (const uint64_t run : std::exchange(held_, {})) {
    if (RunEntry* entry = cache_.Find(run)) Run(*entry, engine::ReleaseHeldInput{});
  }
}

}  // namespace perdure::partition
