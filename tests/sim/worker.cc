#include "tests/sim/worker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "perdure/payload.h"
#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/session/frame.h"

namespace perdure::sim {
namespace {

using session::TokenKey;

// How long a task hangs that is to hang: longer than its timeouts.
constexpr int64_t kHangMs = 45'000;
constexpr size_t kAnsweredMax = 64;

// "0/17, delivery 4711": the partition and the run.
std::string RunText(const v1::WorkToken& token) {
  return absl::StrCat(token.partition(), "/", token.run(), ", delivery ", token.delivery());
}

}  // namespace

struct Worker::Process {
  Process(const Registry& registry, runtime::ExecutorOptions options, runtime::ExecutorSink* sink)
      : executor(registry, std::move(options), sink) {}

  std::string session_id;
  session::Outbox outbox;
  std::shared_ptr<Link> link;
  bool welcomed = false;
  std::optional<uint64_t> server_epoch;
  std::map<TokenKey, RunningTask> tasks;
  int32_t max_activations = 0;
  int32_t max_tasks = 0;
  struct Unacked {
    v1::WorkToken token;
    bool failed = false;
  };
  std::map<uint64_t, Unacked> unacked;
  // Of the old, said in the hello to be in hand: answered once that was heard.
  std::optional<v1::WorkToken> claimed;
  bool send_due = false;
  bool work_due = false;
  // Last: it goes first, and may call the sink while it does.
  runtime::Executor executor;
};

Worker::Worker(const Link::Parts& parts, const Registry& registry, int number, Totals* totals,
               std::function<void(std::string)> complain)
    : parts_(parts), registry_(registry), number_(number), totals_(totals), complain_(std::move(complain)) {}

Worker::~Worker() {
  if (process_ != nullptr && process_->link != nullptr) process_->link->Forget();
}

void Worker::Begin() {
  ++generation_;
  model::Rng& rng = *parts_.rng;
  runtime::ExecutorOptions options;
  options.threads = 0;
  options.step_threads = 0;
  options.block_warning = options.step_warning = std::chrono::milliseconds(0);
  options.now = Clocks::Worker;
  options.random_seed = rng.Next() | 1;
  const int64_t cache[] = {0, 30'000, 256 << 20};
  options.cache_bytes_max = cache[rng.Below(3)];
  options.step_piggyback = std::chrono::milliseconds(rng.Percent(30) ? 0 : 20);
  process_ = std::make_unique<Process>(registry_, options, static_cast<runtime::ExecutorSink*>(this));
  process_->session_id = absl::StrCat("worker-", number_, "-", generation_);
  process_->max_activations = static_cast<int32_t>(rng.Between(1, 40));
  process_->max_tasks = static_cast<int32_t>(rng.Between(1, 20));
  (*parts_.trace)(process_->session_id, " begins");
  Connect();
}

void Worker::Later(int64_t delay_ms, std::function<void()> what) {
  parts_.schedule->After(delay_ms, [this, generation = generation_, what = std::move(what)] {
    if (process_ != nullptr && generation == generation_) what();
  });
}

void Worker::Die() {
  (*parts_.trace)(process_->session_id, " dies");
  ++totals_->deaths;
  if (process_->link != nullptr) process_->link->Forget();
  Count();
  process_.reset();
  parts_.schedule->After(parts_.rng->Between(0, 8'000), [this] { Begin(); });
}

void Worker::Count() {
  if (process_ == nullptr) return;
  const runtime::ExecutorStats stats = process_->executor.Stats();
  totals_->replays += stats.replays;
  totals_->non_deterministic += stats.non_deterministic;
}

void Worker::ServerDied() {
  if (process_ != nullptr && process_->link != nullptr) process_->link->ServerDied();
}

// ---- the session ----

void Worker::Connect() {
  Process& p = *process_;
  v1::Hello hello;
  hello.set_session_id(p.session_id);
  hello.set_identity(p.session_id);
  hello.set_task_queue("sim");
  hello.add_workflow_types(std::string(kProgram.Name()));
  hello.add_task_types(std::string(kTask.Name()));
  hello.set_max_activations(p.max_activations);
  hello.set_max_tasks(p.max_tasks);
  std::set<TokenKey> tasks;
  std::set<TokenKey> activations;
  for (const auto& [key, task] : p.tasks) {
    tasks.insert(key);
    v1::TaskInHand& in_hand = *hello.add_tasks_in_hand();
    *in_hand.mutable_token() = task.delivery.token();
    in_hand.set_running_ms(parts_.schedule->now_ms() - task.begun_ms);
  }
  for (const v1::WorkToken& token : p.executor.InHand()) {
    activations.insert(session::KeyOf(token));
    *hello.add_activations_in_hand() = token;
  }
  for (const v1::WorkToken& token : p.outbox.UnackedTasks()) {
    if (tasks.insert(session::KeyOf(token)).second) *hello.add_tasks_in_hand()->mutable_token() = token;
  }
  for (const v1::WorkToken& token : p.outbox.UnackedActivations()) {
    if (activations.insert(session::KeyOf(token)).second) *hello.add_activations_in_hand() = token;
  }
  if (parts_.faults->Hits(3 * parts_.faults->stale_answer, *parts_.rng)) ClaimOldWork(hello);
  Link::WorkerEnd end;
  end.received = [this](v1::ServerFrame& frame) { Received(frame); };
  end.ended = [this](const absl::Status& why) { Lost(why); };
  p.link = std::make_shared<Link>(parts_, number_ * 10'000 + ++links_, std::move(end));
  p.link->Open(std::move(hello));
}

void Worker::Lost(const absl::Status& why) {
  Process& p = *process_;
  const bool was_welcomed = std::exchange(p.welcomed, false);
  (*parts_.trace)(p.session_id, " lost its stream: ", why.ToString());
  p.link.reset();
  const bool refuses = absl::IsInvalidArgument(why) || absl::IsResourceExhausted(why);
  if (was_welcomed && refuses) {
    p.outbox.OnRefused(absl::IsResourceExhausted(why), why.ToString());
    if (absl::IsInvalidArgument(why)) complain_(absl::StrCat("the server refused a frame: ", why.ToString()));
  }
  if (!was_welcomed && absl::IsInvalidArgument(why)) {
    return complain_(absl::StrCat("the server refused a hello: ", why.ToString()));
  }
  Later(parts_.rng->Between(1, 1'000), [this] {
    if (process_->link == nullptr) Connect();
  });
}

void Worker::Welcomed(const v1::Welcome& welcome) {
  Process& p = *process_;
  const bool first = !p.server_epoch.has_value();
  const bool same = !first && *p.server_epoch == welcome.server_epoch();
  p.server_epoch = welcome.server_epoch();
  p.outbox.SetFrameLimits(welcome.frame_bytes_max(), welcome.frame_items_max());
  p.outbox.OnNewStream(!first && !same);
  for (const v1::WorkToken& token : welcome.stale_tokens()) {
    p.outbox.DropStale(token);
    if (token.seq() == 0) {
      p.executor.Drop(token);
    } else {
      p.tasks.erase(session::KeyOf(token));
    }
  }
  p.welcomed = true;
  if (p.claimed.has_value()) SendStaleAnswer(*std::exchange(p.claimed, std::nullopt));
  p.executor.SetLimits(welcome.payload_bytes_max(), welcome.commands_per_advance_max());
  p.executor.Reconnected(same);
  (*parts_.trace)(p.session_id, " welcomed", same ? " again" : "", ", stale ", welcome.stale_tokens_size());
  SendSoon();
  WorkSoon();
}

void Worker::Received(v1::ServerFrame& frame) {
  Process& p = *process_;
  if (frame.has_welcome()) Welcomed(frame.welcome());
  for (const uint64_t id : frame.acked_answer_ids()) Acked(id);
  // As the real stream hands it on.
  const std::shared_ptr<v1::ServerFrame> on_arena = session::NewFrame();
  on_arena->CopyFrom(frame);
  p.executor.Take(on_arena);
  for (v1::TaskDelivery& task : *frame.mutable_tasks()) Take(std::move(task));
  for (const v1::TaskCancel& cancel : frame.task_cancels()) StopTask(cancel.token());
  for (const v1::WorkToken& token : frame.evict()) p.executor.Evict(token);
  WorkSoon();
  if (p.outbox.HasWaiting()) SendSoon();
}

// From here on the server has no use for the token.
void Worker::Acked(uint64_t answer_id) {
  Process& p = *process_;
  p.outbox.Ack(answer_id);
  const auto at = p.unacked.find(answer_id);
  if (at == p.unacked.end()) return;
  // What failed is tried again: an old attempt is of more use to whoever looks for trouble.
  std::deque<v1::WorkToken>& old = at->second.failed ? failed_ : answered_;
  old.push_back(at->second.token);
  if (old.size() > kAnsweredMax) old.pop_front();
  p.unacked.erase(at);
}

void Worker::SendSoon() {
  if (std::exchange(process_->send_due, true)) return;
  Later(parts_.rng->Below(3), [this] {
    Process& p = *process_;
    p.send_due = false;
    if (!p.welcomed || p.link == nullptr) return;
    std::string bytes;
    while (p.outbox.NextFrame(&bytes)) {
      v1::WorkerFrame frame;
      if (!frame.ParseFromString(bytes)) return complain_("a frame of a worker does not parse");
      p.link->Send(std::move(frame));
    }
  });
}

// ---- the executor ----

void Worker::WorkSoon() {
  if (std::exchange(process_->work_due, true)) return;
  Later(parts_.rng->Below(3), [this] {
    process_->work_due = false;
    Work();
  });
}

void Worker::Work() {
  Process& p = *process_;
  if (parts_.faults->Hits(parts_.faults->worker_death, *parts_.rng)) return Die();
  const bool worked = parts_.rng->Percent(60) ? p.executor.RunReady() || p.executor.RunStep()
                                              : p.executor.RunStep() || p.executor.RunReady();
  if (worked) return WorkSoon();
  const auto due = p.executor.NextDue();
  if (!due.has_value()) return;
  const auto in = std::chrono::duration_cast<std::chrono::milliseconds>(*due - Clocks::Worker()).count();
  Later(std::max<int64_t>(in, 1), [this] { WorkSoon(); });
}

void Worker::Answer(v1::ActivationAnswer answer) {
  if (process_ == nullptr) return;
  if (answer.has_failure()) {
    (*parts_.trace)(process_->session_id, " fails an activation: ", answer.failure().message());
    complain_(absl::StrCat("an activation failed: ", answer.failure().ShortDebugString()));
  }
  (*parts_.trace)(process_->session_id, " answers the activation of ", RunText(answer.token()), ", ",
                  answer.advance().commands_size(), " commands, ", answer.advance().steps_size(), " steps");
  const v1::WorkToken token = answer.token();
  process_->unacked[process_->outbox.Add(std::move(answer))] = {token, false};
}
void Worker::Answer(v1::StepAnswer answer) {
  if (process_ == nullptr) return;
  (*parts_.trace)(process_->session_id, " answers step ", answer.step().seq(), " of ",
                  RunText(answer.token()));
  process_->outbox.Add(std::move(answer));
  SendSoon();
}
void Worker::Flush() {
  if (process_ != nullptr) SendSoon();
}
void Worker::RequestHistory(v1::HistoryRequest request) {
  if (process_ == nullptr) return;
  process_->outbox.Add(std::move(request));
  SendSoon();
}
void Worker::Evicted(v1::WorkToken token) {
  if (process_ == nullptr) return;
  (*parts_.trace)(process_->session_id, " evicts ", RunText(token));
  process_->outbox.AddEvicted(std::move(token));
  SendSoon();
}

// ---- tasks ----

void Worker::Take(v1::TaskDelivery delivery) {
  Process& p = *process_;
  const TokenKey key = session::KeyOf(delivery.token());
  if (p.outbox.Answered(delivery.token()) || p.tasks.contains(key)) return;
  RunningTask task;
  task.plan = FromPayload<TaskPlan>(runtime::FromProto(delivery.input()));
  task.begun_ms = parts_.schedule->now_ms();
  task.delivery = std::move(delivery);
  const bool hangs = task.delivery.attempt() <= task.plan.hangs;
  const int64_t takes = hangs ? kHangMs : task.plan.duration_ms;
  const int64_t beats = hangs ? 0 : task.plan.heartbeats;
  p.tasks.emplace(key, std::move(task));
  if (beats > 0) Later(takes / (beats + 1), [this, key, beats] { Heartbeat(key, beats); });
  Later(takes, [this, key] { Finish(key); });
}

void Worker::Heartbeat(const TokenKey& key, int64_t left) {
  Process& p = *process_;
  const auto at = p.tasks.find(key);
  if (at == p.tasks.end()) return;
  v1::TaskHeartbeat beat;
  *beat.mutable_token() = at->second.delivery.token();
  *beat.mutable_details() = runtime::ToProto(ToPayload<int64_t>(left));
  p.outbox.Add(std::move(beat));
  SendSoon();
  const int64_t pause = std::max<int64_t>(1, at->second.plan.duration_ms / (at->second.plan.heartbeats + 1));
  if (left > 1) Later(pause, [this, key, left] { Heartbeat(key, left - 1); });
}

v1::TaskAnswer Worker::AnswerOf(const RunningTask& task) const {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task.delivery.token();
  if (task.told_to_stop && task.plan.stops) {
    answer.mutable_cancelled();
  } else if (task.delivery.attempt() <= task.plan.hangs + task.plan.failures) {
    v1::Failure& failure = *answer.mutable_failure();
    failure.set_kind(v1::Failure::KIND_APPLICATION);
    failure.set_type("SimTask");
    failure.set_message(absl::StrCat("attempt ", task.delivery.attempt(), " fails"));
    failure.set_non_retryable(task.plan.non_retryable);
    failure.set_retry_delay_ms(task.plan.retry_after_ms);
  } else {
    *answer.mutable_result() = runtime::ToProto(ToPayload<int64_t>(ResultOf(task.plan)));
  }
  return answer;
}

void Worker::Finish(const TokenKey& key) {
  Process& p = *process_;
  const auto at = p.tasks.find(key);
  if (at == p.tasks.end()) return;
  v1::TaskAnswer answer = AnswerOf(at->second);
  p.tasks.erase(at);
  const v1::WorkToken token = answer.token();
  const bool failed = answer.has_failure();
  p.unacked[p.outbox.Add(std::move(answer))] = {token, failed};
  SendSoon();
  if (parts_.faults->Hits(parts_.faults->stale_answer, *parts_.rng)) {
    SendStaleAnswer(OldWork());
  }
}

void Worker::StopTask(const v1::WorkToken& token) {
  const TokenKey key = session::KeyOf(token);
  const auto at = process_->tasks.find(key);
  if (at == process_->tasks.end()) return;
  at->second.told_to_stop = true;
  if (at->second.plan.stops) Later(parts_.rng->Between(0, 200), [this, key] { Finish(key); });
}

// A process that was written off comes back to life, sure that it still has what it had.
void Worker::ClaimOldWork(v1::Hello& hello) {
  const v1::WorkToken token = OldWork();
  if (token.run() == 0 || process_->outbox.Answered(token)) return;
  process_->claimed = token;
  if (token.seq() == 0) {
    *hello.add_activations_in_hand() = token;
  } else {
    *hello.add_tasks_in_hand()->mutable_token() = token;
  }
}

v1::WorkToken Worker::OldWork() const {
  const std::deque<v1::WorkToken>& old = failed_.empty() || parts_.rng->Percent(30) ? answered_ : failed_;
  if (old.empty()) return {};
  const v1::WorkToken& token = old[static_cast<size_t>(parts_.rng->Below(static_cast<int64_t>(old.size())))];
  // An answer may have been refused while another worker had the same attempt, and that came to nothing: the
  // attempt is what a server that has started anew goes by, so that the claim would be good.
  return parts_.over(token) ? token : v1::WorkToken();
}

// It says what it found: that must not count.
void Worker::SendStaleAnswer(const v1::WorkToken& token) {
  Process& p = *process_;
  if (token.run() == 0 || !p.welcomed || p.link == nullptr || p.outbox.Answered(token)) return;
  ++totals_->stale_answers;
  (*parts_.trace)(p.session_id, " sends a stale answer for run ", token.run(), " seq ", token.seq());
  v1::WorkerFrame frame;
  const uint64_t id = uint64_t{1} << 60 | parts_.rng->Next() >> 8;
  if (token.seq() == 0) {
    v1::ActivationAnswer& answer = *frame.add_activation_answers();
    answer.set_answer_id(id);
    *answer.mutable_token() = token;
    *answer.mutable_advance()->add_commands()->mutable_complete_run()->mutable_result() =
        runtime::ToProto(ToPayload<std::string>(std::to_string(kStaleResult)));
  } else {
    v1::TaskAnswer& answer = *frame.add_task_answers();
    answer.set_answer_id(id);
    *answer.mutable_token() = token;
    *answer.mutable_result() = runtime::ToProto(ToPayload<int64_t>(kStaleResult));
  }
  p.link->Send(std::move(frame));
}

}  // namespace perdure::sim
