#include "tests/fuzz/record_seeds.h"

#include <google/protobuf/text_format.h>

#include <cstdint>
#include <functional>

#include "storage/epoch.h"
#include "storage/format.h"
#include "storage/keyspace.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/stored_rows.h"
#include "tests/fuzz/stored_server.h"

namespace perdure::fuzz {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr int64_t kHourMs = 3'600'000;
// More than the interval between checkpoints.
constexpr int64_t kCheckpointMs = 10'000;

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  Check(google::protobuf::TextFormat::ParseFromString(text, &message), "not a message: ", text);
  return message;
}

// A server, and what its workers do with each kind of run.
class Story {
 public:
  Story() : server_(kNowMs) {
    Check(storage::OpenFormat(server_.store(), 1).ok(), "no format record");
    Check(storage::DrawEpoch(server_.store(), kNowMs).ok(), "no epoch record");
    Check(server_.Recover(false).ok(), "an empty store cannot be recovered");
  }

  StoredServer& server() { return server_; }

  Story& Start(const std::string& id, const std::string& more = "") {
    partition::StartRequest start;
    start.request = FromText<v1::StartWorkflowRequest>(
        "workflow_id: '" + id +
        "' workflow_type: 'order' task_queue: 'main' input { encoding: 'json' data: '{}' }" + more);
    start.request.set_request_id("start-" + id);
    start.reply = StoredServer::Nobody<v1::StartWorkflowResponse>();
    server_.Put(std::move(start));
    server_.Settle();
    return *this;
  }

  Story& Signal(const std::string& id) {
    partition::SignalRequest signal;
    signal.request.mutable_execution()->set_workflow_id(id);
    signal.request.set_signal_name("paid");
    signal.request.set_request_id("signal-" + id);
    signal.reply = StoredServer::Nobody<v1::SignalWorkflowResponse>();
    server_.Put(std::move(signal));
    server_.Settle();
    return *this;
  }

  // Every activation that is out is answered with these commands, every task as told.
  Story& Play(const std::vector<std::string>& commands, bool fail = false) {
    std::vector<v1::Command> parsed;
    for (const std::string& command : commands) parsed.push_back(FromText<v1::Command>(command));
    for (const Work& work : server_.TakeWork()) {
      if (work.activation) server_.AnswerActivation(*work.activation, parsed, fail);
      if (work.task) server_.AnswerTask(*work.task, fail);
    }
    server_.Settle();
    return *this;
  }

  // A queue had no room for what is out.
  Story& Spill() {
    for (const Work& work : server_.TakeWork()) {
      partition::ForRun<engine::SpilledInput> spilled;
      spilled.input.token = work.activation ? work.activation->token() : work.task->token();
      spilled.run = spilled.input.token.run();
      server_.Put(std::move(spilled));
    }
    server_.Settle();
    return *this;
  }

  Story& Worker(const std::string& session_id) {
    partition::RecordSession session;
    session.session_id = session_id;
    session.ns = "default";
    session.task_queue = "main";
    session.connected = true;
    server_.Put(std::move(session));
    server_.Settle();
    return *this;
  }

  Story& Wait(int64_t ms) {
    server_.Advance(ms);
    return *this;
  }

  StoredRows Rows() {
    StoredRows rows = ReadRows(server_.store());
    rows.set_now_unix_ms(kNowMs + kHourMs);
    rows.set_hold_tasks(true);
    return rows;
  }

 private:
  StoredServer server_;
};

// ---- damage: rows that a server wrote, and that do not fit together any more ----

StoredRows Damaged(StoredRows rows, const std::function<void(StoredRows::Row&)>& damage) {
  for (StoredRows::Row& row : *rows.mutable_rows()) damage(row);
  return rows;
}

// A run is followed by itself.
void Circle(StoredRows::Row& row) {
  if (row.has_list()) row.mutable_list()->mutable_value()->set_next_run_id(row.list().value().run_id());
}

// Two timers of one seq.
void TwoTimers(StoredRows::Row& row) {
  if (row.has_head()) *row.mutable_head()->mutable_value()->add_timers() = row.head().value().timers(0);
}

// The last run that a number can name is to be deleted.
void LastRun(StoredRows::Row& row) {
  if (!row.has_expiry()) return;
  row.mutable_expiry()->set_expires_ms(1);
  row.mutable_expiry()->mutable_value()->mutable_runs(0)->set_run(UINT64_MAX);
}

const std::vector<std::string> kWaits = {
    "schedule_task { seq: 1 task_type: 'charge' input { data: '1' } timeouts { start_to_close_ms: 60000 "
    "heartbeat_ms: 5000 schedule_to_close_ms: 9000000 } retry_policy { max_attempts: 5 } }",
    "start_timer { seq: 2 delay_ms: 1800000 name: 'reminder' }",
    "run_step { seq: 3 name: 'quote' }",
};

}  // namespace

std::vector<std::pair<std::string, StoredRows>> RecordSeeds() {
  std::vector<std::pair<std::string, StoredRows>> seeds;
  // In hand, in the log only.
  seeds.emplace_back("running", Story().Worker("w0").Start("order-1").Play(kWaits).Signal("order-1").Rows());
  // With a failed attempt, and folded into a head.
  const StoredRows checkpointed = Story()
                                      .Start("order-1")
                                      .Play(kWaits)
                                      .Play({}, true)
                                      .Signal("order-1")
                                      .Wait(kCheckpointMs)
                                      .Wait(kCheckpointMs)
                                      .Rows();
  seeds.emplace_back("checkpointed", checkpointed);
  seeds.emplace_back("two_timers", Damaged(checkpointed, TwoTimers));
  const StoredRows closed = Story()
                                .Start("order-1", " retention_ms: 10")
                                .Play({"complete_run { result { encoding: 'json' data: '1' } }"})
                                .Start("order-1")
                                .Play({"fail_run { failure { type: 'Declined' } }"})
                                .Wait(kCheckpointMs)
                                .Rows();
  seeds.emplace_back("closed", closed);
  seeds.emplace_back("circle", Damaged(closed, Circle));
  seeds.emplace_back("last_run_expires", Damaged(closed, LastRun));
  seeds.emplace_back("retried",
                     Story()
                         .Start("order-1", " retry_policy { max_attempts: 3 } run_timeout_ms: 500000")
                         .Play({"fail_run { failure { message: 'no' } }"})
                         .Rows());
  seeds.emplace_back("failing_activation",
                     Story()
                         .Start("order-1", " start_delay_ms: 10 memo { key: 'k' value {} }")
                         .Wait(20)
                         .Play({}, true)
                         .Wait(kCheckpointMs)
                         .Rows());
  seeds.emplace_back("spilled", Story()
                                    .Start("order-1")
                                    .Start("order-2")
                                    .Spill()
                                    .Start("order-3")
                                    .Play(kWaits)
                                    .Spill()
                                    .Wait(kCheckpointMs)
                                    .Rows());
  return seeds;
}

}  // namespace perdure::fuzz
