// Formats log events and hands them to the sink.
#include "server/base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/utf8.h"

namespace perdure::base {
namespace {

std::atomic<LogSink> g_sink{nullptr};
std::atomic<int> g_level{static_cast<int>(LogLevel::kInfo)};

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

void WriteToStderr(const LogEvent& event) {
  std::string line = FormatLogText(event);
  line += '\n';
  // One write call a line: lines of several threads do not mix. Nothing can be done if stderr is closed.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

std::string FormatTime(std::chrono::system_clock::time_point time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t t = seconds.count();
  std::tm tm{};
  gmtime_r(&t, &tm);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                         tm.tm_hour, tm.tm_min, tm.tm_sec, (since_epoch - seconds).count());
}

// A value that a reader of key=value lines could mistake for something else is quoted.
bool NeedsQuotes(std::string_view s) {
  if (s.empty()) return true;
  for (const unsigned char c : s) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return !IsValidUtf8(s);
}

void AppendText(std::string& out, std::string_view value) {
  if (NeedsQuotes(value)) {
    AppendJsonString(out, value);
  } else {
    out += value;
  }
}

void AppendNumber(std::string& out, double value) { absl::StrAppendFormat(&out, "%.6g", value); }

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  static constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

void SetLogSink(LogSink sink) { g_sink.store(sink, std::memory_order_release); }

void SetLogLevel(LogLevel level) { g_level.store(static_cast<int>(level), std::memory_order_relaxed); }

bool LogEnabled(LogLevel level) { return static_cast<int>(level) >= g_level.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const LogSink sink = g_sink.load(std::memory_order_acquire);
  const LogEvent log_event{std::chrono::system_clock::now(), level, event,
                           absl::MakeConstSpan(fields.begin(), fields.size())};
  (sink != nullptr ? sink : &WriteToStderr)(log_event);
}

std::string FormatLogText(const LogEvent& event) {
  static constexpr std::array<absl::string_view, 4> kLevels = {"DEBUG", "INFO ", "WARN ", "ERROR"};
  std::string out = FormatTime(event.time);
  absl::StrAppend(&out, " ", kLevels[static_cast<size_t>(event.level)], " ", Absl(event.name));
  for (const LogField& field : event.fields) {
    absl::StrAppend(&out, " ", Absl(field.key), "=");
    std::visit(
        [&out](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, bool>) {
            out += v ? "true" : "false";
          } else if constexpr (std::is_same_v<T, double>) {
            AppendNumber(out, v);
          } else if constexpr (std::is_arithmetic_v<T>) {
            absl::StrAppend(&out, v);
          } else {
            AppendText(out, v);
          }
        },
        field.value.get());
  }
  return out;
}

std::string FormatLogJson(const LogEvent& event) {
  std::string out = absl::StrCat(R"({"time":")", FormatTime(event.time), R"(","level":")",
                                 Absl(LogLevelName(event.level)), R"(","event":)");
  AppendJsonString(out, event.name);
  for (const LogField& field : event.fields) {
    out += ',';
    AppendJsonString(out, field.key);
    out += ':';
    std::visit(
        [&out](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, bool>) {
            out += v ? "true" : "false";
          } else if constexpr (std::is_same_v<T, double>) {
            if (std::isfinite(v)) {
              AppendNumber(out, v);
            } else {
              out += "null";
            }
          } else if constexpr (std::is_arithmetic_v<T>) {
            absl::StrAppend(&out, v);
          } else {
            AppendJsonString(out, v);
          }
        },
        field.value.get());
  }
  out += '}';
  return out;
}

}  // namespace perdure::base
