// TempDir: a fresh directory that is removed with all that is in it.
#ifndef PERDURE_TESTS_BENCH_TEMP_DIR_H_
#define PERDURE_TESTS_BENCH_TEMP_DIR_H_

#include <string>

namespace perdure::bench {

// Where to make temporary directories: `wanted` if given; otherwise $TMPDIR if it is set and not a file
// system in memory, otherwise the current directory.
std::string TempBase(const std::string& wanted);
// "ext4", "tmpfs", ..., or the number of a type that has no name here.
std::string FileSystemOf(const std::string& path);

class TempDir {
 public:
  // Throws BenchError.
  explicit TempDir(const std::string& base);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_TEMP_DIR_H_
