#include "tests/sim/failpoint_files.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cmd/perdured/store_files.h"
#include "server/base/inject.h"

namespace perdure {
namespace sim {
namespace {

using rocksdb::IOStatus;
using File = std::unique_ptr<rocksdb::FSWritableFile>;

IOStatus Failed(const std::string& failpoint) {
  return IOStatus::IOError(absl::StrCat("failpoint ", failpoint));
}

std::string KindOf(const std::string& path) {
  if (absl::EndsWith(path, ".log")) return "log";
  if (absl::EndsWith(path, ".sst")) return "table";
  return absl::StrContains(path, "/MANIFEST-") ? "manifest" : "file";
}

class FailpointFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailpointFile(File file, const std::string& kind)
      : FSWritableFileOwnerWrapper(std::move(file)),
        append_(kind + "/append"),
        torn_(kind + "/torn"),
        appended_(kind + "/appended"),
        sync_(kind + "/sync"),
        synced_(kind + "/synced") {}

  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                  rocksdb::IODebugContext* debug) override {
    if (base::ReachFailpoint(append_)) return Failed(append_);
    const size_t half = data.size() / 2;
    if (IOStatus status = target()->Append({data.data(), half}, options, debug); !status.ok()) return status;
    base::PassFailpoint(torn_);
    const IOStatus status = target()->Append({data.data() + half, data.size() - half}, options, debug);
    base::PassFailpoint(appended_);
    return status;
  }
  // The checksums that come with it are of all the data, which is not written in one piece here.
  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                  const rocksdb::DataVerificationInfo&, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return Synced([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return Synced([&] { return target()->Fsync(options, debug); });
  }

 private:
  template <typename Sync>
  IOStatus Synced(Sync sync) {
    if (base::ReachFailpoint(sync_)) return Failed(sync_);
    const IOStatus status = sync();
    base::PassFailpoint(synced_);
    return status;
  }

  const std::string append_;
  const std::string torn_;
  const std::string appended_;
  const std::string sync_;
  const std::string synced_;
};

IOStatus Wrap(const IOStatus& status, const std::string& path, File* file) {
  if (status.ok()) *file = std::make_unique<FailpointFile>(std::move(*file), KindOf(path));
  return status;
}

}  // namespace

IOStatus FailpointFiles::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                         File* result, rocksdb::IODebugContext* debug) {
  return Wrap(target()->NewWritableFile(path, options, result, debug), path, result);
}

IOStatus FailpointFiles::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                            File* result, rocksdb::IODebugContext* debug) {
  return Wrap(target()->ReopenWritableFile(path, options, result, debug), path, result);
}

IOStatus FailpointFiles::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                           const rocksdb::FileOptions& options, File* result,
                                           rocksdb::IODebugContext* debug) {
  return Wrap(target()->ReuseWritableFile(path, old_path, options, result, debug), path, result);
}

IOStatus FailpointFiles::RenameFile(const std::string& from, const std::string& to,
                                    const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
  if (base::ReachFailpoint("file/rename")) return Failed("file/rename");
  const IOStatus status = target()->RenameFile(from, to, options, debug);
  base::PassFailpoint("file/renamed");
  return status;
}

}  // namespace sim

std::shared_ptr<rocksdb::FileSystem> StoreFiles() {
  return std::make_shared<sim::FailpointFiles>(rocksdb::FileSystem::Default());
}

}  // namespace perdure
