// Every setting and limit of the daemon, in one table. Flags, YAML keys, --help, --print-config, the example
// file and the documentation are all made from that table, so none can be forgotten.
//
// A setting called `memory_budget_bytes` is the flag --memory-budget-bytes and the YAML key
// memory_budget_bytes. Later sources win: defaults, then the YAML file, then flags.
#ifndef PERDURE_SERVER_OPS_CONFIG_H_
#define PERDURE_SERVER_OPS_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace perdure::ops {

// Plain values. A default-constructed one holds the table's defaults. `_ms` fields are milliseconds, `_bytes`
// fields are bytes, others are counts; the table says what each is for.
struct ServerConfig {
  ServerConfig();

  // Where and how.
  std::string data_dir;
  std::string listen;
  std::string http_listen;
  int64_t partitions;
  int64_t readers;
  int64_t replay_readers;
  int64_t drain_timeout_ms;

  // Logging.
  std::string log_format;
  std::string log_level;
  std::string log_file;

  // Storage and memory.
  int64_t memory_budget_bytes;
  int64_t grpc_memory_bytes_max;
  int64_t disk_reserve_bytes;
  int64_t full_disk_retry_ms;
  int64_t checkpoint_interval_ms;
  int64_t run_cache_bytes_max;
  int64_t mailbox_items_max;
  int64_t mailbox_bytes_max;
  int64_t hot_runs_bytes_max;
  int64_t staged_bytes_max;
  int64_t timer_window_ms;
  int64_t timer_window_items_max;

  // Worker sessions and queues.
  int64_t sessions_max;
  int64_t reconnect_grace_ms;
  int64_t queue_window_max;
  int64_t queue_window_bytes_max;
  int64_t queued_bytes_max;
  int64_t session_outgoing_bytes_max;
  int64_t credits_max;
  int64_t types_per_session_max;
  int64_t in_hand_max;
  int64_t frame_bytes_max;
  int64_t frame_items_max;
  int64_t activation_events_max;
  int64_t activation_bytes_max;
  int64_t activation_timeout_ms;
  int64_t activation_retry_initial_ms;
  int64_t activation_retry_max_ms;

  // Limits of one run.
  int64_t payload_bytes_max;
  int64_t commands_per_advance_max;
  int64_t history_events_max;
  int64_t history_bytes_max;
  int64_t pending_items_per_run_max;
  int64_t pending_signals_per_run_max;
  int64_t request_ids_per_run_max;
  int64_t id_bytes_max;
  int64_t name_bytes_max;
  int64_t memo_entries_max;
  int64_t memo_bytes_max;
  int64_t reason_bytes_max;
  int64_t non_retryable_types_max;

  // Keeping closed runs.
  int64_t retention_default_ms;
  int64_t retention_sweep_interval_ms;
  int64_t retention_batch_max;

  // Calls.
  int64_t long_poll_ms_max;
  int64_t page_size_max;
  int64_t history_page_size_max;
  int64_t starts_per_call_max;
  int64_t list_rows_scanned_max;
  int64_t reads_waiting_max;
  int64_t watchers_max;
  int64_t waiters_max;
};

struct Setting {
  enum class Type { kText, kAddress, kChoice, kCount, kBytes, kDuration };

  std::string_view name;
  std::string_view group;
  Type type;
  // Which member holds it: one of the two is set.
  std::string ServerConfig::* text = nullptr;
  int64_t ServerConfig::* number = nullptr;
  // As a user would write it.
  std::string_view default_value;
  // Of a number, both inclusive.
  int64_t min = 0;
  int64_t max = 0;
  // Of a choice: "text|json".
  std::string_view choices = "";
  std::string_view help;
};

// In the order they are shown, settings of a group together.
absl::Span<const Setting> Settings();

// nullptr: none of that name.
const Setting* FindSetting(std::string_view name);

// Reads `value` into the setting's member. InvalidArgument names the setting, the value and what is allowed.
absl::Status ApplySetting(const Setting& setting, std::string_view value, ServerConfig& config);

// The value in `config`, as ApplySetting reads it: "64MiB", "5s".
std::string SettingValue(const Setting& setting, const ServerConfig& config);

// "1MiB to 1TiB", "text or json", "HOST:PORT": what a value may be.
std::string AllowedValues(const Setting& setting);

// "no setting is called 'listn'; did you mean listen?"
std::string UnknownSetting(std::string_view name);

// What single values cannot show: settings that contradict each other.
absl::Status CheckConfig(const ServerConfig& config);

// Applies the keys of a YAML file. Errors name file, line, key, value and what is allowed. `config` is left
// as it was if anything is wrong. NotFound: no such file.
absl::Status ApplyYamlFile(const std::string& path, ServerConfig& config);
// The same for YAML text; `name` stands for the file in messages.
absl::Status ApplyYaml(const std::string& text, const std::string& name, ServerConfig& config);

// All settings with their values as a YAML file, each under its explanation.
std::string ConfigToYaml(const ServerConfig& config);
// The example file: every setting with its default, as a comment.
std::string ExampleYaml();

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_CONFIG_H_
