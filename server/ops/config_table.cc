// The table of settings. A new setting is a member of ServerConfig and a row here, nothing else.
#include "server/ops/config.h"

namespace perdure::ops {
namespace {

using C = ServerConfig;

constexpr int64_t kKiB = 1024;
constexpr int64_t kMiB = 1024 * kKiB;
constexpr int64_t kGiB = 1024 * kMiB;
constexpr int64_t kTiB = 1024 * kGiB;
constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

constexpr std::string_view kBasics = "Where and how it runs";
constexpr std::string_view kLogging = "Logging";
constexpr std::string_view kStorage = "Storage and memory";
constexpr std::string_view kWorkers = "Worker sessions and task queues";
constexpr std::string_view kRuns = "Limits of one run";
constexpr std::string_view kRetention = "Keeping closed runs";
constexpr std::string_view kCalls = "Client calls";

constexpr Setting Text(std::string_view group, std::string_view name, std::string C::* member,
                       std::string_view default_value, std::string_view help) {
  return {name, group, Setting::Type::kText, member, nullptr, default_value, 0, 0, "", help};
}
constexpr Setting Listen(std::string_view group, std::string_view name, std::string C::* member,
                         std::string_view default_value, std::string_view help) {
  return {name, group, Setting::Type::kAddress, member, nullptr, default_value, 0, 0, "", help};
}
constexpr Setting Choice(std::string_view group, std::string_view name, std::string C::* member,
                         std::string_view default_value, std::string_view choices, std::string_view help) {
  return {name, group, Setting::Type::kChoice, member, nullptr, default_value, 0, 0, choices, help};
}
constexpr Setting Count(std::string_view group, std::string_view name, int64_t C::* member,
                        std::string_view default_value, int64_t min, int64_t max, std::string_view help) {
  return {name, group, Setting::Type::kCount, nullptr, member, default_value, min, max, "", help};
}
constexpr Setting Bytes(std::string_view group, std::string_view name, int64_t C::* member,
                        std::string_view default_value, int64_t min, int64_t max, std::string_view help) {
  return {name, group, Setting::Type::kBytes, nullptr, member, default_value, min, max, "", help};
}
constexpr Setting Duration(std::string_view group, std::string_view name, int64_t C::* member,
                           std::string_view default_value, int64_t min, int64_t max, std::string_view help) {
  return {name, group, Setting::Type::kDuration, nullptr, member, default_value, min, max, "", help};
}

constexpr Setting kSettings[] = {
    Text(kBasics, "data_dir", &C::data_dir, "",
         "Directory that holds everything; made if absent. Required. One daemon at a time may use it."),
    Listen(kBasics, "listen", &C::listen, "127.0.0.1:7480",
           "Address for clients and workers (gRPC). There is no authentication: leave it on loopback or a "
           "private "
           "network. Port 0 takes a free one."),
    Listen(kBasics, "http_listen", &C::http_listen, "127.0.0.1:7481",
           "Address for /metrics, /healthz and /readyz."),
    Count(kBasics, "partitions", &C::partitions, "2", 1, 256,
          "Slices of all runs, each with its own thread. Fixed when the data directory is made."),
    Count(kBasics, "readers", &C::readers, "2", 1, 64,
          "Threads for clients' reads that may wait for the disk: list, count, history, watch."),
    Count(kBasics, "replay_readers", &C::replay_readers, "1", 1, 64,
          "Threads that read histories for workers that replay, so that clients' reads do not hold them up."),
    Duration(kBasics, "drain_timeout_ms", &C::drain_timeout_ms, "10s", 0, 10 * kMinute,
             "On SIGTERM: longest wait for calls in hand before the daemon stops."),

    Choice(kLogging, "log_format", &C::log_format, "text", "text|json",
           "Lines for people, or one JSON object a line."),
    Choice(kLogging, "log_level", &C::log_level, "info", "debug|info|warning|error",
           "Least level that is logged."),
    Text(kLogging, "log_file", &C::log_file, "",
         "Append log lines to this file instead of stderr (rotate it with logrotate's copytruncate)."),

    Bytes(kStorage, "memory_budget_bytes", &C::memory_budget_bytes, "256MiB", 16 * kMiB, kTiB,
          "For the store's block cache and write buffers together."),
    Bytes(kStorage, "grpc_memory_bytes_max", &C::grpc_memory_bytes_max, "512MiB", 16 * kMiB, kTiB,
          "For what connections have received and the server has not taken yet; past it they are read more "
          "slowly, and ended if that does not help."),
    Bytes(kStorage, "disk_reserve_bytes", &C::disk_reserve_bytes, "64MiB", 0, kTiB,
          "With less free space than this, new work is refused until there is room again."),
    Duration(kStorage, "full_disk_retry_ms", &C::full_disk_retry_ms, "500ms", 1, kHour,
             "With a full disk: how often it is tried whether there is room again."),
    Duration(kStorage, "checkpoint_interval_ms", &C::checkpoint_interval_ms, "5s", 100, kHour,
             "How often derived rows of open runs are brought up to date; bounds the work of a recovery."),
    Bytes(kStorage, "run_cache_bytes_max", &C::run_cache_bytes_max, "32MiB", kMiB, kTiB,
          "Memory for the state of open runs, all partitions together; quiet runs leave it first."),
    Count(kStorage, "mailbox_items_max", &C::mailbox_items_max, "65536", 16, 16'777'216,
          "Inputs that may wait for one partition; past it callers get RESOURCE_EXHAUSTED."),
    Bytes(kStorage, "mailbox_bytes_max", &C::mailbox_bytes_max, "256MiB", kMiB, kTiB,
          "Payloads in those inputs, all partitions together; past it callers get RESOURCE_EXHAUSTED."),
    Bytes(kStorage, "hot_runs_bytes_max", &C::hot_runs_bytes_max, "1GiB", kMiB, kTiB,
          "Memory for runs that workers have in hand or that wait for one, beyond run_cache_bytes_max; past "
          "it callers get "
          "RESOURCE_EXHAUSTED."),
    Bytes(kStorage, "staged_bytes_max", &C::staged_bytes_max, "64MiB", kMiB, kTiB,
          "Writes that may wait for the disk, all partitions together; past it the partitions wait."),
    Duration(kStorage, "timer_window_ms", &C::timer_window_ms, "1m", kSecond, kDay,
             "Timers due within this time are held in memory; later ones wait on disk."),
    Count(kStorage, "timer_window_items_max", &C::timer_window_items_max, "100000", 100, 100'000'000,
          "Timers held in memory for each partition, however many are due within the window."),

    Count(kWorkers, "sessions_max", &C::sessions_max, "1000", 1, 1'000'000, "Worker sessions at a time."),
    Duration(kWorkers, "reconnect_grace_ms", &C::reconnect_grace_ms, "5s", 0, 10 * kMinute,
             "How long a lost worker may take to come back before its work is given to others."),
    Count(kWorkers, "queue_window_max", &C::queue_window_max, "10000", 16, 10'000'000,
          "Items of one queue held in memory; the rest of the queue waits on disk."),
    Bytes(kWorkers, "queue_window_bytes_max", &C::queue_window_bytes_max, "64MiB", 64 * kKiB, kTiB,
          "Bytes of one queue held in memory."),
    Bytes(kWorkers, "queued_bytes_max", &C::queued_bytes_max, "256MiB", kMiB, kTiB,
          "Bytes of all queues held in memory together."),
    Bytes(kWorkers, "session_outgoing_bytes_max", &C::session_outgoing_bytes_max, "32MiB", 64 * kKiB, kTiB,
          "Bytes that wait to be sent to one worker; past it the worker gets nothing new."),
    Count(kWorkers, "credits_max", &C::credits_max, "100000", 1, 10'000'000,
          "Tasks, and activations, that one worker may ask to have in hand at a time."),
    Count(kWorkers, "types_per_session_max", &C::types_per_session_max, "10000", 1, 1'000'000,
          "Workflow and task types that one worker may host."),
    Count(kWorkers, "in_hand_max", &C::in_hand_max, "1000000", 1, 100'000'000,
          "Tasks and activations that a worker may bring along when it comes back."),
    Bytes(kWorkers, "frame_bytes_max", &C::frame_bytes_max, "64MiB", 64 * kKiB, kGiB,
          "Largest message accepted. What a client sends ends before: at 2 x payload_bytes_max, 2 x "
          "memo_bytes_max and 1MiB."),
    Count(kWorkers, "frame_items_max", &C::frame_items_max, "10000", 1'000, 10'000'000,
          "Items (answers, heartbeats, requests) in one message of a worker; what is inside them may come to "
          "50 "
          "times as many."),
    Count(kWorkers, "activation_events_max", &C::activation_events_max, "1000", 1, 1'000'000,
          "Events delivered with one activation; the rest follow with the next."),
    Bytes(kWorkers, "activation_bytes_max", &C::activation_bytes_max, "4MiB", 4 * kKiB, kGiB,
          "Bytes of events delivered with one activation; at least one event always is."),
    Duration(kWorkers, "activation_timeout_ms", &C::activation_timeout_ms, "5m", kSecond, kDay,
             "How long workflow code may take for one activation before another worker is tried."),
    Duration(kWorkers, "activation_retry_initial_ms", &C::activation_retry_initial_ms, "1s", 1, kHour,
             "Wait before a failed activation is tried again; doubles from one failure to the next."),
    Duration(kWorkers, "activation_retry_max_ms", &C::activation_retry_max_ms, "1m", 1, kDay,
             "Longest such wait."),

    Bytes(kRuns, "payload_bytes_max", &C::payload_bytes_max, "4MiB", kKiB, kGiB,
          "Largest single input, result, signal or detail."),
    Count(kRuns, "commands_per_advance_max", &C::commands_per_advance_max, "20000", 1, 1'000'000,
          "Commands in one answer of workflow code."),
    Count(kRuns, "history_events_max", &C::history_events_max, "200000", 10, 100'000'000,
          "Events of one run; a run that needs more is closed as failed."),
    Bytes(kRuns, "history_bytes_max", &C::history_bytes_max, "512MiB", kMiB, kTiB,
          "Bytes of one run's history; a run that needs more is closed as failed."),
    Count(kRuns, "pending_items_per_run_max", &C::pending_items_per_run_max, "50000", 1, 10'000'000,
          "Tasks, timers and steps of one run that are open at a time."),
    Count(kRuns, "pending_signals_per_run_max", &C::pending_signals_per_run_max, "10000", 1, 10'000'000,
          "Signals that a run has not looked at yet."),
    Count(kRuns, "request_ids_per_run_max", &C::request_ids_per_run_max, "1000", 1, 1'000'000,
          "Request ids remembered for each run, latest first, to answer repeated requests."),
    Bytes(kRuns, "id_bytes_max", &C::id_bytes_max, "1000B", 16, 4 * kKiB, "Longest workflow id."),
    Bytes(kRuns, "name_bytes_max", &C::name_bytes_max, "256B", 16, kKiB,
          "Longest type, task queue, signal, timer, step or namespace name, request id or identity."),
    Count(kRuns, "memo_entries_max", &C::memo_entries_max, "64", 0, 10'000, "Memo entries of one run."),
    Bytes(kRuns, "memo_bytes_max", &C::memo_bytes_max, "64KiB", 0, 64 * kMiB,
          "Memo of one run, keys and values together."),
    Bytes(kRuns, "reason_bytes_max", &C::reason_bytes_max, "4KiB", 0, kMiB,
          "Longest reason of a cancellation or termination."),
    Count(kRuns, "non_retryable_types_max", &C::non_retryable_types_max, "100", 0, 10'000,
          "Failure types in the retry policy of a run that are not retried."),

    Duration(kRetention, "retention_default_ms", &C::retention_default_ms, "7d", kSecond, 3650 * kDay,
             "Closed runs are deleted after this long, unless their start asked for another time."),
    Duration(kRetention, "retention_sweep_interval_ms", &C::retention_sweep_interval_ms, "1s", 10, kDay,
             "How often expired runs are looked for."),
    Count(kRetention, "retention_batch_max", &C::retention_batch_max, "10000", 1, 1'000'000,
          "Runs deleted by one such look, per partition."),

    Duration(kCalls, "long_poll_ms_max", &C::long_poll_ms_max, "1m", 0, kHour,
             "Longest wait of one GetResult call, or of a start that waits; clients ask again."),
    Count(kCalls, "page_size_max", &C::page_size_max, "1000", 1, 100'000, "Runs in one page of a list."),
    Count(kCalls, "history_page_size_max", &C::history_page_size_max, "10000", 1, 1'000'000,
          "Events in one page of a history; a page also ends at about 1MiB."),
    Count(kCalls, "starts_per_call_max", &C::starts_per_call_max, "1000", 1, 10'000,
          "Runs started by one StartWorkflows call."),
    Count(kCalls, "list_rows_scanned_max", &C::list_rows_scanned_max, "100000", 100, 100'000'000,
          "Rows that one list or count call looks at before it returns what it has."),
    Count(kCalls, "reads_waiting_max", &C::reads_waiting_max, "10000", 1, 10'000'000,
          "Reads of histories and lists that may wait for a reader; past it callers get RESOURCE_EXHAUSTED. "
          "For "
          "replaying workers the same number again."),
    Count(kCalls, "watchers_max", &C::watchers_max, "1000", 0, 1'000'000,
          "Open WatchWorkflow streams, of the whole server."),
    Count(kCalls, "waiters_max", &C::waiters_max, "100000", 0, 10'000'000,
          "GetResult calls and starts that wait, and WatchWorkflow streams, together, for each partition."),
};

}  // namespace

absl::Span<const Setting> Settings() { return kSettings; }

}  // namespace perdure::ops
