// The executor: mailboxes, threads, the cache of suspended coroutines.
#include "worker-sdk/src/runtime/executor.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "perdure/errors.h"
#include "worker-sdk/src/runtime/hosted_run.h"
#include "worker-sdk/src/runtime/step_pool.h"
#include "worker-sdk/src/runtime/ticker.h"
#include "worker-sdk/src/runtime/watchdog.h"

namespace perdure::runtime {
namespace {

constexpr int kAnswersBeforeFlush = 32;

}  // namespace

class Executor::Impl {
 public:
  Impl(const Registry& registry, ExecutorOptions options, ExecutorSink* sink);
  ~Impl();

  void Activate(std::vector<ActivationPtr> activations);
  void History(ChunkPtr chunk);
  void Evict(const v1::WorkToken& token);
  void Drop(const v1::WorkToken& token);
  void SetLimits(std::int64_t payload_bytes_max, std::int64_t commands_per_advance_max);
  void Reconnected(bool same_epoch);
  std::vector<v1::WorkToken> InHand() const;
  bool WaitIdle(std::chrono::milliseconds timeout) const;
  std::vector<std::string> Busy() const;
  ExecutorStats Stats() const;
  bool RunReady();
  bool RunStep() { return steps_.RunDue(); }
  std::optional<std::chrono::steady_clock::time_point> NextDue() const;

 private:
  using Clock = std::chrono::steady_clock;
  // Which run a token is for. Only the executor itself looks at this much of a token.
  using Key = std::pair<std::uint32_t, std::uint64_t>;

  // A run and its mailbox. Everything but `hosted` is guarded by mutex_; `hosted` belongs to the thread that
  // works on the entry, or to whoever holds mutex_ while no thread does (working == false).
  struct Entry {
    Key key;
    std::vector<RunMessage> mailbox;
    // In ready_, or being worked on.
    bool scheduled = false;
    Clock::time_point ready_since;
    bool in_hand = false;
    v1::WorkToken token;
    std::shared_ptr<const RunNames> names;
    std::int64_t bytes = 0;
    bool in_lru = false;
    std::list<Entry*>::iterator lru;
    std::unique_ptr<HostedRun> hosted;
  };
  using EntryRef = std::shared_ptr<Entry>;

  static Key KeyOf(const v1::WorkToken& token) { return {token.partition(), token.run()}; }

  // The lock for everyone but the threads: whoever is to be woken is told after it, since the woken want it
  // at once.
  class Locked {
   public:
    explicit Locked(Impl& impl) : impl_(impl), lock_(impl.mutex_) {}
    ~Locked() {
      const int to_notify = std::exchange(impl_.to_notify_, 0);
      lock_.unlock();
      for (int i = 0; i < to_notify; ++i) impl_.work_.notify_one();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

   private:
    Impl& impl_;
    std::unique_lock<std::mutex> lock_;
  };

  EntryRef FindLocked(const Key& key) const;
  EntryRef FindOrMakeLocked(const Key& key);
  void PostLocked(const EntryRef& entry, RunMessage message);
  void PostLater(const std::weak_ptr<Entry>& entry, RunMessage message, std::chrono::milliseconds delay);
  void Post(const std::weak_ptr<Entry>& entry, RunMessage message);

  void Loop(std::size_t slot);
  void MakeReadyLocked(const EntryRef& entry);
  int AwakeLocked() const;
  // Has one more thread look at what is ready, if one waits.
  void WakeLocked();
  bool WakeIfStalled();
  void MoveDueLocked();
  void WorkOnFirst(std::unique_lock<std::mutex>& lock, std::size_t slot);
  void Work(std::unique_lock<std::mutex>& lock, std::size_t slot, const EntryRef& entry);
  void SettleLocked(const EntryRef& entry, std::vector<std::unique_ptr<HostedRun>>& dead);
  void EvictOverLimit(std::unique_lock<std::mutex>& lock);
  void LeaveLruLocked(Entry& entry);
  bool IdleLocked() const;
  Logger LogOf(const BusyWith& what) const;
  void ReportBlocked(const BusyWith& what, std::chrono::milliseconds held);
  void ReportSlowStep(const BusyWith& what, std::chrono::milliseconds held);

  const ExecutorOptions options_;
  ExecutorSink& sink_;
  Counters counters_;
  Watchdog step_watchdog_;
  StepPool steps_;
  HostServices services_;
  Watchdog watchdog_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  mutable std::condition_variable idle_;
  // All below: guarded by mutex_.
  std::map<Key, EntryRef> entries_;
  std::deque<EntryRef> ready_;
  std::multimap<Clock::time_point, std::pair<std::weak_ptr<Entry>, RunMessage>> later_;
  // Least recently used first.
  std::list<Entry*> lru_;
  std::int64_t cached_bytes_ = 0;
  std::int64_t in_hand_ = 0;
  bool stopping_ = false;
  // Of the threads: those that wait, and how many of these were told to look.
  int waiting_ = 0;
  int woken_ = 0;
  // Of the woken: those that work_ has not been told for yet.
  int to_notify_ = 0;
  std::vector<std::thread> threads_;
  Ticker ticker_;
};

Executor::Impl::Impl(const Registry& registry, ExecutorOptions options, ExecutorSink* sink)
    : options_(std::move(options)),
      sink_(*sink),
      step_watchdog_(
          static_cast<std::size_t>(std::max(options_.step_threads, 1)), options_.step_warning,
          [this](const BusyWith& what, std::chrono::milliseconds held) { ReportSlowStep(what, held); }),
      steps_(options_.step_threads, step_watchdog_, options_.now, options_.random_seed),
      services_{registry, options_, sink_, steps_, counters_},
      watchdog_(static_cast<std::size_t>(std::max(options_.threads, 1)), options_.block_warning,
                [this](const BusyWith& what, std::chrono::milliseconds held) { ReportBlocked(what, held); }),
      ticker_(kQueueWaitMax, [this] { return WakeIfStalled(); }, options_.threads > 0) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this, i] { Loop(static_cast<std::size_t>(i)); });
  }
}

Executor::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  ticker_.Stop();
  for (std::thread& thread : threads_) thread.join();
  // Steps first: they may refer to variables in the frames that go next.
  steps_.Stop();
  ready_.clear();
  later_.clear();
  entries_.clear();
}

Executor::Impl::EntryRef Executor::Impl::FindLocked(const Key& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : entry->second;
}

Executor::Impl::EntryRef Executor::Impl::FindOrMakeLocked(const Key& key) {
  EntryRef& entry = entries_[key];
  if (entry != nullptr) return entry;
  entry = std::make_shared<Entry>();
  entry->key = key;
  const std::weak_ptr<Entry> weak = entry;
  auto mailbox = std::make_shared<const HostedRun::Mailbox>(
      HostedRun::Mailbox{[this, weak](RunMessage message) { Post(weak, std::move(message)); },
                         [this, weak](RunMessage message, std::chrono::milliseconds delay) {
                           PostLater(weak, std::move(message), delay);
                         }});
  entry->hosted = std::make_unique<HostedRun>(services_, std::move(mailbox));
  return entry;
}

void Executor::Impl::PostLocked(const EntryRef& entry, RunMessage message) {
  // An entry whose run was disposed of may be held a moment longer by whoever worked on it.
  if (stopping_ || entry->hosted == nullptr) return;
  entry->mailbox.push_back(std::move(message));
  if (entry->scheduled) return;
  entry->scheduled = true;
  LeaveLruLocked(*entry);
  MakeReadyLocked(entry);
  // Who is awake comes to it.
  if (AwakeLocked() == 0) WakeLocked();
}

void Executor::Impl::MakeReadyLocked(const EntryRef& entry) {
  entry->ready_since = options_.now();
  ready_.push_back(entry);
  ticker_.Arm();
}

int Executor::Impl::AwakeLocked() const { return static_cast<int>(threads_.size()) - waiting_ + woken_; }

void Executor::Impl::WakeLocked() {
  if (waiting_ <= woken_) return;
  ++woken_;
  ++to_notify_;
}

// The ticker's look.
bool Executor::Impl::WakeIfStalled() {
  const Locked lock(*this);
  if (stopping_ || ready_.empty()) return false;
  if (options_.now() - ready_.front()->ready_since >= kQueueWaitMax) WakeLocked();
  return true;
}

void Executor::Impl::Post(const std::weak_ptr<Entry>& weak, RunMessage message) {
  const EntryRef entry = weak.lock();
  if (entry == nullptr) return;
  const Locked lock(*this);
  PostLocked(entry, std::move(message));
}

void Executor::Impl::PostLater(const std::weak_ptr<Entry>& entry, RunMessage message,
                               std::chrono::milliseconds delay) {
  const Locked lock(*this);
  const auto at = later_.emplace(options_.now() + delay, std::pair(entry, std::move(message)));
  if (at == later_.begin() && AwakeLocked() == 0) WakeLocked();
}

void Executor::Impl::Activate(std::vector<ActivationPtr> activations) {
  const Locked lock(*this);
  for (ActivationPtr& activation : activations) {
    const EntryRef entry = FindOrMakeLocked(KeyOf(activation->token()));
    entry->token = activation->token();
    if (entry->names == nullptr || entry->names->run_id != activation->run_id()) {
      entry->names = std::make_shared<const RunNames>(
          RunNames{activation->workflow_type(), activation->workflow_id(), activation->run_id()});
    }
    if (!entry->in_hand) ++in_hand_;
    entry->in_hand = true;
    PostLocked(entry, Activated{std::move(activation), entry->names});
  }
}

void Executor::Impl::History(ChunkPtr chunk) {
  const Locked lock(*this);
  if (const EntryRef entry = FindLocked(KeyOf(chunk->token()))) PostLocked(entry, std::move(chunk));
}

void Executor::Impl::Evict(const v1::WorkToken& token) {
  const Locked lock(*this);
  if (const EntryRef entry = FindLocked(KeyOf(token))) PostLocked(entry, DropAll{});
}

void Executor::Impl::Drop(const v1::WorkToken& token) {
  const Locked lock(*this);
  const EntryRef entry = FindLocked(KeyOf(token));
  if (entry != nullptr && entry->in_hand && entry->token.delivery() == token.delivery())
    PostLocked(entry, DropAll{});
}

void Executor::Impl::SetLimits(std::int64_t payload_bytes_max, std::int64_t commands_per_advance_max) {
  services_.payload_bytes_max = payload_bytes_max;
  services_.commands_per_advance_max = commands_per_advance_max;
}

void Executor::Impl::Reconnected(bool same_epoch) {
  const Locked lock(*this);
  for (const auto& [key, entry] : entries_) {
    if (entry->in_hand) PostLocked(entry, ConnectionBack{same_epoch});
  }
}

std::vector<v1::WorkToken> Executor::Impl::InHand() const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::WorkToken> tokens;
  for (const auto& [key, entry] : entries_) {
    if (entry->in_hand) tokens.push_back(entry->token);
  }
  return tokens;
}

bool Executor::Impl::IdleLocked() const {
  return in_hand_ == 0 && ready_.empty() && counters_.running_steps.load() == 0;
}

bool Executor::Impl::WaitIdle(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, timeout, [this] { return IdleLocked(); });
}

ExecutorStats Executor::Impl::Stats() const {
  const std::lock_guard lock(mutex_);
  ExecutorStats stats;
  for (const auto& [key, entry] : entries_) stats.cached_runs += entry->bytes > 0 ? 1 : 0;
  stats.cached_bytes = cached_bytes_;
  stats.in_hand = in_hand_;
  stats.running_steps = counters_.running_steps;
  stats.activations = counters_.activations;
  stats.activations_failed = counters_.activations_failed;
  stats.replays = counters_.replays;
  stats.non_deterministic = counters_.non_deterministic;
  stats.evictions = counters_.evictions;
  stats.steps = counters_.steps;
  stats.block_warnings = counters_.block_warnings;
  stats.step_warnings = counters_.step_warnings;
  return stats;
}

std::vector<std::string> Executor::Impl::Busy() const {
  std::vector<std::string> busy = watchdog_.Busy();
  for (std::string& step : step_watchdog_.Busy()) busy.push_back(std::move(step));
  return busy;
}

void Executor::Impl::MoveDueLocked() {
  const Clock::time_point now = options_.now();
  while (!later_.empty() && later_.begin()->first <= now) {
    auto [weak, message] = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    if (const EntryRef entry = weak.lock()) PostLocked(entry, std::move(message));
  }
}

void Executor::Impl::Loop(std::size_t slot) {
  std::unique_lock lock(mutex_);
  int unflushed = 0;
  const auto told = [this] { return stopping_ || woken_ > 0; };
  while (!stopping_) {
    MoveDueLocked();
    // Answers of runs that are worked on one after the other share a frame.
    if (unflushed > 0 && (ready_.empty() || unflushed >= kAnswersBeforeFlush)) {
      unflushed = 0;
      lock.unlock();
      sink_.Flush();
      lock.lock();
      continue;
    }
    if (ready_.empty()) {
      ++waiting_;
      if (later_.empty()) {
        work_.wait(lock, told);
      } else {
        const Clock::time_point due = later_.begin()->first;
        work_.wait_until(lock, due, told);
      }
      --waiting_;
      if (woken_ > 0) --woken_;
      continue;
    }
    WorkOnFirst(lock, slot);
    ++unflushed;
  }
}

void Executor::Impl::WorkOnFirst(std::unique_lock<std::mutex>& lock, std::size_t slot) {
  const EntryRef entry = std::move(ready_.front());
  ready_.pop_front();
  Work(lock, slot, entry);
  EvictOverLimit(lock);
  if (IdleLocked()) idle_.notify_all();
}

bool Executor::Impl::RunReady() {
  std::unique_lock lock(mutex_);
  MoveDueLocked();
  if (stopping_ || ready_.empty()) return false;
  WorkOnFirst(lock, 0);
  if (!ready_.empty()) return true;
  lock.unlock();
  sink_.Flush();
  return true;
}

std::optional<Executor::Impl::Clock::time_point> Executor::Impl::NextDue() const {
  std::optional<Clock::time_point> due = steps_.NextDue();
  const std::lock_guard lock(mutex_);
  if (!ready_.empty()) return options_.now();
  if (!later_.empty()) due = std::min(later_.begin()->first, due.value_or(Clock::time_point::max()));
  return due;
}

void Executor::Impl::Work(std::unique_lock<std::mutex>& lock, std::size_t slot, const EntryRef& entry) {
  std::vector<RunMessage> messages;
  messages.swap(entry->mailbox);
  BusyWith what{entry->names, 0, {}};
  lock.unlock();
  watchdog_.Enter(slot, std::move(what));
  for (RunMessage& message : messages) entry->hosted->Handle(std::move(message));
  watchdog_.Leave(slot);
  lock.lock();
  std::vector<std::unique_ptr<HostedRun>> dead;
  SettleLocked(entry, dead);
  if (dead.empty()) return;
  lock.unlock();
  dead.clear();
  lock.lock();
}

void Executor::Impl::SettleLocked(const EntryRef& entry, std::vector<std::unique_ptr<HostedRun>>& dead) {
  const HostedRun& run = *entry->hosted;
  cached_bytes_ += run.bytes() - entry->bytes;
  entry->bytes = run.bytes();
  const bool more = !entry->mailbox.empty();
  // An activation that waits in the mailbox is in hand too.
  if (entry->in_hand && !run.in_hand() && !more) {
    entry->in_hand = false;
    --in_hand_;
  }
  if (more) return MakeReadyLocked(entry);
  entry->scheduled = false;
  if (run.disposable()) {
    dead.push_back(std::move(entry->hosted));
    entries_.erase(entry->key);
  } else if (run.has_coroutine()) {
    entry->lru = lru_.insert(lru_.end(), entry.get());
    entry->in_lru = true;
  }
}

void Executor::Impl::LeaveLruLocked(Entry& entry) {
  if (!entry.in_lru) return;
  lru_.erase(entry.lru);
  entry.in_lru = false;
}

void Executor::Impl::EvictOverLimit(std::unique_lock<std::mutex>& lock) {
  for (auto at = lru_.begin(); cached_bytes_ > options_.cache_bytes_max && at != lru_.end();) {
    Entry& candidate = **at;
    ++at;
    if (!candidate.hosted->evictable()) continue;
    const EntryRef entry = entries_.at(candidate.key);
    LeaveLruLocked(*entry);
    entry->scheduled = true;
    lock.unlock();
    sink_.Evicted(entry->hosted->EvictCoroutine());
    lock.lock();
    std::vector<std::unique_ptr<HostedRun>> dead;
    SettleLocked(entry, dead);
    // The lock was open: start over.
    at = lru_.begin();
  }
}

Logger Executor::Impl::LogOf(const BusyWith& what) const {
  return Logger(options_.log, {{"workflow_id", what.run->workflow_id},
                               {"run_id", what.run->run_id},
                               {"workflow_type", what.run->workflow_type}});
}

void Executor::Impl::ReportBlocked(const BusyWith& what, std::chrono::milliseconds held) {
  ++counters_.block_warnings;
  LogOf(what).Warn(
      "workflow code has held its thread too long: it must not block or compute for long, since other runs "
      "wait. Do such work in a task or a step, and sleep with ctx.Sleep",
      "held_ms", static_cast<std::int64_t>(held.count()));
}

void Executor::Impl::ReportSlowStep(const BusyWith& what, std::chrono::milliseconds held) {
  ++counters_.step_warnings;
  LogOf(what).Warn(
      "a step has been running for long: nothing stops it, it holds one of the threads for steps, and it "
      "runs "
      "again from the start if this worker dies. A task has timeouts, heartbeats and retries",
      "step", what.StepText(), "running_ms", static_cast<std::int64_t>(held.count()));
}

Executor::Executor(const Registry& registry, ExecutorOptions options, ExecutorSink* sink)
    : impl_(std::make_unique<Impl>(registry, std::move(options), sink)) {}
Executor::~Executor() = default;

void Executor::Activate(v1::Activation activation) {
  impl_->Activate({std::make_shared<const v1::Activation>(std::move(activation))});
}
void Executor::Take(const std::shared_ptr<const v1::ServerFrame>& frame) {
  if (!frame->activations().empty()) {
    std::vector<ActivationPtr> activations;
    activations.reserve(static_cast<std::size_t>(frame->activations_size()));
    for (const v1::Activation& one : frame->activations()) activations.emplace_back(frame, &one);
    impl_->Activate(std::move(activations));
  }
  for (const v1::HistoryChunk& chunk : frame->history_chunks()) impl_->History(ChunkPtr(frame, &chunk));
}
void Executor::History(v1::HistoryChunk chunk) {
  impl_->History(std::make_shared<const v1::HistoryChunk>(std::move(chunk)));
}
void Executor::Evict(const v1::WorkToken& token) { impl_->Evict(token); }
void Executor::Drop(const v1::WorkToken& token) { impl_->Drop(token); }
void Executor::SetLimits(std::int64_t payload_bytes_max, std::int64_t commands_per_advance_max) {
  impl_->SetLimits(payload_bytes_max, commands_per_advance_max);
}
void Executor::Reconnected(bool same_epoch) { impl_->Reconnected(same_epoch); }
std::vector<v1::WorkToken> Executor::InHand() const { return impl_->InHand(); }
bool Executor::WaitIdle(std::chrono::milliseconds timeout) const { return impl_->WaitIdle(timeout); }
std::vector<std::string> Executor::Busy() const { return impl_->Busy(); }
ExecutorStats Executor::Stats() const { return impl_->Stats(); }
bool Executor::RunReady() { return impl_->RunReady(); }
bool Executor::RunStep() { return impl_->RunStep(); }
std::optional<std::chrono::steady_clock::time_point> Executor::NextDue() const { return impl_->NextDue(); }

}  // namespace perdure::runtime
