// Logging from workflows and tasks: one line an event, ids first, structured fields behind the message.
//
//   ctx.Log().Info("card charged", "order", order.id, "cents", 1250);
//
// In a workflow the logger is silent while history is replayed, so that a line is written once.
// Thread-safety: a LogSink is called from any thread, also from several at once. A Logger may be used by one
// thread at a time.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_LOG_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_LOG_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdure/json.h"

namespace perdure {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// "debug", "info", "warn", "error".
std::string_view LogLevelName(LogLevel level);

struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string message;
  // In order: the ids (workflow_id, run_id, ...), then what the call added.
  std::vector<std::pair<std::string, std::string>> fields;
};

using LogSink = std::function<void(const LogRecord&)>;

// Writes records of at least this level to stderr, as text.
LogSink StderrLogSink(LogLevel min = LogLevel::kInfo);
// The record as one line of text, without time.
std::string FormatLogRecord(const LogRecord& record);

class Logger {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // `muted` may be null; if given it must outlive the logger, and silences it while true.
  Logger(std::shared_ptr<const LogSink> sink, Fields ids, const bool* muted = nullptr)
      : sink_(std::move(sink)), ids_(std::move(ids)), muted_(muted) {}

  // The arguments behind the message are names and values in turn.
  template <class... NamesAndValues>
  void Debug(std::string_view message, const NamesAndValues&... rest) const {
    Write(LogLevel::kDebug, message, rest...);
  }
  template <class... NamesAndValues>
  void Info(std::string_view message, const NamesAndValues&... rest) const {
    Write(LogLevel::kInfo, message, rest...);
  }
  template <class... NamesAndValues>
  void Warn(std::string_view message, const NamesAndValues&... rest) const {
    Write(LogLevel::kWarn, message, rest...);
  }
  template <class... NamesAndValues>
  void Error(std::string_view message, const NamesAndValues&... rest) const {
    Write(LogLevel::kError, message, rest...);
  }

 private:
  template <class T>
  static std::string Text(const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      return std::string(std::string_view(value));
    } else {
      static_assert(JsonCodable<T>, "perdure: a logged value must be text, a number or have JSON support");
      JsonWriter out;
      JsonTraits<T>::Write(out, value);
      return out.Take();
    }
  }

  template <class... NamesAndValues>
  void Write(LogLevel level, std::string_view message, const NamesAndValues&... rest) const {
    static_assert(
        sizeof...(rest) % 2 == 0,
        "perdure: behind the message come names and values in turn: Info(\"charged\", \"order\", id)");
    if ((muted_ != nullptr && *muted_) || sink_ == nullptr || !*sink_) return;
    LogRecord record{level, std::string(message), ids_};
    Append(record.fields, rest...);
    (*sink_)(record);
  }

  static void Append(Fields&) {}
  template <class V, class... Rest>
  static void Append(Fields& fields, std::string_view name, const V& value, const Rest&... rest) {
    fields.emplace_back(name, Text(value));
    Append(fields, rest...);
  }

  std::shared_ptr<const LogSink> sink_;
  Fields ids_;
  const bool* muted_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_LOG_H_
