// The thread, and what one transition does to the staged batch.
#include "server/partition/partition.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"

namespace perdure::partition {
namespace {

constexpr std::chrono::milliseconds kLongestIdle{500};
constexpr size_t kLoggedFailureBytes = 2'000;

std::mt19937_64 Seeded(uint64_t seed, uint32_t partition) {
  std::random_device device;
  std::seed_seq from_system{device(), device(), device(), device(), device(), device(), device(), device()};
  if (seed == 0) return std::mt19937_64(from_system);
  std::seed_seq given{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), partition};
  return std::mt19937_64(given);
}

}  // namespace

Partition::Partition(uint32_t number, storage::Store* store, Committer* committer,
                     const PartitionOptions& options, uint64_t epoch)
    : number_(number),
      store_(store),
      committer_(committer),
      options_(options),
      epoch_(epoch),
      random_(Seeded(options.random_seed, number)),
      next_delivery_(epoch),
      staged_(number) {}

Partition::~Partition() { Stop(); }

void Partition::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Partition::Stop() {
  stopping_.store(true, std::memory_order_release);
  mailbox_.Wake();
  if (thread_.joinable()) thread_.join();
}

void Partition::Loop() {
  while (!stopping_.load(std::memory_order_acquire)) RunOnce(IdleFor());
  // What was put before the stop is still answered.
  RunOnce(std::chrono::milliseconds(0));
}

absl::Status Partition::Admit() const {
  if (mailbox_.bytes() > options_.mailbox_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("requests with more than mailbox_bytes_max (", options_.mailbox_bytes_max,
                     ") bytes wait; back off, then retry with the same request_id"));
  }
  if (cached_bytes_.load(std::memory_order_relaxed) >
      options_.run_cache_bytes_max + options_.hot_runs_bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "runs that workers have in hand, or that wait for one, take more than hot_runs_bytes_max (",
        options_.hot_runs_bytes_max,
        ") bytes; add workers or raise the limit, then retry with the same request_id"));
  }
  return absl::OkStatus();
}

int64_t Partition::Now() {
  last_now_ms_ = std::max(last_now_ms_, options_.now_ms());
  return last_now_ms_;
}

// How long the thread may sleep when nobody sends anything.
std::chrono::milliseconds Partition::IdleFor() const {
  if (checkpointing_) return std::chrono::milliseconds(0);
  int64_t until = last_now_ms_ + kLongestIdle.count();
  const auto earlier = [&until](int64_t due) {
    if (due != 0) until = std::min(until, due);
  };
  earlier(cache_.next_due_ms());
  if (window_end_ms_ >= last_now_ms_) earlier(window_end_ms_ + 1);
  earlier(next_checkpoint_ms_);
  earlier(next_sweep_ms_);
  if (!cache_.hot().empty()) earlier(next_activation_sweep_ms_);
  earlier(release_held_ms_);
  if (!waiter_deadlines_.empty()) earlier(waiter_deadlines_.begin()->first);
  const int64_t now = options_.now_ms();
  return std::chrono::milliseconds(std::clamp<int64_t>(until - now, 0, kLongestIdle.count()));
}

void Partition::RunOnce(std::chrono::milliseconds wait) {
  std::vector<Message> messages = mailbox_.Take(wait);
  const int64_t now = Now();
  if (!messages.empty()) metrics_.drain_items.Observe(messages.size());
  for (Message& message : messages) Handle(std::move(message));
  FireDue();
  ExpireWaiters();
  if (release_held_ms_ != 0 && now >= release_held_ms_) {
    ReleaseHeld release;
    On(release);
  }
  if (now >= next_sweep_ms_) SweepExpired();
  if (now >= next_activation_sweep_ms_) SweepActivations();
  Flush();
  AdvanceCheckpoint();
  Evict();
  metrics_.cached_runs.Set(static_cast<int64_t>(cache_.size()));
  cached_bytes_.store(static_cast<int64_t>(cache_.bytes()), std::memory_order_relaxed);
  metrics_.cached_bytes.Set(static_cast<int64_t>(cache_.bytes()));
  metrics_.hot_runs.Set(static_cast<int64_t>(cache_.hot().size()));
  metrics_.wakeups.Set(static_cast<int64_t>(cache_.deadlines()));
  metrics_.waiters.Set(static_cast<int64_t>(waiter_runs_.size()));
  metrics_.mailbox_items.Set(mailbox_.depth());
}

engine::Env Partition::MakeEnv() {
  engine::Env env;
  env.now_ms = last_now_ms_;
  env.random = random_();
  env.next_delivery = &next_delivery_;
  env.limits = &options_.limits;
  return env;
}

template <typename Input>
engine::Decision Partition::Run(RunEntry& entry, Input input) {
  metrics_.transitions.Add();
  engine::Decision decision = engine::Decide(entry.state, std::move(input), MakeEnv());
  if (decision.stale) metrics_.stale.Add();
  Apply(entry, decision);
  return decision;
}

void Partition::Touch(RunEntry& entry) {
  if (entry.touched) return;
  entry.touched = true;
  touched_.push_back(entry.run());
}

// Stages what a decision holds.
void Partition::Apply(RunEntry& entry, engine::Decision& d) {
  if (!d.events.empty() || !d.notes.empty() || !d.dropped_notes.empty()) {
    Touch(entry);
    for (const engine::NotePtr& note : d.notes) {
      entry.notes[note->seq()] = note;
      if (note->seq() != 0 && note->attempt() > 1 && note->not_before_unix_ms() >= last_now_ms_) {
        metrics_.task_attempts_failed.Add();
      }
    }
    for (const int64_t seq : d.dropped_notes) entry.notes[seq] = nullptr;
    CountEvents(entry, d.events);
    entry.events.insert(entry.events.end(), d.events.begin(), d.events.end());
    if (entry.state.closing_event) entry.closed_now = true;
    if (d.next_run) FollowUp(entry, *std::move(d.next_run));
    if (!d.events.empty()) TellInterested(entry);
  }
  for (Work& work : d.work) staged_.work.push_back(std::move(work));
  if (d.activation_failure) {
    metrics_.activations_failed.Add();
    const v1::RunStarted& started = entry.state.started();
    const bool nondeterminism = d.activation_failure->kind() == v1::Failure::KIND_NON_DETERMINISM;
    if (nondeterminism) metrics_.nondeterminism.Add();
    base::LogWarning(
        nondeterminism ? "workflow code is not deterministic: the run waits for a fixed worker"
                       : "activation failed: will be tried again",
        {{"workflow_id", started.workflow_id()},
         {"run_id", started.run_id()},
         {"workflow_type", started.workflow_type()},
         {"attempt", entry.state.activation_note ? entry.state.activation_note->attempt() - 1 : 1},
         {"failure", d.activation_failure->message().substr(0, kLoggedFailureBytes)}});
  }
  const bool was_hot = entry.hot;
  cache_.Update(entry);
  // No event may say so: a retry that begins, an item that comes back from disk. A restart must find it all
  // the same.
  if (entry.hot && !was_hot) MarkDirty(entry);
}

void Partition::CountEvents(const RunEntry& entry, const std::vector<engine::EventPtr>& events) {
  metrics_.events.Add(events.size());
  for (const engine::EventPtr& event : events) {
    switch (event->body_case()) {
      case v1::Event::kAdvanced:
        metrics_.activations_answered.Add();
        break;
      case v1::Event::kTaskCompleted:
        metrics_.tasks_completed.Add();
        break;
      case v1::Event::kTaskFailed:
        metrics_.tasks_failed.Add();
        break;
      case v1::Event::kTaskCancelled:
        metrics_.tasks_cancelled.Add();
        break;
      case v1::Event::kStepCompleted:
        metrics_.steps_completed.Add();
        break;
      case v1::Event::kTimerFired:
        metrics_.timers_fired.Add();
        break;
      case v1::Event::kSignalReceived:
        metrics_.signals.Add();
        break;
      case v1::Event::kRunStarted:
        metrics_.runs_started.Add();
        break;
      default:
        break;
    }
    if (!engine::Closes(*event)) continue;
    switch (entry.state.status) {
      case v1::RUN_STATUS_COMPLETED:
        metrics_.runs_completed.Add();
        break;
      case v1::RUN_STATUS_FAILED:
        metrics_.runs_failed.Add();
        break;
      case v1::RUN_STATUS_CANCELLED:
        metrics_.runs_cancelled.Add();
        break;
      case v1::RUN_STATUS_TERMINATED:
        metrics_.runs_terminated.Add();
        break;
      default:
        metrics_.runs_timed_out.Add();
        break;
    }
  }
}

// A run and the one that follows it change in one commit.
void Partition::FollowUp(RunEntry& entry, v1::RunStarted next) {
  RunEntry& follower = Create(std::move(next), entry.earlier_starts);
  entry.next_run_id = follower.state.started().run_id();
}

// Starts a run; the caller has judged that it may. `started` lacks only the run id and the random seed.
RunEntry& Partition::Create(v1::RunStarted started, std::vector<engine::EarlierStart> earlier) {
  const uint64_t run = next_run_++;
  started.set_run_id(MakeRunId(run, random_(), random_()));
  started.set_random_seed(random_());
  if (started.first_run_id().empty()) started.set_first_run_id(started.run_id());
  auto entry = std::make_unique<RunEntry>();
  entry->state.partition = number_;
  entry->state.run = run;
  entry->started_now = true;
  entry->earlier_starts = std::move(earlier);
  engine::Decision decision = engine::Decide(entry->state, engine::StartInput{std::move(started)}, MakeEnv());
  RunEntry& added = cache_.Add(std::move(entry), true);
  metrics_.transitions.Add();
  Apply(added, decision);
  return added;
}

// Clients that wait for the run hear of it when this drain is durable.
void Partition::TellInterested(RunEntry& entry) {
  auto it = interest_.find(entry.run());
  if (it == interest_.end()) return;
  const engine::RunState& s = entry.state;
  const Progress progress{entry.run(), s.started().run_id(), s.last_event_id, s.closing_event != nullptr};
  for (Watcher& watcher : it->second.watchers) {
    staged_.replies.push_back([tell = watcher.progress, progress](const absl::Status& committed) {
      if (committed.ok()) {
        (*tell)(progress);
      } else {
        (*tell)(committed);
      }
    });
    if (progress.closed) waiter_runs_.erase(watcher.id);
  }
  if (!progress.closed) return;
  Interest interest = std::move(it->second);
  interest_.erase(it);
  const std::optional<uint64_t> next = RunOf(entry.next_run_id);
  for (Waiter& waiter : interest.waiters) {
    if (waiter.follow && next) {
      waiter_runs_[waiter.id] = *next;
      waiter.run_id = entry.next_run_id;
      interest_[*next].waiters.push_back(std::move(waiter));
      continue;
    }
    v1::GetResultResponse outcome = engine::Outcome(*s.closing_event, s.started().run_id());
    waiter_runs_.erase(waiter.id);
    waiter_deadlines_.erase({waiter.deadline_ms, waiter.id});
    staged_.replies.push_back([reply = std::move(waiter.reply),
                               outcome = std::move(outcome)](const absl::Status& committed) mutable {
      if (committed.ok()) {
        reply(std::move(outcome));
      } else {
        reply(committed);
      }
    });
  }
}

// Explicit instantiations: the messages of requests.cc and checkpoint.cc.
template engine::Decision Partition::Run(RunEntry&, engine::SignalInput);
template engine::Decision Partition::Run(RunEntry&, engine::CancelInput);
template engine::Decision Partition::Run(RunEntry&, engine::TerminateInput);
template engine::Decision Partition::Run(RunEntry&, engine::ActivationAnswerInput);
template engine::Decision Partition::Run(RunEntry&, engine::StepAnswerInput);
template engine::Decision Partition::Run(RunEntry&, engine::TaskAnswerInput);
template engine::Decision Partition::Run(RunEntry&, engine::HeartbeatInput);
template engine::Decision Partition::Run(RunEntry&, engine::TakenInput);
template engine::Decision Partition::Run(RunEntry&, engine::TakenOverInput);
template engine::Decision Partition::Run(RunEntry&, engine::ReturnedInput);
template engine::Decision Partition::Run(RunEntry&, engine::SpilledInput);
template engine::Decision Partition::Run(RunEntry&, engine::RedispatchInput);
template engine::Decision Partition::Run(RunEntry&, engine::CoroutineGoneInput);
template engine::Decision Partition::Run(RunEntry&, engine::TickInput);
template engine::Decision Partition::Run(RunEntry&, engine::ActivationSweepInput);
template engine::Decision Partition::Run(RunEntry&, engine::ReleaseHeldInput);

}  // namespace perdure::partition
