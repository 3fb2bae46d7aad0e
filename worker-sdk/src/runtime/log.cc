// Log records as text.
#include "perdure/log.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace perdure {
namespace {

bool NeedsQuotes(const std::string& value) {
  return value.empty() || value.find_first_of(" =\"\n\t") != std::string::npos;
}

std::string Timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof(text), "%s.%03dZ", date, static_cast<int>(ms));
  return text;
}

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

std::string FormatLogRecord(const LogRecord& record) {
  std::string line(LogLevelName(record.level));
  for (const auto& [name, value] : record.fields) {
    line += " " + name + "=";
    if (NeedsQuotes(value)) {
      JsonWriter quoted;
      JsonTraits<std::string>::Write(quoted, value);
      line += quoted.Take();
    } else {
      line += value;
    }
  }
  return line + " " + record.message;
}

LogSink StderrLogSink(LogLevel min) {
  return [min](const LogRecord& record) {
    if (record.level < min) return;
    const std::string line = Timestamp() + " " + FormatLogRecord(record) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
}

}  // namespace perdure
