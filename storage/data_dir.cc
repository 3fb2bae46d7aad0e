// Looking at directories, locks and free space through the file system.
#include "storage/data_dir.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace perdure::storage {
namespace {

namespace fs = std::filesystem;

absl::Status CannotUse(const std::string& dir, const std::string& what, int error) {
  return absl::PermissionDeniedError(
      absl::StrCat("data directory ", dir, " cannot be ", what, ": ", std::strerror(error),
                   ". Fix its permissions, or name another one with --data-dir"));
}

// Files that a store may leave behind when it dies while it is being created.
bool IsStartOfStore(const std::string& name) {
  if (name == "LOCK" || name == "IDENTITY" || name == "lost+found") return true;
  for (const char* prefix : {"LOG", "MANIFEST-000001", "OPTIONS-", "spare-log"}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return absl::EndsWith(name, ".dbtmp");
}

// A store always has a log, once it is past its very first manifest. RocksDB would take one without for a
// store that has nothing newer than its tables, and whoever sees *.log in a directory may take them for what
// can go.
absl::Status CheckLog(const std::string& dir) {
  std::string manifest;
  std::getline(std::ifstream(dir + "/CURRENT"), manifest);
  if (manifest == "MANIFEST-000001") return absl::OkStatus();
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    if (entry.path().extension() == ".log") return absl::OkStatus();
  }
  if (error) return CannotUse(dir, "read", error.value());
  return absl::DataLossError(
      absl::StrCat("data directory ", dir, " holds a store without its log (a file such as ",
                   "000042.log): the newest commits are gone. Put the file back, or restore ",
                   "the directory from a backup"));
}

absl::Status CheckContents(const std::string& dir) {
  if (fs::exists(fs::path(dir) / "CURRENT")) return CheckLog(dir);
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  if (error) return CannotUse(dir, "read", error.value());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (IsStartOfStore(name)) continue;
    if (absl::EndsWith(name, ".sst") || absl::EndsWith(name, ".log") || absl::StartsWith(name, "MANIFEST-")) {
      return absl::DataLossError(
          absl::StrCat("data directory ", dir, " holds ", name,
                       " but no CURRENT file: the store in it is not whole. Restore the ",
                       "directory from a backup, or name another one with --data-dir"));
    }
    return absl::FailedPreconditionError(absl::StrCat("data directory ", dir,
                                                      " is not empty and is not Perdure's (it holds ", name,
                                                      "). Name an empty or new directory with --data-dir"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareDataDir(const std::string& dir) {
  if (dir.empty()) return absl::InvalidArgumentError("no data directory was named; use --data-dir");
  std::error_code error;
  fs::create_directories(dir, error);
  if (error && !fs::is_directory(dir)) {
    if (error == std::errc::not_a_directory || error == std::errc::file_exists) {
      return absl::InvalidArgumentError(absl::StrCat(
          "data directory ", dir, ": a file of that name, or on the way there, is not a directory"));
    }
    return CannotUse(dir, "made", error.value());
  }
  if (access(dir.c_str(), R_OK | X_OK) != 0) return CannotUse(dir, "read", errno);
  if (access(dir.c_str(), W_OK) != 0) return CannotUse(dir, "written", errno);
  return CheckContents(dir);
}

absl::Status CheckStoreDir(const std::string& dir) {
  if (dir.empty()) return absl::InvalidArgumentError("no data directory was named; use --data-dir");
  std::error_code error;
  const fs::file_status kind = fs::status(dir, error);
  if (kind.type() == fs::file_type::not_found) {
    return absl::InvalidArgumentError(absl::StrCat("data directory ", dir, " does not exist"));
  }
  if (error) return CannotUse(dir, "read", error.value());
  if (kind.type() != fs::file_type::directory) {
    return absl::InvalidArgumentError(absl::StrCat("data directory ", dir, " is not a directory"));
  }
  if (access(dir.c_str(), R_OK | X_OK) != 0) return CannotUse(dir, "read", errno);
  const absl::Status contents = CheckContents(dir);
  if (absl::IsDataLoss(contents)) return contents;
  if (!fs::exists(fs::path(dir) / "CURRENT", error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("data directory ", dir, " holds no store (it has no CURRENT file)"));
  }
  return contents;
}

std::string LockHolder(const std::string& path) {
  struct stat file = {};
  if (stat(path.c_str(), &file) != 0) return "";
  // 1: POSIX  ADVISORY  WRITE 4711 fe:00:131090 0 EOF
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() < 6) continue;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    unsigned long long inode = 0;
    if (std::sscanf(fields[5].c_str(), "%x:%x:%llu", &major_number, &minor_number, &inode) != 3) continue;
    if (inode != file.st_ino || makedev(major_number, minor_number) != file.st_dev) continue;
    std::string name;
    std::getline(std::ifstream(absl::StrCat("/proc/", fields[4], "/comm")), name);
    return absl::StrCat("process ", fields[4], name.empty() ? "" : absl::StrCat(" (", name, ")"));
  }
  return "";
}

absl::StatusOr<uint64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs disk = {};
  if (statvfs(path.c_str(), &disk) != 0) {
    return absl::InternalError(absl::StrCat("free space of ", path, ": ", std::strerror(errno)));
  }
  return static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

uint64_t OccupiedBytes(const std::string& dir) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    struct stat file = {};
    // Files come and go meanwhile.
    if (stat(entry.path().c_str(), &file) == 0) bytes += static_cast<uint64_t>(file.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace perdure::storage
