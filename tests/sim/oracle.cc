#include "tests/sim/oracle.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/describe.h"
#include "tests/sim/order.h"
#include "tests/sim/program.h"
#include "tests/sim/worker.h"
#include "tests/unit/partition/disk.h"
#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/runtime/replay.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::sim {
namespace {

using partition::testing::Disk;

// Further ones of the same run are the same trouble, as a rule.
constexpr size_t kProblemsMax = 50;
constexpr int64_t kAll = 1 << 30;

bool Shows(const v1::Payload& payload) {
  return payload.data().find(std::to_string(Worker::kStaleResult)) != std::string::npos;
}

// The answers that an event holds of tasks and steps: the seq; 0: it is no answer.
int64_t AnsweredSeq(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kTaskCompleted:
      return event.task_completed().seq();
    case v1::Event::kTaskFailed:
      return event.task_failed().seq();
    case v1::Event::kTaskCancelled:
      return event.task_cancelled().seq();
    case v1::Event::kStepCompleted:
      return event.step_completed().seq();
    case v1::Event::kTimerFired:
      return event.timer_fired().seq();
    default:
      return 0;
  }
}

bool ShowsStaleAnswer(const v1::Event& event) {
  if (event.has_task_completed()) return Shows(event.task_completed().result());
  if (!event.has_advanced()) return false;
  return std::any_of(event.advanced().commands().begin(), event.advanced().commands().end(),
                     [](const v1::Command& c) { return Shows(c.complete_run().result()); });
}

std::string NameOf(const std::vector<v1::Event>& history) {
  const v1::RunStarted& started = history.at(0).run_started();
  return absl::StrCat(started.workflow_id(), ", run ", started.run_id());
}

}  // namespace

void Oracle::Complain(std::string problem) {
  if (problems_.size() < kProblemsMax) problems_.push_back(std::move(problem));
}

// ---- throughout ----

void Oracle::Sent(const v1::ServerFrame& frame) {
  for (const v1::Activation& activation : frame.activations()) CheckActivation(activation);
  for (const v1::TaskDelivery& task : frame.tasks()) CheckTask(task);
}

// The events from `from` on that are on disk now.
Oracle::History Oracle::OnDisk(const v1::WorkToken& token, int64_t from) const {
  const partition::Reader reader(&server_->store(), server_->partitions(), partition::Reader::Limits());
  auto page = reader.ReadEvents(token.partition(), token.run(), from, kAll, kAll, kAll);
  return page.ok() ? std::move(page->events) : History();
}

void Oracle::CheckActivation(const v1::Activation& activation) {
  const v1::WorkToken& token = activation.token();
  const int64_t from =
      activation.events().empty() ? activation.deliver_through() : activation.events(0).event_id();
  const History history = OnDisk(token, std::max<int64_t>(from, 1));
  const int64_t last = history.empty() ? 0 : history.back().event_id();
  if (last < activation.deliver_through() || last < activation.history_through()) {
    return Complain(absl::StrCat("an activation of ", activation.workflow_id(), " tells of events through ",
                                 activation.deliver_through(), " and only ", last, " are on disk"));
  }
  for (const v1::Event& event : activation.events()) {
    if (event.SerializeAsString() !=
        history[static_cast<size_t>(event.event_id() - from)].SerializeAsString()) {
      Complain(absl::StrCat("event ", event.event_id(), " of ", activation.workflow_id(),
                            " was given to a worker and is another one on disk"));
    }
    promises_.Delivered(token.partition(), token.run(), event);
  }
}

// Commands that were on disk stay there, or AtRest complains: what was found once need not be looked for
// again.
void Oracle::CheckTask(const v1::TaskDelivery& task) {
  Asked& asked = asked_[{task.token().partition(), task.token().run()}];
  if (asked.seqs.contains(task.seq())) return;
  for (const v1::Event& event : OnDisk(task.token(), asked.through + 1)) {
    asked.through = event.event_id();
    for (const v1::Command& c : event.advanced().commands()) {
      if (c.has_schedule_task()) asked.seqs.insert(c.schedule_task().seq());
    }
  }
  if (!asked.seqs.contains(task.seq())) {
    Complain(absl::StrCat("task ", task.seq(), " of ", task.workflow_id(),
                          " was handed out before the command that asked for it was on disk"));
  }
}

bool Oracle::IsOver(const v1::WorkToken& token) const {
  const auto state = Disk(server_->store(), token.partition()).Fold(token.run(), false);
  if (!state.ok()) return false;
  if (!state->open()) return true;
  if (token.seq() == 0) return state->last_activation_id >= token.delivery();
  const auto task = state->tasks.find(token.seq());
  return task == state->tasks.end() || task->second.attempt > token.attempt();
}

void Oracle::Told(const Call& call) {
  using Kind = Call::Kind;
  switch (call.kind) {
    case Kind::kStart:
    case Kind::kSignalWithStart:
      if (!call.status.ok() || !call.started) return;
      {
        v1::StartWorkflowResponse response;
        response.set_run_id(call.told_run_id);
        response.set_started(true);
        promises_.Started(call.workflow_id, call.request_id, response);
      }
      return;
    case Kind::kSignal:
      // Of the latest run, it is not told which that was.
      if (!call.run_id.empty()) promises_.Signalled(call.run_id, call.request_id, call.status.ok());
      return;
    case Kind::kCancel:
      if (!call.run_id.empty() && call.status.ok()) promises_.Cancelled(call.run_id);
      return;
    case Kind::kTerminate:
      if (!call.run_id.empty() && call.status.ok()) promises_.Terminated(call.run_id);
      return;
    default:
      return;
  }
}

// ---- the server is dead ----

void Oracle::AtRest() {
  for (uint32_t p = 0; p < server_->partitions(); ++p) {
    for (std::string& problem : Disk(server_->store(), p, server_->partitions()).Problems()) {
      Complain(absl::StrCat("on disk: ", problem));
    }
  }
  for (std::string& problem : promises_.Problems(server_->store(), server_->partitions())) {
    Complain(std::move(problem));
  }
}

// ---- the end ----

std::vector<Oracle::OpenRun> Oracle::OpenRuns() const {
  std::vector<OpenRun> open;
  for (uint32_t p = 0; p < server_->partitions(); ++p) {
    const Disk disk(server_->store(), p);
    for (const uint64_t run : disk.Runs()) {
      const auto row = disk.ListRow(run);
      if (!row || row->status() != v1::RUN_STATUS_RUNNING) continue;
      int64_t consumed_through = 0;
      int64_t last_signal = 0;
      for (const v1::Event& event : disk.History(run)) {
        if (event.has_advanced()) consumed_through = event.advanced().consumed_through();
        if (event.has_signal_received()) last_signal = event.event_id();
      }
      open.push_back({row->workflow_id(), row->run_id(), last_signal > consumed_through});
    }
  }
  return open;
}

void Oracle::Finish(const std::vector<std::shared_ptr<Call>>& calls) {
  AtRest();
  std::map<std::string, std::vector<RunFacts>> facts;
  for (uint32_t p = 0; p < server_->partitions(); ++p) {
    const Disk disk(server_->store(), p);
    for (const uint64_t run : disk.Runs()) {
      const History history = disk.History(run);
      ++runs_;
      events_ += static_cast<int64_t>(history.size());
      CheckHistory(history);
      CheckReplay(history);
      const v1::RunStarted& started = history.at(0).run_started();
      const v1::RunStatus status = disk.ListRow(run)->status();
      if (status == v1::RUN_STATUS_RUNNING) {
        const auto state = disk.Fold(run, false);
        v1::DescribeWorkflowResponse pending;
        if (state.ok()) pending = engine::Describe(*state);
        pending.clear_started();
        Complain(absl::StrCat(NameOf(history), " is stuck: ", pending.ShortDebugString(), "; ",
                              history.back().ShortDebugString(), "; ",
                              history.at(0).run_started().input().data()));
      }
      facts[started.workflow_id()].push_back({started.run_id(), started.request_id(), status});
    }
    for (const std::string& leftover : disk.Leftovers()) Complain(absl::StrCat("left over: ", leftover));
  }
  std::map<std::string, std::vector<const Call*>> by_id;
  for (const auto& call : calls) by_id[call->workflow_id].push_back(call.get());
  for (const auto& [id, of_id] : by_id) {
    for (std::string& problem : OrderProblems(facts[id], of_id)) Complain(std::move(problem));
  }
  CheckCounts();
}

void Oracle::CheckHistory(const History& history) {
  std::map<int64_t, int> answers;
  for (const v1::Event& event : history) {
    if (const int64_t seq = AnsweredSeq(event); seq != 0 && ++answers[seq] == 2) {
      Complain(absl::StrCat(NameOf(history), ": seq ", seq, " is answered twice"));
    }
    if (ShowsStaleAnswer(event)) {
      Complain(absl::StrCat(NameOf(history), ": event ", event.event_id(), " is of a stale answer"));
    }
  }
}

// What a worker does that has never seen the run.
void Oracle::CheckReplay(const History& history) {
  const detail::WorkflowFunction* function = registry_.FindWorkflow(kProgram.Name());
  detail::RunCore core(*function, nullptr, nullptr);
  google::protobuf::RepeatedPtrField<v1::Event> events(history.begin(), history.end());
  runtime::EventLog log;
  log.Add(events);
  const v1::RunStarted& started = history.at(0).run_started();
  runtime::Divergence where;
  where.workflow_id = started.workflow_id();
  where.run_id = started.run_id();
  const detail::CurrentRunScope scope(&core);
  const runtime::ReplayOutcome outcome = runtime::Replay(core, log, where);
  if (outcome.failure.has_value()) {
    Complain(absl::StrCat(NameOf(history), " does not replay: ", outcome.failure->Describe()));
  }
}

// What clients would count agrees with the histories.
void Oracle::CheckCounts() {
  const partition::Reader reader(&server_->store(), server_->partitions(), partition::Reader::Limits());
  const auto count = reader.Count(v1::CountWorkflowsRequest());
  if (!count.ok()) return Complain(absl::StrCat("cannot count: ", count.status().ToString()));
  int64_t sum = 0;
  for (const auto& [status, runs] : count->by_status()) sum += runs;
  if (count->count() != runs_ || sum != runs_) {
    Complain(absl::StrCat(count->count(), " runs are counted, ", sum, " by status, and ", runs_,
                          " have a history"));
  }
}

}  // namespace perdure::sim
