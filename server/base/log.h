// Log: one line an event, from any room, without a logging library in sight.
//
//   base::Log(base::LogLevel::kInfo, "recovered", {{"partition", 0}, {"runs", 12}, {"ms", 40}});
//   // 2026-11-22T21:24:40.123Z INFO  recovered partition=0 runs=12 ms=40
//
// The event is a short constant phrase (so that it can be searched for); what varies goes into fields, ids
// first. State changes are logged at info; nothing that happens once per run or per event is.
//
// Thread-safe. Until a sink is set, lines go to stderr as text.
#ifndef PERDURE_SERVER_BASE_LOG_H_
#define PERDURE_SERVER_BASE_LOG_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace perdure::base {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// "debug", "info", "warning", "error".
std::string_view LogLevelName(LogLevel level);

// A value in a log line. Refers to strings, so it must not outlive the call it is an argument of.
class LogValue {
 public:
  using Variant = std::variant<std::string_view, std::string, int64_t, uint64_t, double, bool>;

  LogValue(const char* v) : value_(std::string_view(v)) {}         // NOLINT: implicit by design
  LogValue(std::string_view v) : value_(v) {}                      // NOLINT
  LogValue(const std::string& v) : value_(std::string_view(v)) {}  // NOLINT
  LogValue(absl::string_view v) : value_(std::string_view(v.data(), v.size())) {}  // NOLINT
  LogValue(const absl::Status& v) : value_(v.ToString()) {}                        // NOLINT
  LogValue(bool v) : value_(v) {}                                                  // NOLINT
  LogValue(std::signed_integral auto v) : value_(static_cast<int64_t>(v)) {}       // NOLINT
  LogValue(std::unsigned_integral auto v) : value_(static_cast<uint64_t>(v)) {}    // NOLINT
  LogValue(std::floating_point auto v) : value_(static_cast<double>(v)) {}         // NOLINT

  const Variant& get() const { return value_; }

 private:
  Variant value_;
};

struct LogField {
  std::string_view key;
  LogValue value;
};

// One event, as handed to the sink; valid during the call.
struct LogEvent {
  std::chrono::system_clock::time_point time;
  LogLevel level;
  std::string_view name;
  absl::Span<const LogField> fields;
};

// Called by every thread that logs, possibly several at once.
using LogSink = void (*)(const LogEvent&);

// nullptr: back to stderr.
void SetLogSink(LogSink sink);
// Events below `level` are dropped. Default kInfo.
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

inline void LogDebug(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, event, fields);
}
inline void LogInfo(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, event, fields);
}
inline void LogWarning(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, event, fields);
}
inline void LogError(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, event, fields);
}

// The event as one line without its newline: text for people, or one JSON object with keys "time",
// "level", "event", then the fields. Control characters and bytes that are not UTF-8 are escaped, so that no
// value can forge or break a line.
std::string FormatLogText(const LogEvent& event);
std::string FormatLogJson(const LogEvent& event);

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_LOG_H_
