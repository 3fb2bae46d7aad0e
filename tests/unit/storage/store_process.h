// Another process with a store open in it: started from this test program, killed at will.
#ifndef PERDURE_TESTS_UNIT_STORAGE_STORE_PROCESS_H_
#define PERDURE_TESTS_UNIT_STORAGE_STORE_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace perdure::storage {

// Commits key 1, key 2, ... one by one into a store in `dir`, for ever, and says each number once it is
// durable.
class StoreProcess {
 public:
  explicit StoreProcess(const std::string& dir);
  // Kills it if it still runs.
  ~StoreProcess();
  StoreProcess(const StoreProcess&) = delete;
  StoreProcess& operator=(const StoreProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Waits for the next number that was acknowledged; 0 if the process has ended.
  uint64_t NextAcknowledged();
  // SIGKILL. What it had acknowledged by then can still be read with NextAcknowledged().
  void Kill();

  // The key and value of commit n, which takes this many bytes or a little more.
  static constexpr uint64_t kValueBytes = 3000;
  static std::string KeyOf(uint64_t n);
  static std::string ValueOf(uint64_t n);

 private:
  pid_t pid_ = 0;
  int acknowledged_ = -1;
};

}  // namespace perdure::storage

#endif  // PERDURE_TESTS_UNIT_STORAGE_STORE_PROCESS_H_
