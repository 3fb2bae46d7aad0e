// FailpointFiles: the file system of perdured-failpoints, with a failpoint before and after whatever makes
// the store durable.
//
//   PERDURE_FAILPOINTS=log/torn=abort:20      dies with half of the 20th write to the log in the file
//   PERDURE_FAILPOINTS=table/sync=error       the first sync of a table fails
//
// KIND/append and KIND/sync come before a write and a sync, and may fail in their stead; KIND/torn comes in
// the middle of a write, KIND/appended and KIND/synced behind. KIND is log, table, manifest, or file for the
// rest. file/rename and file/renamed are about names: CURRENT gets its own that way.
#ifndef PERDURE_TESTS_SIM_FAILPOINT_FILES_H_
#define PERDURE_TESTS_SIM_FAILPOINT_FILES_H_

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace perdure::sim {

class FailpointFiles : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "perdure.FailpointFiles"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_FAILPOINT_FILES_H_
