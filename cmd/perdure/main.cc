// perdure: the command-line client of Perdure.
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "cmd/perdure/app.h"

namespace {

std::string RandomId(int length) {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  std::random_device random;
  std::string id;
  for (int i = 0; i < length; ++i) id += kDigits[random() % 32];
  return id;
}

int TerminalWidth() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* const columns = std::getenv("COLUMNS");
  const int width = columns == nullptr ? 0 : std::atoi(columns);
  return width > 0 ? width : 120;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `perdure ... | head` ends with a failed write, not with a signal
  perdure::cli::Environment environment{
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .getenv = [](const char* name) -> std::optional<std::string> {
        const char* const value = std::getenv(name);
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .now_unix_ms =
          [] {
            const auto now = std::chrono::system_clock::now().time_since_epoch();
            return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
          },
      .pause = [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); },
      .random_id = &RandomId,
      .width = TerminalWidth(),
      .terminal = isatty(STDOUT_FILENO) == 1,
  };
  return perdure::cli::RunApp(std::vector<std::string>(argv + 1, argv + argc), environment);
}
