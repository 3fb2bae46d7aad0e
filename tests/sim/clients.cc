#include "tests/sim/clients.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "perdure/payload.h"
#include "tests/sim/program.h"
#include "worker-sdk/src/runtime/convert.h"

namespace perdure::sim {
namespace {

using Kind = Call::Kind;

bool Retryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

v1::WorkflowExecution ExecutionOf(const Call& call) {
  v1::WorkflowExecution execution;
  execution.set_workflow_id(call.workflow_id);
  execution.set_run_id(call.run_id);
  return execution;
}

v1::Payload Number(int64_t value) { return runtime::ToProto(ToPayload<int64_t>(value)); }

}  // namespace

Clients::Clients(const Setup& setup, const Faults* faults, model::Rng* rng, Server* server,
                 Schedule* schedule, Trace* trace, Observer observer)
    : setup_(setup),
      faults_(faults),
      rng_(rng),
      server_(server),
      schedule_(schedule),
      trace_(trace),
      observer_(std::move(observer)),
      starts_left_(setup.workflows) {}

void Clients::Begin() {
  ids_ = std::max<int64_t>(1, setup_.workflows * rng_->Between(40, 120) / 100);
  Next();
}

void Clients::Next() {
  asking_ = starts_left_ > 0;
  if (!asking_) return;
  RandomCall();
  schedule_->After(rng_->Percent(70) ? rng_->Between(0, 60) : rng_->Between(0, 1'500), [this] { Next(); });
}

std::string Clients::NewRequestId() { return absl::StrCat("request-", ++requests_); }

v1::StartWorkflowRequest Clients::RandomStart() {
  --starts_left_;
  v1::StartWorkflowRequest request;
  request.set_namespace_("default");
  request.set_workflow_id(absl::StrCat("w-", rng_->Below(ids_)));
  request.set_workflow_type(std::string(kProgram.Name()));
  request.set_task_queue("sim");
  *request.mutable_input() = runtime::ToProto(ToPayload(RandomProgram(*rng_)));
  request.set_id_conflict_policy(static_cast<v1::IdConflictPolicy>(rng_->Between(0, 3)));
  request.set_id_reuse_policy(static_cast<v1::IdReusePolicy>(rng_->Between(0, 3)));
  if (rng_->Percent(10)) request.set_start_delay_ms(rng_->Between(1, 8'000));
  if (rng_->Percent(10)) request.set_run_timeout_ms(rng_->Between(500, 60'000));
  if (rng_->Percent(5)) request.set_execution_timeout_ms(rng_->Between(500, 90'000));
  if (rng_->Percent(10)) {
    request.mutable_retry_policy()->set_max_attempts(static_cast<int32_t>(rng_->Between(2, 3)));
    request.mutable_retry_policy()->set_initial_interval_ms(rng_->Between(10, 3'000));
  }
  return request;
}

void Clients::RandomCall() {
  auto call = std::make_shared<Call>();
  const int64_t what = rng_->Below(100);
  if (known_.empty() || what < 40) {
    call->kind = what < 4 ? Kind::kSignalWithStart : Kind::kStart;
    call->start = RandomStart();
    call->workflow_id = call->start.workflow_id();
  } else {
    const auto& [workflow_id, run_id] = rng_->Pick(known_);
    call->workflow_id = workflow_id;
    if (rng_->Percent(60)) call->run_id = run_id;
    call->kind = what < 65   ? Kind::kSignal
                 : what < 69 ? Kind::kCancel
                 : what < 72 ? Kind::kTerminate
                 : what < 86 ? Kind::kDescribe
                             : Kind::kResult;
  }
  call->signal_name = SignalName(rng_->Below(kSignals));
  call->signal_value = rng_->Below(1'000);
  Ask(std::move(call));
}

void Clients::SendSignal(const std::string& workflow_id, const std::string& run_id, int64_t number) {
  auto call = std::make_shared<Call>();
  call->kind = Kind::kSignal;
  call->workflow_id = workflow_id;
  call->run_id = run_id;
  call->signal_name = SignalName(number);
  call->signal_value = 1;
  Ask(std::move(call));
}

void Clients::Ask(std::shared_ptr<Call> call) {
  call->request_id = NewRequestId();
  call->asked_ms = schedule_->now_ms();
  ++open_;
  calls_.push_back(call);
  Attempt(call, 1);
}

void Clients::Attempt(const std::shared_ptr<Call>& call, int64_t attempt) {
  // Each attempt is made once: after an answer that says so, or after none for long.
  if (call->done() || attempt <= call->attempts) return;
  call->attempts = attempt;
  if (!faults_->Hits(faults_->lost_call, *rng_)) {
    schedule_->After(rng_->Between(0, faults_->delay_ms_max),
                     [this, call, attempt] { Arrive(call, attempt); });
  }
  // Whoever hears nothing asks again.
  schedule_->After(rng_->Between(2'000, 30'000), [this, call, attempt] { Attempt(call, attempt + 1); });
}

template <typename T>
partition::Reply<T> Clients::ReplyTo(const std::shared_ptr<Call>& call, int64_t attempt,
                                     std::function<void(Call&, const T&)> fill) {
  return [this, call, attempt, fill = std::move(fill)](absl::StatusOr<T> reply) {
    std::function<void(Call&)> note;
    if (reply.ok()) note = [fill, reply = *reply](Call& c) { fill(c, reply); };
    Tell(call, attempt, reply.status(), std::move(note));
  };
}

// The request is at the server.
void Clients::Arrive(const std::shared_ptr<Call>& call, int64_t attempt) {
  if (!server_->up()) return Tell(call, attempt, absl::UnavailableError("connection refused"), nullptr);
  const bool reads = call->kind == Kind::kDescribe || call->kind == Kind::kResult;
  const absl::Status admitted =
      reads ? server_->AdmitRead(call->workflow_id) : server_->Admit(call->workflow_id);
  if (!admitted.ok()) return Tell(call, attempt, admitted, nullptr);
  switch (call->kind) {
    case Kind::kStart: {
      partition::StartRequest m;
      m.request = call->start;
      m.request.set_request_id(call->request_id);
      m.reply = ReplyTo<v1::StartWorkflowResponse>(call, attempt, [](Call& c, const auto& r) {
        c.told_run_id = r.run_id();
        c.started = r.started();
      });
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kSignalWithStart: {
      partition::SignalWithStartRequest m;
      *m.request.mutable_start() = call->start;
      m.request.mutable_start()->set_request_id(call->request_id);
      m.request.set_signal_name(call->signal_name);
      *m.request.mutable_signal_input() = Number(call->signal_value);
      m.reply = ReplyTo<v1::SignalWithStartWorkflowResponse>(call, attempt, [](Call& c, const auto& r) {
        c.told_run_id = r.run_id();
        c.started = r.started();
      });
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kSignal: {
      partition::SignalRequest m;
      *m.request.mutable_execution() = ExecutionOf(*call);
      m.request.set_signal_name(call->signal_name);
      m.request.set_request_id(call->request_id);
      *m.request.mutable_input() = Number(call->signal_value);
      m.reply = ReplyTo<v1::SignalWorkflowResponse>(call, attempt, [](Call&, const auto&) {});
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kCancel: {
      partition::CancelRequest m;
      *m.request.mutable_execution() = ExecutionOf(*call);
      m.request.set_request_id(call->request_id);
      m.reply = ReplyTo<v1::CancelWorkflowResponse>(call, attempt, [](Call&, const auto&) {});
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kTerminate: {
      partition::TerminateRequest m;
      *m.request.mutable_execution() = ExecutionOf(*call);
      m.request.set_request_id(call->request_id);
      m.reply = ReplyTo<v1::TerminateWorkflowResponse>(call, attempt, [](Call&, const auto&) {});
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kDescribe: {
      partition::DescribeRequest m;
      *m.request.mutable_execution() = ExecutionOf(*call);
      m.reply = ReplyTo<v1::DescribeWorkflowResponse>(call, attempt, [](Call& c, const auto& r) {
        c.told_run_id = r.summary().run_id();
        c.run_status = r.summary().status();
      });
      return server_->Put(call->workflow_id, std::move(m));
    }
    case Kind::kResult: {
      partition::ResultRequest m;
      *m.request.mutable_execution() = ExecutionOf(*call);
      m.waiter = ++waiters_;
      m.deadline_ms = Clocks::ServerUnixMs() + rng_->Between(0, 5'000);
      m.reply = ReplyTo<v1::GetResultResponse>(call, attempt, [this](Call& c, const auto& r) {
        c.told_run_id = r.run_id();
        c.run_status = r.status();
        observer_.result(r);
      });
      return server_->Put(call->workflow_id, std::move(m));
    }
  }
}

// The server has answered: the answer is under way.
void Clients::Tell(const std::shared_ptr<Call>& call, int64_t attempt, const absl::Status& status,
                   std::function<void(Call&)> fill) {
  if (faults_->Hits(faults_->lost_call, *rng_)) return;
  schedule_->After(rng_->Between(0, faults_->delay_ms_max), [this, call, attempt, status, fill] {
    if (call->done()) return;
    if (Retryable(status)) {
      schedule_->After(rng_->Between(50, 2'000), [this, call, attempt] { Attempt(call, attempt + 1); });
      return;
    }
    call->told_ms = schedule_->now_ms();
    call->status = status;
    if (fill) fill(*call);
    --open_;
    // One that began no run does not count: another is asked for in its place.
    const bool starts = call->kind == Kind::kStart || call->kind == Kind::kSignalWithStart;
    if (starts && !call->started) ++starts_left_;
    if (!asking_) Next();
    (*trace_)(Describe(*call));
    if (status.ok() && !call->run().empty()) known_.emplace_back(call->workflow_id, call->run());
    observer_.told(*call);
  });
}

}  // namespace perdure::sim
