// Worker sessions: hellos and frames of any worker, through the decoder into a dispatcher, between partitions
// that commit work, acknowledge, take back and answer late. The model says what may come of it.
//
// Input: a DispatchScript (inputs.proto).
#include <google/protobuf/text_format.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "server/api/frame.h"
#include "server/dispatch/dispatcher.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/dispatch_model.h"
#include "tests/fuzz/inputs.pb.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/sample_frames.h"
#include "tests/fuzz/seeds.h"

namespace perdure::fuzz {
namespace {

using dispatch::Dispatcher;

constexpr size_t kWorkers = 3;
constexpr int kStepsMax = 150;
// What dispatch shows is looked at after so many steps, and after each that gave work out.
constexpr int kStepsBetweenLooks = 8;
constexpr uint32_t kItemsPerStepMax = 8;
constexpr uint32_t kItemBytesMax = 3'000;
struct Type {
  const char* name;
  WorkKind kind;
};
constexpr Type kTypes[] = {
    {"charge", WorkKind::kTask}, {"order", WorkKind::kActivation}, {"ship", WorkKind::kTask}};

int64_t g_now_ms = 0;
int64_t Now() { return g_now_ms; }

// Low, so that short scripts reach them.
dispatch::DispatchOptions LowLimits() {
  dispatch::DispatchOptions options;
  options.sessions_max = 4;
  options.queue_window_max = 4;
  options.queue_window_bytes_max = 4'000;
  options.queued_bytes_max = 7'000;
  options.session_outgoing_bytes_max = 2'500;
  options.reconnect_grace_ms = 100;
  options.name_bytes_max = 32;
  options.types_per_session_max = 5;
  options.credits_max = 50;
  options.in_hand_max = 10;
  options.frame_items_max = 40;
  options.now_ms = &Now;
  return options;
}

class Sink : public dispatch::FrameSink {
 public:
  void Wake() override {}
  void Abort(absl::Status status) override { Check(!status.ok(), "aborted without a reason"); }
};

// One stream, as WorkerService runs it.
struct Stream {
  std::shared_ptr<Sink> sink;
  dispatch::SessionNumber session = 0;
};

class World {
 public:
  explicit World(const DispatchScript& script)
      : model_(options_),
        dispatcher_(options_, &model_, {script.expected().begin(), script.expected().end()}) {
    g_now_ms = 1'000'000;
  }

  void Run(const DispatchScript& script) {
    const int steps = std::min(script.steps_size(), kStepsMax);
    for (int i = 0; i < steps; ++i) {
      Do(script.steps(i));
      if (i % kStepsBetweenLooks == 0 || model_.gave_work_out()) model_.Compare(dispatcher_);
    }
    if (!stopped_) Settle();
  }

 private:
  void Do(const DispatchScript::Step& step) {
    switch (step.what_case()) {
      case DispatchScript::Step::kConnect:
        return Do(step.connect());
      case DispatchScript::Step::kSend:
        return Do(step.send());
      case DispatchScript::Step::kSendBytes:
        return Receive(StreamOf(step.send_bytes().worker()), step.send_bytes().frame());
      case DispatchScript::Step::kTake:
        return Take(StreamOf(step.take().worker()), step.take().frames());
      case DispatchScript::Step::kCut:
        return Close(StreamOf(step.cut().worker()));
      case DispatchScript::Step::kOffer:
        return Do(step.offer());
      case DispatchScript::Step::kAcknowledge:
        return Acknowledge(step.acknowledge().count());
      case DispatchScript::Step::kRecall:
        return Do(step.recall());
      case DispatchScript::Step::kRefilled:
        return Do(step.refilled());
      case DispatchScript::Step::kWait:
        return Wait(step.wait().ms() % 1'000);
      case DispatchScript::Step::kHistory:
        return Do(step.history());
      case DispatchScript::Step::kUpstream:
        model_.is_full = step.upstream().is_full();
        model_.refuses_reads = step.upstream().refuses_reads();
        return;
      case DispatchScript::Step::kShutdown:
        stopped_ = true;
        return dispatcher_.Shutdown(absl::UnavailableError("stopping"));
      case DispatchScript::Step::WHAT_NOT_SET:
        return;
    }
  }

  Stream& StreamOf(uint32_t worker) { return streams_[worker % kWorkers]; }

  // ---- workers ----

  void Do(const DispatchScript::Connect& connect) {
    v1::WorkerFrame frame;
    v1::Hello& hello = *frame.mutable_hello();
    hello = connect.hello();
    if (hello.session_id().empty()) hello.set_session_id(absl::StrCat("w", connect.worker() % kWorkers));
    if (hello.task_queue().empty()) hello.set_task_queue("main");
    if (hello.workflow_types().empty() && hello.task_types().empty()) {
      for (const Type& type : kTypes) {
        if (type.kind == WorkKind::kTask) {
          hello.add_task_types(type.name);
        } else {
          hello.add_workflow_types(type.name);
        }
      }
    }
    Resolve(frame);
    Stream& slot = StreamOf(connect.worker());
    // The older stream ends after the new one has begun, as after a network that was cut.
    Stream older = std::exchange(slot, {});
    Receive(slot, frame.SerializeAsString());
    Close(older);
  }

  void Do(const DispatchScript::Send& send) {
    v1::WorkerFrame frame = send.frame();
    Resolve(frame);
    Receive(StreamOf(send.worker()), frame.SerializeAsString());
  }

  // As WorkerService takes a frame: the first one of a stream is its hello.
  void Receive(Stream& stream, const std::string& bytes) {
    grpc::Slice slice(bytes);
    grpc::ByteBuffer buffer(&slice, 1);
    v1::WorkerFrame frame;
    absl::Status status = api::ParseFrame(buffer, options_.frame_items_max, frame);
    if (status.ok()) status = stream.sink ? Pass(stream, std::move(frame)) : Hello(stream, std::move(frame));
    if (!status.ok()) Close(stream);
  }

  absl::Status Pass(Stream& stream, v1::WorkerFrame frame) {
    return dispatcher_.Receive(stream.session, stream.sink.get(), std::move(frame));
  }

  absl::Status Hello(Stream& stream, v1::WorkerFrame frame) {
    if (!frame.has_hello()) return absl::InvalidArgumentError("no hello");
    auto sink = std::make_shared<Sink>();
    const absl::StatusOr<Dispatcher::Opened> opened =
        dispatcher_.Open(std::move(*frame.mutable_hello()), sink);
    if (!opened.ok()) return opened.status();
    stream.sink = std::move(sink);
    stream.session = opened->session;
    return absl::OkStatus();
  }

  void Close(Stream& stream) {
    if (stream.sink) dispatcher_.StreamClosed(stream.session, stream.sink.get());
    stream = {};
  }

  void Take(Stream& stream, uint32_t frames) {
    if (!stream.sink) return;
    v1::ServerFrame frame;
    for (uint32_t n = 0; n < frames || frames == 0; ++n) {
      frame.Clear();
      if (!dispatcher_.TakeFrame(stream.session, stream.sink.get(), frame)) return;
      model_.Sent(stream.session, frame);
    }
  }

  // Tokens that stand for others (inputs.proto), in all that a frame may hold.
  void Resolve(v1::WorkerFrame& frame) {
    for (auto& a : *frame.mutable_activation_answers()) Resolve(*a.mutable_token());
    for (auto& a : *frame.mutable_step_answers()) Resolve(*a.mutable_token());
    for (auto& a : *frame.mutable_task_answers()) Resolve(*a.mutable_token());
    for (auto& h : *frame.mutable_heartbeats()) Resolve(*h.mutable_token());
    for (auto& r : *frame.mutable_history_requests()) Resolve(*r.mutable_token());
    for (auto& token : *frame.mutable_evicted()) Resolve(token);
    if (!frame.has_hello()) return;
    for (auto& t : *frame.mutable_hello()->mutable_tasks_in_hand()) Resolve(*t.mutable_token());
    for (auto& token : *frame.mutable_hello()->mutable_activations_in_hand()) Resolve(token);
  }
  void Resolve(v1::WorkToken& token) {
    if (token.delivery() != 0 || model_.tokens.empty()) return;
    const auto index = static_cast<uint64_t>(token.seq()) % model_.tokens.size();
    const auto off = static_cast<uint32_t>(token.attempt());
    token = model_.tokens[index];
    token.set_attempt(static_cast<int32_t>(static_cast<uint32_t>(token.attempt()) + off));
  }

  // ---- partitions ----

  static std::string QueueOf(uint32_t type) {
    const Type& t = kTypes[type % std::size(kTypes)];
    return QueueKey("default", "main", t.kind, t.name);
  }

  Work Fresh(uint32_t partition, uint32_t type, uint32_t bytes) {
    const uint64_t delivery = next_delivery_++;
    Work work;
    work.queue = QueueOf(type);
    const WorkKind kind = kTypes[type % std::size(kTypes)].kind;
    v1::WorkToken token;
    token.set_partition(partition % DispatchModel::kPartitions);
    token.set_run(1 + delivery % 5);
    token.set_attempt(1);
    token.set_delivery(delivery);
    const std::string data(bytes % kItemBytesMax, 'x');
    size_t size = 0;
    if (kind == WorkKind::kActivation) {
      work.kind = Work::Kind::kActivation;
      work.activation = std::make_unique<v1::Activation>();
      work.activation->add_events()->mutable_signal_received()->mutable_input()->set_data(data);
      *work.activation->mutable_token() = token;
      size = work.activation->ByteSizeLong();
    } else {
      work.kind = Work::Kind::kTask;
      token.set_seq(static_cast<int64_t>(1 + delivery % 3));
      work.task = std::make_unique<v1::TaskDelivery>();
      work.task->mutable_input()->set_data(data);
      *work.task->mutable_token() = token;
      size = work.task->ByteSizeLong();
    }
    model_.Offering(token, kind, size);
    return work;
  }

  void Do(const DispatchScript::Offer& offer) {
    std::vector<Work> all;
    for (uint32_t n = 0; n <= offer.count() % kItemsPerStepMax; ++n) {
      Work work = Fresh(offer.partition(), offer.type(), offer.bytes());
      if (offer.holder() > 0) work.session = StreamOf(offer.holder() - 1).session;
      if (work.activation) work.activation->set_history_through(offer.history_through());
      all.push_back(std::move(work));
    }
    dispatcher_.Release(std::move(all), {});
  }

  void Acknowledge(uint32_t count) {
    Acks acks;
    for (; count > 0 && !model_.unacknowledged.empty(); --count) {
      const auto [session, answer_id] = model_.unacknowledged.front();
      model_.unacknowledged.erase(model_.unacknowledged.begin());
      model_.Acknowledging(session, answer_id);
      acks[session].push_back(answer_id);
    }
    dispatcher_.Release({}, std::move(acks));
  }

  void Do(const DispatchScript::Recall& recall) {
    Work work;
    work.kind = recall.evict() ? Work::Kind::kEvict : Work::Kind::kWithdraw;
    work.token = recall.token();
    Resolve(work.token);
    work.token.set_partition(work.token.partition() % DispatchModel::kPartitions);
    work.session = StreamOf(recall.worker()).session;
    work.reason = "not wanted";
    const v1::WorkToken token = work.token;
    Release(std::move(work));
    if (!recall.evict()) model_.Recalled(token);
  }

  void Do(const DispatchScript::Refilled& refilled) {
    const uint32_t partition = refilled.partition() % DispatchModel::kPartitions;
    std::vector<Work> all;
    Work done;
    done.kind = Work::Kind::kRefilled;
    done.queue = QueueOf(refilled.type());
    done.token.set_partition(partition);
    done.count = refilled.count() % kItemsPerStepMax;
    done.more = refilled.more();
    for (int64_t n = 0; n < done.count; ++n)
      all.push_back(Fresh(partition, refilled.type(), refilled.bytes()));
    model_.Refilling(partition, done.queue);
    all.push_back(std::move(done));
    dispatcher_.Release(std::move(all), {});
  }

  void Do(const DispatchScript::History& history) {
    if (model_.reads.empty()) return;
    const size_t index = history.read() % model_.reads.size();
    const dispatch::HistoryRead read = model_.reads[index];
    model_.reads.erase(model_.reads.begin() + static_cast<std::ptrdiff_t>(index));
    std::vector<v1::Event> events(history.events() % kItemsPerStepMax);
    const absl::Status status = history.unreadable() ? absl::DataLossError("broken") : absl::OkStatus();
    // A reader goes on behind what it has read.
    const int64_t next = history.next_event_id() > read.from ? history.next_event_id() : 0;
    dispatcher_.SendHistory(read, std::move(events), next, status);
  }

  void Release(Work work) {
    std::vector<Work> all;
    all.push_back(std::move(work));
    dispatcher_.Release(std::move(all), {});
  }

  void Wait(uint32_t ms) {
    g_now_ms += ms;
    dispatcher_.Tick();
  }

  // ---- the end ----

  // Everybody goes, and nothing may be left in their hands. Then a worker with room for all of it must get
  // all that waits.
  void Settle() {
    for (Stream& stream : streams_) Close(stream);
    Wait(static_cast<uint32_t>(options_.reconnect_grace_ms));
    model_.Compare(dispatcher_);
    const Dispatcher::Totals left = dispatcher_.Sum();
    Check(left.sessions == 0 && left.activations_out == 0 && left.tasks_out == 0, "somebody is still there");
    model_.is_full = false;
    DispatchScript::Connect connect;
    connect.mutable_hello()->set_max_activations(static_cast<int>(options_.credits_max));
    connect.mutable_hello()->set_max_tasks(static_cast<int>(options_.credits_max));
    Do(connect);
    Stream& stream = streams_[0];
    Check(stream.sink != nullptr, "a good hello was refused");
    for (int i = 0; i < 100 && (model_.waiting() > 0 || !model_.asked().empty()); ++i) {
      Take(stream, 0);
      // The disk turns out to hold nothing.
      const auto asked = model_.asked();
      for (const auto& [partition, queue] : asked) {
        model_.Refilling(partition, queue);
        Work done;
        done.kind = Work::Kind::kRefilled;
        done.queue = queue;
        done.token.set_partition(partition);
        Release(std::move(done));
      }
      model_.Compare(dispatcher_);
    }
    Check(model_.waiting() == 0, model_.waiting(), " items wait though a worker takes them");
    Check(model_.asked().empty(), "asks for the disk's backlog for ever");
  }

  const dispatch::DispatchOptions options_ = LowLimits();
  DispatchModel model_;
  Dispatcher dispatcher_;
  std::array<Stream, kWorkers> streams_;
  uint64_t next_delivery_ = 1;
  bool stopped_ = false;
};

constexpr std::pair<const char*, const char*> kScripts[] = {
    {"answered", R"(
      steps { connect { hello { max_activations: 2 max_tasks: 2 } } }
      steps { offer { type: 0 count: 3 } }
      steps { offer { type: 1 count: 1 history_through: 3 holder: 1 } }
      steps { take {} }
      steps { send { frame {
        task_answers { answer_id: 1 token { seq: 0 } result {} }
        task_answers { answer_id: 2 token { seq: 1 } failure {} }
        heartbeats { token { seq: 1 } }
        history_requests { token { seq: 4 } from_event_id: 1 }
        activation_answers { answer_id: 3 token { seq: 5 } advance {} }
        step_answers { answer_id: 4 token { seq: 4 } step { seq: 1 } }
        evicted { seq: 4 } } } }
      steps { history { events: 2 next_event_id: 3 } }
      steps { history { events: 1 } }
      steps { take { frames: 1 } }
      steps { acknowledge { count: 2 } }
      steps { take {} }
      steps { send { frame { drain {} } } }
      steps { cut {} })"},
    {"comes_back", R"(
      steps { connect { hello { max_tasks: 3 max_activations: 1 } } }
      steps { offer { type: 0 count: 2 } }
      steps { offer { type: 1 } }
      steps { take {} }
      steps { cut {} }
      steps { recall { token { seq: 0 } } }
      steps { connect { hello { max_tasks: 3 max_activations: 1
        tasks_in_hand { token { seq: 0 } running_ms: 5 } tasks_in_hand { token { run: 1 seq: 1 delivery: 99 } }
        activations_in_hand { seq: 3 } } } }
      steps { take {} }
      steps { connect { worker: 1 hello { session_id: "w0" max_tasks: 1 } } }
      steps { wait { ms: 150 } })"},
    {"restart", R"(
      expected: "w0" expected: "w1"
      steps { connect { hello { max_tasks: 1 tasks_in_hand { token { run: 1 seq: 1 attempt: 1 delivery: 7 } } } } }
      steps { offer { count: 7 } }
      steps { send { frame { task_answers { answer_id: 1 token { run: 1 seq: 1 attempt: 1 delivery: 7 } result {} } } } }
      steps { wait { ms: 200 } })"},
    {"spilled", R"(
      steps { offer { count: 7 bytes: 900 } }
      steps { offer { type: 2 count: 7 bytes: 900 partition: 1 } }
      steps { connect { hello { max_tasks: 2 } } }
      steps { take {} }
      steps { send { frame { task_answers { token { seq: 0 } result {} } task_answers { token { seq: 8 } result {} } } } }
      steps { refilled { count: 3 more: true bytes: 100 } }
      steps { refilled { type: 2 partition: 1 count: 2 bytes: 100 } }
      steps { upstream { is_full: true } }
      steps { send { frame { drain {} } } })"},
    {"recalled", R"(
      steps { connect { hello { max_tasks: 2 max_activations: 2 } } }
      steps { offer { type: 1 count: 2 } }
      steps { take { frames: 1 } }
      steps { offer { type: 0 count: 3 } }
      steps { recall { token { seq: 0 } } }
      steps { recall { token { seq: 0 } evict: true } }
      steps { recall { token { seq: 3 } } }
      steps { recall { token { seq: 5 } } }
      steps { upstream { refuses_reads: true } }
      steps { send { frame { history_requests { token { seq: 1 } } } } }
      steps { upstream {} }
      steps { wait { ms: 10 } }
      steps { history { unreadable: true } }
      steps { shutdown {} })"},
};

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const auto& [name, text] : kScripts) {
    DispatchScript script;
    Check(google::protobuf::TextFormat::ParseFromString(text, &script), "the script ", name);
    seeds.push_back({name, script.SerializeAsString()});
  }
  DispatchScript frames;
  for (const auto& [name, frame] : SampleFrames()) {
    if (!frame.has_hello()) frames.add_steps()->mutable_offer()->set_type(1);
    frames.add_steps()->mutable_send_bytes()->set_frame(frame.SerializeAsString());
    frames.add_steps()->mutable_take();
  }
  seeds.push_back({"frames", frames.SerializeAsString()});
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::fuzz::DispatchScript script;
  if (!perdure::fuzz::ReadMessage(script, data, size)) return -1;
  perdure::fuzz::World(script).Run(script);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  perdure::fuzz::DispatchScript script;
  return perdure::fuzz::MutateMessage(script, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                            size_t other_size, uint8_t* out, size_t max_size, unsigned seed) {
  perdure::fuzz::DispatchScript script;
  return perdure::fuzz::CrossMessages(script, one, one_size, other, other_size, out, max_size, seed);
}
