#include "tests/bench/load.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "perdure/v1/workflow_service.grpc.pb.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::milliseconds kRetryAfter{20};
constexpr int64_t kLongPollMs = 60'000;
// A server that is being restarted is found again after at most this long.
constexpr int kReconnectBackoffMsMax = 50;

std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectBackoffMsMax);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectBackoffMsMax);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectBackoffMsMax);
  // Two loads of one process do not share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Unique to this load among all that ever ran against the server.
std::string IdPrefix() {
  std::random_device random;
  char text[32];
  std::snprintf(text, sizeof text, "bench-%08x-", random());
  return text;
}

void SetJson(v1::Payload& payload, std::string_view json) {
  payload.set_encoding("json");
  payload.set_data(std::string(json));
}

bool WorthRepeating(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

class Load::Impl {
 public:
  Impl(const Workload& workload, LoadOptions options);
  ~Impl();

  void StopStarting() { stop_starting_.store(true); }
  bool Done() const { return in_flight_.load() == 0; }
  LoadCounts Counts() const { return {started_, finished_, failed_, retries_}; }
  int64_t FinishedSince(Clock::time_point begin) const;
  std::vector<Finished> TakeFinished();
  std::string FirstFailure() const;

 private:
  class Slot;

  void Drive();
  // The number of the next workflow; none: there is no next one.
  std::optional<int64_t> NextNumber();
  void Record(Clock::time_point begin);
  void RecordFailure(const std::string& workflow_id, const std::string& what);

  const Workload& workload_;
  const LoadOptions options_;
  const std::string id_prefix_;
  std::unique_ptr<v1::WorkflowService::Stub> stub_;
  grpc::CompletionQueue queue_;
  // Wakes the driving thread to cancel everything; its tag is null.
  grpc::Alarm cancel_;

  std::atomic<bool> stop_starting_{false};
  std::atomic<bool> cancelled_{false};
  std::atomic<int64_t> next_number_{0};
  std::atomic<int64_t> in_flight_{0};
  std::atomic<int64_t> started_{0};
  std::atomic<int64_t> finished_{0};
  std::atomic<int64_t> failed_{0};
  std::atomic<int64_t> retries_{0};

  mutable std::mutex mutex_;
  std::vector<Finished> samples_;  // guarded by mutex_
  std::string first_failure_;      // guarded by mutex_

  // For the driving thread, once it runs.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::thread driver_;
};

// One workflow at a time, call by call. Its address is the tag of its calls: it has at most one out.
class Load::Impl::Slot {
 public:
  explicit Slot(Impl& load) : load_(load) {}

  void Begin(int64_t number) {
    begin_ = Clock::now();
    const std::string id = load_.id_prefix_ + std::to_string(number);
    start_.set_workflow_id(id);
    start_.set_request_id(id);
    if (start_.workflow_type().empty()) FillOnce();
    get_.mutable_execution()->set_workflow_id(id);
    if (load_.workload_.signal) {
      signal_.mutable_execution()->set_workflow_id(id);
      signal_.set_request_id(id + "-signal");
    }
    Call(Step::kStart);
  }

  // What was out has ended.
  void Proceed() {
    if (load_.cancelled_) return Finish();
    if (backing_off_) {
      backing_off_ = false;
      return Call(step_);
    }
    if (!status_.ok()) return AfterError();
    repeating_ = false;
    switch (step_) {
      case Step::kStart:
        ++load_.started_;
        if (load_.workload_.signal) return Call(Step::kSignal);
        if (!started_.has_outcome()) return Call(Step::kResult);
        got_.Swap(started_.mutable_outcome());
        return AfterResult();
      case Step::kSignal:
        return Call(Step::kResult);
      case Step::kResult:
        return AfterResult();
    }
  }

  void Cancel() {
    if (context_) context_->TryCancel();
    alarm_.Cancel();
  }

 private:
  enum class Step { kStart, kSignal, kResult };

  void FillOnce() {
    start_.set_workflow_type(std::string(load_.workload_.workflow_type));
    start_.set_task_queue(load_.options_.task_queue);
    SetJson(*start_.mutable_input(), load_.workload_.input);
    signal_.set_signal_name(std::string(kWakeSignal));
    SetJson(*signal_.mutable_input(), load_.workload_.input);
    get_.set_wait_ms(kLongPollMs);
    // As Client::Execute does: one call for a start and its result.
    if (load_.options_.one_call && !load_.workload_.signal) start_.set_wait_ms(kLongPollMs);
  }

  void Call(Step step) {
    step_ = step;
    context_.emplace();
    // While the server is being restarted a repeated call waits for it, instead of failing over and over.
    context_->set_wait_for_ready(repeating_);
    switch (step) {
      case Step::kStart:
        start_call_ = load_.stub_->AsyncStartWorkflow(&*context_, start_, &load_.queue_);
        return start_call_->Finish(&started_, &status_, this);
      case Step::kSignal:
        signal_call_ = load_.stub_->AsyncSignalWorkflow(&*context_, signal_, &load_.queue_);
        return signal_call_->Finish(&signalled_, &status_, this);
      case Step::kResult:
        get_call_ = load_.stub_->AsyncGetResult(&*context_, get_, &load_.queue_);
        return get_call_->Finish(&got_, &status_, this);
    }
  }

  void AfterError() {
    if (!WorthRepeating(status_)) {
      return Fail("status " + std::to_string(status_.error_code()) + ": " + status_.error_message());
    }
    ++load_.retries_;
    backing_off_ = true;
    repeating_ = true;
    alarm_.Set(&load_.queue_, std::chrono::system_clock::now() + kRetryAfter, this);
  }

  void AfterResult() {
    if (got_.status() == v1::RUN_STATUS_RUNNING) return Call(Step::kResult);
    if (got_.status() != v1::RUN_STATUS_COMPLETED) {
      return Fail("the run ended as " + v1::RunStatus_Name(got_.status()) + ": " + got_.failure().message());
    }
    if (got_.result().data() != load_.workload_.result) return Fail("wrong result: " + got_.result().data());
    Succeed();
  }

  void Succeed() {
    load_.Record(begin_);
    Finish();
  }

  void Fail(const std::string& what) {
    load_.RecordFailure(start_.workflow_id(), what);
    Finish();
  }

  void Finish() {
    if (const std::optional<int64_t> number = load_.NextNumber()) return Begin(*number);
    --load_.in_flight_;
  }

  Impl& load_;
  Step step_ = Step::kStart;
  bool backing_off_ = false;
  bool repeating_ = false;
  Clock::time_point begin_;
  std::optional<grpc::ClientContext> context_;
  grpc::Status status_;
  grpc::Alarm alarm_;
  v1::StartWorkflowRequest start_;
  v1::StartWorkflowResponse started_;
  v1::SignalWorkflowRequest signal_;
  v1::SignalWorkflowResponse signalled_;
  v1::GetResultRequest get_;
  v1::GetResultResponse got_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::StartWorkflowResponse>> start_call_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::SignalWorkflowResponse>> signal_call_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetResultResponse>> get_call_;
};

Load::Impl::Impl(const Workload& workload, LoadOptions options)
    : workload_(workload),
      options_(std::move(options)),
      id_prefix_(IdPrefix()),
      stub_(v1::WorkflowService::NewStub(Channel(options_.address))) {
  for (int i = 0; i < options_.concurrency; ++i) slots_.push_back(std::make_unique<Slot>(*this));
  in_flight_ = options_.concurrency;
  for (const auto& slot : slots_) {
    if (const std::optional<int64_t> number = NextNumber()) {
      slot->Begin(*number);
    } else {
      --in_flight_;
    }
  }
  driver_ = std::thread([this] { Drive(); });
}

Load::Impl::~Impl() {
  cancelled_ = true;
  cancel_.Set(&queue_, std::chrono::system_clock::now(), nullptr);
  driver_.join();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void Load::Impl::Drive() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    if (tag != nullptr) {
      static_cast<Slot*>(tag)->Proceed();
    } else {
      for (const auto& slot : slots_) slot->Cancel();
    }
    if (cancelled_ && in_flight_ == 0) return;
  }
}

std::optional<int64_t> Load::Impl::NextNumber() {
  if (stop_starting_ || cancelled_) return std::nullopt;
  const int64_t number = next_number_++;
  if (options_.total > 0 && number >= options_.total) return std::nullopt;
  return number;
}

void Load::Impl::Record(Clock::time_point begin) {
  ++finished_;
  const Clock::time_point end = Clock::now();
  std::lock_guard lock(mutex_);
  samples_.push_back({begin, end});
}

void Load::Impl::RecordFailure(const std::string& workflow_id, const std::string& what) {
  ++failed_;
  std::lock_guard lock(mutex_);
  if (first_failure_.empty()) first_failure_ = workflow_id + ": " + what;
}

int64_t Load::Impl::FinishedSince(Clock::time_point begin) const {
  std::lock_guard lock(mutex_);
  int64_t count = 0;
  // Newest last: the search ends early once what is measured goes on.
  for (auto at = samples_.rbegin(); at != samples_.rend() && at->end >= begin; ++at)
    count += at->begin >= begin;
  return count;
}

std::vector<Finished> Load::Impl::TakeFinished() {
  std::lock_guard lock(mutex_);
  return std::move(samples_);
}

std::string Load::Impl::FirstFailure() const {
  std::lock_guard lock(mutex_);
  return first_failure_;
}

Load::Load(const Workload& workload, LoadOptions options)
    : impl_(std::make_unique<Impl>(workload, std::move(options))) {}
Load::~Load() = default;
void Load::StopStarting() { impl_->StopStarting(); }
bool Load::Done() const { return impl_->Done(); }
LoadCounts Load::Counts() const { return impl_->Counts(); }
int64_t Load::FinishedSince(Clock::time_point begin) const { return impl_->FinishedSince(begin); }
std::vector<Finished> Load::TakeFinished() { return impl_->TakeFinished(); }
std::string Load::FirstFailure() const { return impl_->FirstFailure(); }

}  // namespace perdure::bench
