#include "tests/unit/partition/sim_clients.h"

#include <utility>

#include "tests/unit/engine/commands.h"

namespace perdure::partition::testing {

void SimClients::Ask(Send send) {
  std::function<bool()> answered = send();
  pending_.push_back({std::move(send), std::move(answered)});
}

void SimClients::Step() {
  Collect();
  if (!lost_.empty() && rng_->Percent(50)) {
    const auto at = lost_.begin() + rng_->Below(static_cast<int64_t>(lost_.size()));
    Send again = std::move(*at);
    lost_.erase(at);
    return Ask(std::move(again));
  }
  if (runs_.empty() || rng_->Percent(30)) return Start();
  const int64_t what = rng_->Below(100);
  if (what < 40) return Signal();
  if (what < 48) return Cancel();
  if (what < 52) return Terminate();
  if (what < 75) return Describe();
  Result();
}

void SimClients::Collect() {
  std::erase_if(pending_, [](const Pending& p) { return p.answered(); });
}

void SimClients::LoseReplies() {
  Collect();
  for (Pending& p : pending_) lost_.push_back(std::move(p.send));
  pending_.clear();
}

void SimClients::Start() {
  const std::string id = "order-" + std::to_string(rng_->Below(12));
  v1::StartWorkflowRequest request;
  if (auto latest = latest_start_.find(id); latest != latest_start_.end() && rng_->Percent(40)) {
    request = latest->second;
  } else {
    auto fresh = StartOf(id).RequestId(NewRequestId());
    if (rng_->Percent(15)) fresh.Delay(rng_->Between(1, 5'000));
    if (rng_->Percent(10)) fresh.RunTimeout(rng_->Between(500, 20'000));
    if (rng_->Percent(15)) {
      fresh.Retry(engine::testing::Policy().Initial(rng_->Between(10, 3'000)).MaxAttempts(3));
    }
    fresh.Conflict(static_cast<v1::IdConflictPolicy>(rng_->Between(1, 3)));
    fresh.Reuse(static_cast<v1::IdReusePolicy>(rng_->Between(1, 2)));
    request = fresh;
    latest_start_[id] = request;
  }
  Ask([this, request, id]() -> std::function<bool()> {
    // The server tells a repeated start by the latest run: an older one may no longer be asked again.
    if (latest_start_.at(id).request_id() != request.request_id()) return [] { return true; };
    auto answer = server_->Start(request);
    return [this, answer, id, request] {
      if (answer.ok()) {
        // A run that was there before may belong to another request.
        if (answer->started()) promises_->Started(id, request.request_id(), answer.value());
        if (workflow_of_.insert({answer->run_id(), id}).second) runs_.push_back(answer->run_id());
      }
      return answer.done();
    };
  });
}

void SimClients::Signal() {
  const std::string run = rng_->Pick(runs_);
  const std::string request_id = NewRequestId();
  Ask([this, run, request_id] {
    auto answer = server_->Signal(workflow_of_.at(run), "paid", request_id, run);
    return [this, answer, run, request_id] {
      if (!answer.done()) return false;
      EXPECT_TRUE(answer.ok() || absl::IsFailedPrecondition(answer.status())) << answer.status();
      promises_->Signalled(run, request_id, answer.ok());
      return answer.done();
    };
  });
}

void SimClients::Cancel() {
  const std::string run = rng_->Pick(runs_);
  const std::string id = workflow_of_.at(run);
  Ask([this, run, id, request_id = NewRequestId()] {
    Answer<v1::CancelWorkflowResponse> answer;
    v1::CancelWorkflowRequest request;
    *request.mutable_execution() = Execution(id, run);
    request.set_request_id(request_id);
    server_->Put(CancelRequest{std::move(request), answer.reply()}, server_->PartitionFor(id));
    return [this, answer, run] {
      if (answer.ok()) promises_->Cancelled(run);
      return answer.done();
    };
  });
}

void SimClients::Terminate() {
  const std::string run = rng_->Pick(runs_);
  Ask([this, run, request_id = NewRequestId()] {
    auto answer = server_->Terminate(workflow_of_.at(run), request_id, run);
    return [this, answer, run] {
      if (answer.ok()) promises_->Terminated(run);
      return answer.done();
    };
  });
}

void SimClients::Describe() {
  const std::string run = rng_->Pick(runs_);
  Ask([this, run] {
    auto answer = server_->Describe(workflow_of_.at(run), run);
    return [this, answer] {
      if (answer.done()) promises_->Described(answer.value());
      return answer.done();
    };
  });
}

void SimClients::Result() {
  const std::string run = rng_->Pick(runs_);
  const bool follow = rng_->Percent(30);
  const int64_t wait_ms = rng_->Percent(50) ? 0 : rng_->Between(1, 20'000);
  Ask([this, run, follow, wait_ms] {
    auto answer = server_->Result(workflow_of_.at(run), wait_ms, follow, run);
    return [this, answer] {
      if (answer.done()) promises_->Result(answer.value());
      return answer.done();
    };
  });
}

}  // namespace perdure::partition::testing
