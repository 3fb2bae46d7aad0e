// What lies on the disk: rows of any kind, whole, damaged or made up, in the store that a server starts with.
// It recovers or says what cannot be read; then it works with what it took for runs, and starts once more.
//
// Input: StoredRows (inputs.proto).
#include <set>
#include <string>
#include <utility>

#include "server/partition/reader.h"
#include "storage/epoch.h"
#include "storage/format.h"
#include "storage/keyspace.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/inputs.pb.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/record_seeds.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/stored_rows.h"
#include "tests/fuzz/stored_server.h"

namespace perdure::fuzz {
namespace {

// The year 2100: the clock is the one thing that is not on the disk.
constexpr uint64_t kNowMsMax = 4'102'444'800'000;
constexpr size_t kRunsMax = 6;
constexpr int kPagesMax = 100;
constexpr int64_t kYearMs = 366LL * 24 * 3600 * 1000;

// Who the rows say there is: namespace and workflow id.
using Names = std::set<std::pair<std::string, std::string>>;

Names NamesIn(const StoredRows& rows) {
  Names names;
  for (const StoredRows::Row& row : rows.rows()) {
    if (names.size() >= kRunsMax) break;
    if (row.has_list()) names.insert({row.list().namespace_(), row.list().value().workflow_id()});
    if (row.has_id()) names.insert({row.id().namespace_(), row.id().workflow_id()});
  }
  return names;
}

class Server {
 public:
  explicit Server(const StoredRows& rows)
      : rows_(rows), names_(NamesIn(rows)), server_(static_cast<int64_t>(rows.now_unix_ms() % kNowMsMax)) {
    WriteRows(rows, server_.store());
  }

  void Run() {
    ReadAroundTheRuns();
    ReadWhatClientsRead();
    const absl::StatusOr<partition::RecoveryStats> stats = server_.Recover(rows_.hold_tasks());
    if (!stats.ok()) {
      Check(absl::IsDataLoss(stats.status()), "another error than it says: ", stats.status().ToString());
      return;
    }
    server_.Settle();
    AskForEverything();
    Work();
    for (const int64_t ms : {int64_t{1}, int64_t{6'000}, kYearMs, 100 * kYearMs}) {
      server_.Advance(ms);
      Work();
    }
    ReadWhatClientsRead();
    // What the server itself has written it reads.
    server_.Crash();
    const absl::StatusOr<partition::RecoveryStats> again = server_.Recover(false);
    Check(again.ok(), "it does not start again: ", again.status().ToString());
    server_.Settle();
  }

 private:
  // What is read before there are partitions.
  void ReadAroundTheRuns() {
    if (const absl::StatusOr<std::string> record = server_.store().Get(storage::FormatKey()); record.ok()) {
      const absl::StatusOr<storage::Format> format = storage::ParseFormat(*record);
      Check(format.ok() ? format->version > 0 : absl::IsDataLoss(format.status()), "the format is ",
            format.status().ToString());
    }
    const absl::StatusOr<uint64_t> epoch = storage::DrawEpoch(server_.store(), 1);
    Check(epoch.ok() || absl::IsDataLoss(epoch.status()), "the epoch is ", epoch.status().ToString());
    const storage::KeyRange sessions = storage::SessionRange();
    for (auto it = server_.store().Scan(sessions.begin, sessions.end); it->Valid(); it->Next())
      Check(storage::ParseSessionKey(it->key()).ok(), "a session's key in its range");
  }

  void ReadWhatClientsRead() {
    const partition::Reader reader(&server_.store(), 1, {});
    for (const auto& [ns, id] : names_) {
      v1::ListWorkflowsRequest list;
      list.set_namespace_(ns);
      list.set_page_size(2);
      list.set_page_token(rows_.page_token());
      for (int page = 0;; ++page) {
        Check(page < kPagesMax, "a list without an end");
        const absl::StatusOr<v1::ListWorkflowsResponse> listed = reader.List(list);
        if (!listed.ok() || listed->next_page_token().empty()) break;
        list.set_page_token(listed->next_page_token());
      }
      v1::CountWorkflowsRequest count;
      count.set_namespace_(ns);
      count.mutable_filter()->set_workflow_id_prefix(id.substr(0, 3));
      Check(reader.Count(count).ok(), "it cannot count");
      v1::WorkflowExecution execution;
      execution.set_workflow_id(id);
      if (const auto place = reader.Locate(ns, execution); place.ok())
        ReadHistory(reader, place->partition, place->run);
    }
  }

  static void ReadHistory(const partition::Reader& reader, uint32_t partition, uint64_t run) {
    int64_t from = 1;
    for (int page = 0; from != 0; ++page) {
      Check(page < kPagesMax, "a history without an end");
      const auto events = reader.ReadEvents(partition, run, from, INT64_MAX, 5, 1'000);
      if (!events.ok()) return;
      from = events->next_event_id;
    }
  }

  // As clients do.
  void AskForEverything() {
    for (const auto& [ns, id] : names_) {
      partition::DescribeRequest describe;
      describe.request.set_namespace_(ns);
      describe.request.mutable_execution()->set_workflow_id(id);
      describe.reply = StoredServer::Nobody<v1::DescribeWorkflowResponse>();
      server_.Put(std::move(describe));
      partition::ResultRequest result;
      result.request.set_namespace_(ns);
      result.request.mutable_execution()->set_workflow_id(id);
      result.request.set_follow_runs(true);
      result.waiter = next_waiter_++;
      result.reply = StoredServer::Nobody<v1::GetResultResponse>();
      server_.Put(std::move(result));
      partition::StartRequest start;
      start.request.set_namespace_(ns);
      start.request.set_workflow_id(id);
      start.request.set_workflow_type("order");
      start.request.set_task_queue("main");
      start.request.set_id_conflict_policy(next_waiter_ % 2 == 0 ? v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING
                                                                 : v1::ID_CONFLICT_POLICY_USE_EXISTING);
      start.reply = StoredServer::Nobody<v1::StartWorkflowResponse>();
      server_.Put(std::move(start));
      partition::SignalRequest signal;
      signal.request.set_namespace_(ns);
      signal.request.mutable_execution()->set_workflow_id(id);
      signal.request.set_signal_name("paid");
      signal.reply = StoredServer::Nobody<v1::SignalWorkflowResponse>();
      server_.Put(std::move(signal));
      partition::CancelRequest cancel;
      cancel.request.set_namespace_(ns);
      cancel.request.mutable_execution()->set_workflow_id(id);
      cancel.reply = StoredServer::Nobody<v1::CancelWorkflowResponse>();
      server_.Put(std::move(cancel));
    }
    server_.Settle();
  }

  // Workers take what there is, and dispatch asks for what waits on disk.
  void Work() {
    for (int round = 0; round < 2; ++round) {
      bool fail = round == 0;
      for (const perdure::Work& work : server_.TakeWork()) {
        if (work.activation) server_.AnswerActivation(*work.activation, {}, fail);
        if (work.task) server_.AnswerTask(*work.task, fail);
        if (work.kind == perdure::Work::Kind::kRefilled)
          server_.Put(partition::RefillRequest{work.queue, 10});
        fail = !fail;
      }
      server_.Settle();
    }
  }

  const StoredRows& rows_;
  const Names names_;
  StoredServer server_;
  uint64_t next_waiter_ = 1;
};

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const auto& [name, rows] : RecordSeeds()) seeds.push_back({name, rows.SerializeAsString()});
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::fuzz::StoredRows rows;
  if (!perdure::fuzz::ReadMessage(rows, data, size)) return -1;
  perdure::fuzz::Server(rows).Run();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  perdure::fuzz::StoredRows rows;
  return perdure::fuzz::MutateMessage(rows, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                            size_t other_size, uint8_t* out, size_t max_size, unsigned seed) {
  perdure::fuzz::StoredRows rows;
  return perdure::fuzz::CrossMessages(rows, one, one_size, other, other_size, out, max_size, seed);
}
