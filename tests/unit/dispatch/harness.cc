#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {

void FakeUpstream::Post(uint32_t partition, std::vector<Report> reports) {
  for (Report& report : reports) posted.emplace_back(partition, std::move(report));
}

bool FakeUpstream::RequestHistory(const HistoryRead& read) {
  if (takes_reads) reads.push_back(read);
  return takes_reads;
}

MakeHello::MakeHello(const std::string& session_id) {
  hello_.set_session_id(session_id);
  hello_.set_identity("identity of " + session_id);
  hello_.set_namespace_("default");
  hello_.set_task_queue("main");
  hello_.set_build_id("build-1");
}

MakeHello& MakeHello::Tasks(std::initializer_list<const char*> types, int credits) {
  for (const char* type : types) hello_.add_task_types(type);
  hello_.set_max_tasks(credits);
  return *this;
}

MakeHello& MakeHello::Workflows(std::initializer_list<const char*> types, int credits) {
  for (const char* type : types) hello_.add_workflow_types(type);
  hello_.set_max_activations(credits);
  return *this;
}

MakeHello& MakeHello::TaskQueue(const std::string& name) {
  hello_.set_task_queue(name);
  return *this;
}

MakeHello& MakeHello::TaskInHand(const v1::WorkToken& token, int64_t running_ms) {
  *hello_.add_tasks_in_hand()->mutable_token() = token;
  hello_.mutable_tasks_in_hand()->rbegin()->set_running_ms(running_ms);
  return *this;
}

MakeHello& MakeHello::ActivationInHand(const v1::WorkToken& token) {
  *hello_.add_activations_in_hand() = token;
  return *this;
}

TestWorker::TestWorker(Dispatcher* dispatcher, const v1::Hello& hello) : dispatcher_(dispatcher) {
  Reconnect(hello);
}

void TestWorker::Reconnect(const v1::Hello& hello) {
  sink = std::make_shared<FakeSink>();
  absl::StatusOr<Dispatcher::Opened> opened = dispatcher_->Open(hello, sink);
  ASSERT_TRUE(opened.ok()) << opened.status();
  session = opened->session;
  welcome = std::move(opened->welcome);
}

Inbox TestWorker::Receive() {
  Inbox in;
  for (v1::ServerFrame frame; dispatcher_->TakeFrame(session, sink.get(), frame); frame.Clear()) {
    ++in.frames;
    for (const v1::Activation& a : frame.activations()) in.activations.push_back(a.token());
    for (const v1::TaskDelivery& t : frame.tasks()) in.tasks.push_back(t.token());
    in.cancels.insert(in.cancels.end(), frame.task_cancels().begin(), frame.task_cancels().end());
    in.acks.insert(in.acks.end(), frame.acked_answer_ids().begin(), frame.acked_answer_ids().end());
    in.chunks.insert(in.chunks.end(), frame.history_chunks().begin(), frame.history_chunks().end());
    in.evict.insert(in.evict.end(), frame.evict().begin(), frame.evict().end());
  }
  return in;
}

absl::Status TestWorker::Send(v1::WorkerFrame frame) {
  return dispatcher_->Receive(session, sink.get(), std::move(frame));
}

absl::Status TestWorker::Answer(const v1::WorkToken& token, uint64_t answer_id) {
  return AnswerAll({token}, answer_id);
}

absl::Status TestWorker::AnswerAll(const std::vector<v1::WorkToken>& tokens, uint64_t first_answer_id) {
  v1::WorkerFrame frame;
  for (const v1::WorkToken& token : tokens) {
    if (token.seq() == 0) {
      v1::ActivationAnswer& answer = *frame.add_activation_answers();
      answer.set_answer_id(first_answer_id++);
      *answer.mutable_token() = token;
      answer.mutable_advance();
    } else {
      v1::TaskAnswer& answer = *frame.add_task_answers();
      answer.set_answer_id(first_answer_id++);
      *answer.mutable_token() = token;
      answer.mutable_result();
    }
  }
  return Send(std::move(frame));
}

absl::Status TestWorker::Drain() {
  v1::WorkerFrame frame;
  frame.mutable_drain();
  return Send(std::move(frame));
}

void TestWorker::Cut() { dispatcher_->StreamClosed(session, sink.get()); }

Offering::Offering(WorkKind kind, const std::string& type, uint64_t delivery)
    : kind_(kind), type_(type), delivery_(delivery) {}

Offering& Offering::Partition(uint32_t partition) {
  partition_ = partition;
  return *this;
}
Offering& Offering::Run(uint64_t run) {
  run_ = run;
  return *this;
}
Offering& Offering::Bytes(size_t bytes) {
  bytes_ = bytes;
  return *this;
}
Offering& Offering::Holder(SessionNumber session) {
  holder_ = session;
  return *this;
}
Offering& Offering::HistoryThrough(int64_t event_id) {
  history_through_ = event_id;
  return *this;
}
Offering& Offering::TaskQueue(const std::string& name) {
  task_queue_ = name;
  return *this;
}

v1::WorkToken Offering::Token() const {
  v1::WorkToken token;
  token.set_partition(partition_);
  token.set_run(run_);
  token.set_seq(kind_ == WorkKind::kActivation ? 0 : static_cast<int64_t>(delivery_));
  token.set_attempt(1);
  token.set_delivery(delivery_);
  return token;
}

Work Offering::Make() const {
  Work work;
  work.queue = QueueKey("default", task_queue_, kind_, type_);
  work.session = holder_;
  if (kind_ == WorkKind::kActivation) {
    work.kind = Work::Kind::kActivation;
    work.activation = std::make_unique<v1::Activation>();
    *work.activation->mutable_token() = Token();
    work.activation->set_history_through(history_through_);
    if (bytes_ > 0) {
      work.activation->add_events()->mutable_signal_received()->mutable_input()->set_data(
          std::string(bytes_, 'x'));
    }
  } else {
    work.kind = Work::Kind::kTask;
    work.task = std::make_unique<v1::TaskDelivery>();
    *work.task->mutable_token() = Token();
    if (bytes_ > 0) work.task->mutable_input()->set_data(std::string(bytes_, 'x'));
  }
  return work;
}

DispatchTest::DispatchTest() {
  FakeClock::now_ms = 1'000'000;
  options.now_ms = &FakeClock::Now;
  options.server_epoch = 77;
  options.server_version = "test";
}

void DispatchTest::Start(std::vector<std::string> expected) {
  dispatcher_ = std::make_unique<Dispatcher>(options, &upstream, std::move(expected));
}

Dispatcher& DispatchTest::dispatcher() {
  if (dispatcher_ == nullptr) Start();
  return *dispatcher_;
}

void DispatchTest::Release(Work work) {
  std::vector<Work> all;
  all.push_back(std::move(work));
  dispatcher().Release(std::move(all), {});
}

void DispatchTest::Acknowledge(SessionNumber session, std::vector<uint64_t> answer_ids) {
  Acks acks;
  acks[session] = std::move(answer_ids);
  dispatcher().Release({}, std::move(acks));
}

void DispatchTest::Withdraw(const v1::WorkToken& token, const std::string& reason) {
  Work work;
  work.kind = Work::Kind::kWithdraw;
  work.token = token;
  work.reason = reason;
  Release(std::move(work));
}

void DispatchTest::CancelTask(const v1::WorkToken& token, const std::string& reason) {
  Work work;
  work.kind = Work::Kind::kCancelTask;
  work.token = token;
  work.reason = reason;
  Release(std::move(work));
}

void DispatchTest::Refilled(const Offering& like, int64_t count, bool more) {
  Work work;
  work.kind = Work::Kind::kRefilled;
  work.queue = like.Make().queue;
  work.token.set_partition(like.Token().partition());
  work.count = count;
  work.more = more;
  Release(std::move(work));
}

double DispatchTest::MetricOf(const std::string& name_and_labels) {
  class Sink : public base::MetricSink {
   public:
    explicit Sink(const std::string& wanted) : wanted_(wanted) {}
    void Counter(std::string_view name, std::string_view, base::Labels labels, double value) override {
      Add(name, labels, value);
    }
    void Gauge(std::string_view name, std::string_view, base::Labels labels, double value) override {
      Add(name, labels, value);
    }
    void Histogram(std::string_view, std::string_view, base::Labels, const base::Histogram&,
                   double) override {}
    double sum = 0;

   private:
    void Add(std::string_view name, base::Labels labels, double value) {
      std::string key(name);
      for (const base::Label& label : labels) key.append(" ").append(label.value);
      if (key == wanted_) sum += value;
    }
    const std::string& wanted_;
  };
  Sink sink(name_and_labels);
  dispatcher().Collect(sink);
  return sink.sum;
}

v1::SessionInfo DispatchTest::SessionNamed(const std::string& id) {
  v1::GetServerInfoResponse info;
  dispatcher().FillInfo(info);
  for (const v1::SessionInfo& session : info.sessions()) {
    if (session.session_id() == id) return session;
  }
  return {};
}

v1::QueueInfo DispatchTest::QueueOf(const std::string& type) {
  v1::GetServerInfoResponse info;
  dispatcher().FillInfo(info);
  for (const v1::QueueInfo& queue : info.queues()) {
    if (queue.type() == type) return queue;
  }
  return {};
}

std::vector<uint64_t> Numbers(const std::vector<v1::WorkToken>& tokens) {
  std::vector<uint64_t> numbers;
  for (const v1::WorkToken& token : tokens) numbers.push_back(token.delivery());
  return numbers;
}

}  // namespace perdure::dispatch
