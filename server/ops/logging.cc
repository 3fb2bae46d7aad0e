// Formats with server/base/log.h, writes through spdlog.
#include "server/ops/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace perdure::ops {
namespace {

struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

std::mutex g_mutex;
// Guarded by g_mutex; read for each line, which is cheap beside writing it.
std::shared_ptr<const Output> g_output;

std::shared_ptr<const Output> CurrentOutput() {
  const std::lock_guard lock(g_mutex);
  return g_output;
}

void SetOutput(std::shared_ptr<const Output> output) {
  const std::lock_guard lock(g_mutex);
  g_output.swap(output);
}

void WriteEvent(const base::LogEvent& event) {
  const std::shared_ptr<const Output> output = CurrentOutput();
  if (output == nullptr) return;
  const std::string line = output->json ? base::FormatLogJson(event) : base::FormatLogText(event);
  output->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

base::LogLevel LevelOf(const std::string& name) {
  for (const base::LogLevel level :
       {base::LogLevel::kDebug, base::LogLevel::kWarning, base::LogLevel::kError}) {
    if (name == base::LogLevelName(level)) return level;
  }
  return base::LogLevel::kInfo;
}

}  // namespace

absl::Status SetUpLogging(const ServerConfig& config) {
  auto output = std::make_shared<Output>();
  output->json = config.log_format == "json";
  try {  // spdlog reports a file it cannot open by throwing
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (config.log_file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.log_file);
    }
    output->logger = std::make_shared<spdlog::logger>("perdured", std::move(sink));
  } catch (const spdlog::spdlog_ex& e) {
    return absl::UnavailableError(absl::StrCat("cannot open the log file: ", e.what()));
  }
  output->logger->set_pattern("%v");
  output->logger->flush_on(spdlog::level::trace);
  SetOutput(std::move(output));
  base::SetLogLevel(LevelOf(config.log_level));
  base::SetLogSink(&WriteEvent);
  return absl::OkStatus();
}

void ShutDownLogging() {
  base::SetLogSink(nullptr);
  SetOutput(nullptr);
}

}  // namespace perdure::ops
