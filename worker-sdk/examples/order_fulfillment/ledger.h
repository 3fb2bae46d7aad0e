// Ledger: a file with one line for each effect that a task had on the world outside. Tests read it to show
// that no effect is missing and that repeats carry the same key.
//
// Thread-safety: any thread, and several processes may append to the same file.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_LEDGER_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_LEDGER_H_

#include <perdure/task_context.h>

#include <string>

namespace orders {

class Ledger {
 public:
  // Opens the file for appending; an empty path records nothing. Throws std::system_error.
  explicit Ledger(const std::string& path);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Appends "<idempotency key> <task> <order id> <attempt>" in one write. Throws std::system_error.
  void Record(const perdure::TaskContext& task, const std::string& order_id) const;

 private:
  int fd_ = -1;
};

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_LEDGER_H_
