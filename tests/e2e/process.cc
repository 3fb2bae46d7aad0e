#include "tests/e2e/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

extern char** environ;

namespace perdure::e2e {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll{5};

std::string Content(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

bool WaitUntil(const std::function<bool()>& condition, std::chrono::seconds timeout) {
  const auto until = steady_clock::now() + timeout;
  while (!condition()) {
    if (steady_clock::now() > until) return false;
    std::this_thread::yield();
    timespec pause{0, std::chrono::nanoseconds(kPoll).count()};
    nanosleep(&pause, nullptr);
  }
  return true;
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "perdure-e2e-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "cannot make " << name;
  path_ = name;
}

TempDir::~TempDir() {
  if (testing::Test::HasFailure()) {
    std::fprintf(stderr, "the test's files are kept in %s\n", path_.c_str());
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Process::Process(const std::vector<std::string>& command, const std::string& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  std::vector<char*> argv;
  for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, command[0].c_str(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    pid_ = -1;
    ADD_FAILURE() << "cannot start " << command[0] << ": " << strerror(error);
  }
}

Process::~Process() { Kill(); }

void Process::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
  pid_ = -1;
}

int Process::Terminate(std::chrono::seconds timeout) {
  if (pid_ <= 0) return -1;
  kill(pid_, SIGTERM);
  return Wait(timeout);
}

int Process::Wait(std::chrono::seconds timeout) {
  if (!WaitUntil([this] { return !Running(); }, timeout)) {
    Kill();
    return -1;
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

bool Process::Running() {
  if (pid_ <= 0) return false;
  if (waitpid(pid_, &status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

int Process::EndedBySignal() { return !Running() && WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

int64_t Process::RssBytes() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
  int64_t size = 0;
  int64_t resident = 0;
  in >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t Process::Descriptors() const {
  std::error_code gone;
  std::filesystem::directory_iterator files("/proc/" + std::to_string(pid_) + "/fd", gone);
  return gone ? 0 : std::distance(begin(files), end(files));
}

void Process::Stop() { kill(pid_, SIGSTOP); }

void Process::Continue() { kill(pid_, SIGCONT); }

Server::Server(const TempDir& dir, std::vector<std::string> flags) : dir_(dir), flags_(std::move(flags)) {
  Start();
}

void Server::Start() {
  if (!Launch("perdured")) FAIL() << "perdured did not come up; its log:\n" << Log();
}

bool Server::StartAs(const std::string& program, const std::string& variable, const std::string& value) {
  setenv(variable.c_str(), value.c_str(), 1);
  const bool up = Launch(program);
  unsetenv(variable.c_str());
  return up;
}

bool Server::Launch(const std::string& program) {
  const std::string ready = dir_.File("ready.json");
  std::filesystem::remove(ready);
  const auto begin = steady_clock::now();
  std::vector<std::string> command = {Program(program), "--data-dir",   dir_.File("data"),
                                      "--listen",       address_,       "--http-listen",
                                      "127.0.0.1:0",    "--ready-file", ready};
  command.insert(command.end(), flags_.begin(), flags_.end());
  process_ = std::make_unique<Process>(command, dir_.File("server.log"));
  const bool up = WaitUntil([&] { return std::filesystem::exists(ready) || !process_->Running(); },
                            std::chrono::seconds(60));
  start_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin).count();
  if (!up || !std::filesystem::exists(ready)) return false;
  std::ifstream in(ready);
  const nlohmann::json info = nlohmann::json::parse(in);
  address_ = info.at("listen").get<std::string>();
  http_address_ = info.at("http_listen").get<std::string>();
  return true;
}

void Server::Verify() const {
  const std::string report = dir_.File("verify.log");
  std::filesystem::remove(report);
  Process verify({Program("perdure"), "admin", "verify", "--data-dir", dir_.File("data")}, report);
  EXPECT_EQ(verify.Wait(std::chrono::seconds(120)), 0) << Content(report);
}

std::string Server::Log() const { return Content(dir_.File("server.log")); }

std::string Program(const std::string& name) { return std::string(PERDURE_BIN_DIR) + "/" + name; }

}  // namespace perdure::e2e
