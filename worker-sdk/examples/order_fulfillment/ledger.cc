#include "ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace orders {

Ledger::Ledger(const std::string& path) {
  if (path.empty()) return;
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open the ledger " + path);
}

Ledger::~Ledger() {
  if (fd_ >= 0) close(fd_);
}

void Ledger::Record(const perdure::TaskContext& task, const std::string& order_id) const {
  if (fd_ < 0) return;
  const std::string line = task.IdempotencyKey() + " " + task.TaskType() + " " + order_id + " " +
                           std::to_string(task.Attempt()) + "\n";
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::system_error(errno, std::generic_category(), "cannot write to the ledger");
  }
}

}  // namespace orders
