// Random operations against a small model of everything around dispatch: partitions that decide, commit and
// offer again; workers that take, answer, lose frames, streams and themselves. Whatever happens, no work is
// lost, none is in two workers' hands under one delivery number, credits hold, and no answer is acknowledged
// before it is durable.
#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

constexpr uint32_t kPartitions = 2;
constexpr int kOperations = 4'000;
constexpr const char* kTypes[] = {"charge", "ship", "order"};

// One thing to do, under a delivery number that changes each time it is offered.
struct Job {
  uint64_t run = 0;
  uint32_t partition = 0;
  std::string type;
  bool activation = false;
  uint64_t delivery = 0;
  bool done = false;
  // Not wanted any more; whatever becomes of it is right.
  bool withdrawn = false;
};

// What a partition's turn leads to, released when it is durable.
struct Batch {
  std::vector<Work> work;
  Acks acks;
  std::vector<std::pair<std::string, uint64_t>> to_disk;
  std::set<uint64_t> answered;
};

// A worker process.
struct Process {
  std::string id;
  int credits = 0;
  std::unique_ptr<TestWorker> stream;
  std::map<uint64_t, v1::WorkToken> held;     // by delivery
  std::map<uint64_t, v1::WorkToken> unacked;  // by answer id
  std::map<uint64_t, uint64_t> answer_of;     // delivery to answer id
  uint64_t next_answer = 1;
};

class World : public DispatchTest {
 protected:
  void Begin(uint32_t seed) {
    random_.seed(seed);
    options.queue_window_max = 6;
    options.queue_window_bytes_max = 6'000;
    options.queued_bytes_max = 12'000;
    options.session_outgoing_bytes_max = 2'500;
    upstream.partition_count = kPartitions;
    Start();
  }

  uint64_t Pick(uint64_t n) { return random_() % n; }

  // ---- the partitions ----

  Work OfferingOf(Job& job) {
    job.delivery = next_delivery_++;
    by_delivery_[job.delivery] = job.run;
    Offering offering = job.activation ? Activation(job.type, job.delivery) : Task(job.type, job.delivery);
    offering.Partition(job.partition).Run(job.run).Bytes(Pick(4) == 0 ? 2'000 : Pick(300));
    if (job.activation && !processes_.empty()) offering.Holder(1 + Pick(processes_.size()));
    return offering.Make();
  }

  void AddJob() {
    Job job;
    job.run = next_run_++;
    job.partition = static_cast<uint32_t>(Pick(kPartitions));
    job.type = kTypes[Pick(3)];
    job.activation = job.type == "order";
    Job& added = jobs_[job.run] = job;
    staged_[job.partition].work.push_back(OfferingOf(added));
  }

  Job* Current(const v1::WorkToken& token) {
    auto it = jobs_.find(token.run());
    return it == jobs_.end() || it->second.delivery != token.delivery() || it->second.done ? nullptr
                                                                                           : &it->second;
  }

  void Handle(uint32_t partition, const Report& report) {
    Batch& batch = staged_[partition];
    if (const auto* returned = std::get_if<Returned>(&report.what)) {
      Job* job = Current(returned->token);
      if (job != nullptr && !job->withdrawn) batch.work.push_back(OfferingOf(*job));
    } else if (const auto* spilled = std::get_if<Spilled>(&report.what)) {
      Job* job = Current(spilled->token);
      if (job != nullptr && !job->withdrawn) {
        job->delivery = 0;
        batch.to_disk.emplace_back(QueueOfJob(*job), job->run);
      }
    } else if (const auto* refill = std::get_if<Refill>(&report.what)) {
      BringBack(partition, *refill);
    } else if (const auto* task = std::get_if<v1::TaskAnswer>(&report.what)) {
      TakeAnswer(batch, report.peer->session, task->token(), task->answer_id());
    } else if (const auto* activation = std::get_if<v1::ActivationAnswer>(&report.what)) {
      TakeAnswer(batch, report.peer->session, activation->token(), activation->answer_id());
    } else if (const auto* over = std::get_if<TakenOver>(&report.what)) {
      if (Current(over->token) == nullptr) {
        Work cancel;
        cancel.kind = Work::Kind::kCancelTask;
        cancel.token = over->token;
        batch.work.push_back(std::move(cancel));
      }
    }
  }

  static std::string QueueOfJob(const Job& job) {
    return QueueKey("default", "main", job.activation ? WorkKind::kActivation : WorkKind::kTask, job.type);
  }

  void TakeAnswer(Batch& batch, SessionNumber session, const v1::WorkToken& token, uint64_t answer_id) {
    if (Job* job = Current(token)) {
      EXPECT_FALSE(job->done) << "answered twice";
      job->done = true;
    }
    batch.acks[session].push_back(answer_id);
    batch.answered.insert(token.delivery());
  }

  void BringBack(uint32_t partition, const Refill& refill) {
    Batch& batch = staged_[partition];
    std::deque<uint64_t>& disk = disk_[{partition, refill.queue}];
    Work done;
    done.kind = Work::Kind::kRefilled;
    done.queue = refill.queue;
    done.token.set_partition(partition);
    for (; done.count < refill.items && !disk.empty(); ++done.count) {
      Job& job = jobs_.at(disk.front());
      disk.pop_front();
      if (!job.withdrawn) batch.work.push_back(OfferingOf(job));
    }
    done.more = !disk.empty();
    batch.work.push_back(std::move(done));
  }

  // A partition takes what is in its mailbox.
  void Turn(uint32_t partition) {
    std::vector<Report> mine;
    std::erase_if(upstream.posted, [&](auto& entry) {
      if (entry.first == partition) mine.push_back(std::move(entry.second));
      return entry.first == partition;
    });
    for (const Report& report : mine) Handle(partition, report);
    if (staged_[partition].work.empty() && staged_[partition].acks.empty() &&
        staged_[partition].to_disk.empty())
      return;
    on_their_way_.emplace_back(partition, std::exchange(staged_[partition], {}));
  }

  void Commit() {
    if (on_their_way_.empty()) return;
    auto [partition, batch] = std::move(on_their_way_.front());
    on_their_way_.pop_front();
    for (const auto& [queue, run] : batch.to_disk) disk_[{partition, queue}].push_back(run);
    durable_.insert(batch.answered.begin(), batch.answered.end());
    std::vector<uint64_t> closed;
    for (const Work& work : batch.work) {
      if (work.kind == Work::Kind::kWithdraw && work.token.seq() == 0)
        closed.push_back(work.token.delivery());
    }
    dispatcher().Release(std::move(batch.work), std::move(batch.acks));
    // The coroutine is evicted with its activation: a worker that can be told has nothing left to answer.
    for (Process& p : processes_) {
      if (!p.stream) continue;
      for (const uint64_t delivery : closed) p.held.erase(delivery);
    }
  }

  void WithdrawOne() {
    if (jobs_.empty()) return;
    auto it = jobs_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(Pick(jobs_.size())));
    Job& job = it->second;
    if (job.done || job.withdrawn || job.delivery == 0) return;
    job.withdrawn = true;
    Work withdraw;
    withdraw.kind = Work::Kind::kWithdraw;
    withdraw.token = (job.activation ? Activation(job.type, job.delivery) : Task(job.type, job.delivery))
                         .Partition(job.partition)
                         .Run(job.run)
                         .Token();
    staged_[job.partition].work.push_back(std::move(withdraw));
  }

  // ---- the workers ----

  v1::Hello HelloOf(const Process& p) {
    MakeHello hello(p.id);
    hello.Tasks({"charge", "ship"}, p.credits).Workflows({"order"}, p.credits);
    const auto add = [&](const v1::WorkToken& token) {
      if (token.seq() == 0) {
        hello.ActivationInHand(token);
      } else {
        hello.TaskInHand(token);
      }
    };
    for (const auto& [delivery, token] : p.held) add(token);
    for (const auto& [id, token] : p.unacked) add(token);
    return hello;
  }

  void ConnectOne(Process& p) {
    if (p.stream) return;
    p.stream = std::make_unique<TestWorker>(&dispatcher(), HelloOf(p));
    for (const v1::WorkToken& token : p.stream->welcome.stale_tokens()) {
      p.held.erase(token.delivery());
      if (auto it = p.answer_of.find(token.delivery()); it != p.answer_of.end()) p.unacked.erase(it->second);
    }
    for (const auto& [id, token] : p.unacked) ASSERT_TRUE(p.stream->Answer(token, id).ok());
  }

  void CutOne(Process& p) {
    if (!p.stream) return;
    // Sent, but it never arrives.
    if (Pick(2) == 0) p.stream->Receive();
    p.stream->Cut();
    p.stream.reset();
  }

  void ReceiveOne(Process& p) {
    if (!p.stream) return;
    const Inbox in = p.stream->Receive();
    const auto take = [&](const std::vector<v1::WorkToken>& tokens) {
      for (const v1::WorkToken& token : tokens) {
        EXPECT_TRUE(delivered_.insert(token.delivery()).second) << "delivered twice: " << token.delivery();
        p.held[token.delivery()] = token;
      }
    };
    take(in.tasks);
    take(in.activations);
    for (const uint64_t id : in.acks) {
      auto it = p.unacked.find(id);
      if (it == p.unacked.end()) continue;
      const uint64_t delivery = it->second.delivery();
      const Job& job = jobs_.at(it->second.run());
      EXPECT_TRUE(durable_.contains(delivery) || job.delivery != delivery || !job.done)
          << "acknowledged too early";
      p.answer_of.erase(delivery);
      p.unacked.erase(it);
    }
    for (const v1::TaskCancel& cancel : in.cancels) {
      if (auto it = p.held.find(cancel.token().delivery()); it != p.held.end()) AnswerOne(p, it);
    }
  }

  void AnswerOne(Process& p, std::map<uint64_t, v1::WorkToken>::iterator held) {
    const uint64_t id = p.next_answer++;
    p.unacked[id] = held->second;
    p.answer_of[held->first] = id;
    if (p.stream) ASSERT_TRUE(p.stream->Answer(held->second, id).ok());
    p.held.erase(held);
  }

  void AnswerSome(Process& p) {
    if (p.held.empty()) return;
    auto it = p.held.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(Pick(p.held.size())));
    AnswerOne(p, it);
  }

  // A worker that makes things up, or says them again.
  void Misbehave(Process& p) {
    if (!p.stream) return;
    v1::WorkToken token;
    if (!p.unacked.empty() && Pick(2) == 0) {
      const auto it = p.unacked.begin();
      ASSERT_TRUE(p.stream->Answer(it->second, it->first).ok());
      return;
    }
    token.set_partition(static_cast<uint32_t>(Pick(4)));
    token.set_run(Pick(next_run_));
    token.set_seq(static_cast<int64_t>(Pick(3)));
    token.set_attempt(static_cast<int32_t>(Pick(3)));
    token.set_delivery(Pick(next_delivery_));
    ASSERT_TRUE(p.stream->Answer(token, 1'000'000 + Pick(1'000)).ok());
  }

  void CheckCredits() {
    for (const Process& p : processes_) {
      const v1::SessionInfo info = SessionNamed(p.id);
      int tasks = 0;
      int activations = 0;
      for (const auto& [delivery, token] : p.held) ++(token.seq() == 0 ? activations : tasks);
      ASSERT_LE(tasks, p.credits);
      ASSERT_LE(activations, p.credits);
      if (!p.stream || info.session_id().empty()) continue;
      ASSERT_LE(info.tasks_out(), p.credits);
      ASSERT_LE(info.activations_out(), p.credits);
      ASSERT_GE(info.tasks_out(), tasks);
      ASSERT_GE(info.activations_out(), activations);
    }
  }

  void Step() {
    if (processes_.empty() || (processes_.size() < 6 && Pick(200) == 0)) {
      Process p;
      p.id = "w" + std::to_string(processes_.size());
      p.credits = 1 + static_cast<int>(Pick(4));
      processes_.push_back(std::move(p));
    }
    Process& p = processes_[Pick(processes_.size())];
    const uint64_t dice = Pick(100);
    if (dice < 16) {
      AddJob();
    } else if (dice < 32) {
      Turn(static_cast<uint32_t>(Pick(kPartitions)));
    } else if (dice < 48) {
      Commit();
    } else if (dice < 62) {
      ReceiveOne(p);
    } else if (dice < 76) {
      AnswerSome(p);
    } else if (dice < 84) {
      ConnectOne(p);
    } else if (dice < 87) {
      CutOne(p);
    } else if (dice < 89) {
      Advance(static_cast<int64_t>(Pick(static_cast<uint64_t>(options.reconnect_grace_ms))));
      dispatcher().Tick();
    } else if (dice < 92) {
      WithdrawOne();
    } else if (dice < 96) {
      Misbehave(p);
    } else {
      dispatcher().Tick();
    }
  }

  bool AllDone() const {
    return std::all_of(jobs_.begin(), jobs_.end(),
                       [](const auto& e) { return e.second.done || e.second.withdrawn; });
  }

  // No more trouble: everything must come to its end.
  void Settle() {
    for (Process& p : processes_) ConnectOne(p);
    for (int round = 0; round < 20'000 && !AllDone(); ++round) {
      for (uint32_t partition = 0; partition < kPartitions; ++partition) Turn(partition);
      Commit();
      for (Process& p : processes_) {
        ReceiveOne(p);
        while (!p.held.empty()) AnswerOne(p, p.held.begin());
      }
      if (round % 100 == 0) dispatcher().Tick();
    }
    // What became of withdrawn ones, and the last acknowledgements.
    for (int round = 0; round < 200; ++round) {
      for (uint32_t partition = 0; partition < kPartitions; ++partition) Turn(partition);
      Commit();
      for (Process& p : processes_) {
        ReceiveOne(p);
        while (!p.held.empty()) AnswerOne(p, p.held.begin());
      }
    }
  }

  std::mt19937 random_;
  uint64_t next_run_ = 1;
  uint64_t next_delivery_ = 1;
  std::map<uint64_t, Job> jobs_;
  std::map<uint64_t, uint64_t> by_delivery_;
  std::map<uint32_t, Batch> staged_;
  std::deque<std::pair<uint32_t, Batch>> on_their_way_;
  std::map<std::pair<uint32_t, std::string>, std::deque<uint64_t>> disk_;
  std::set<uint64_t> durable_;
  std::vector<Process> processes_;
  std::set<uint64_t> delivered_;
};

class RandomTest : public World, public ::testing::WithParamInterface<uint32_t> {};

TEST_P(RandomTest, NothingIsLostAndNothingIsDoneTwice) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Begin(GetParam());
  for (int i = 0; i < kOperations && !HasFatalFailure(); ++i) {
    Step();
    CheckCredits();
  }
  Settle();
  for (const auto& [run, job] : jobs_) {
    EXPECT_TRUE(job.done || job.withdrawn) << "lost: run " << run << ", delivery " << job.delivery;
  }
  v1::GetServerInfoResponse info;
  dispatcher().FillInfo(info);
  for (const v1::SessionInfo& session : info.sessions()) {
    EXPECT_EQ(session.tasks_out(), 0) << session.session_id();
    EXPECT_EQ(session.activations_out(), 0) << session.session_id();
  }
  for (const v1::QueueInfo& queue : info.queues()) {
    EXPECT_EQ(queue.depth(), 0) << queue.type();
    EXPECT_EQ(queue.spilled(), 0) << queue.type();
  }
  for (const Process& p : processes_) EXPECT_TRUE(p.unacked.empty()) << p.id << " never heard of its answers";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, ::testing::Range(uint32_t{1}, uint32_t{41}));

}  // namespace
}  // namespace perdure::dispatch
