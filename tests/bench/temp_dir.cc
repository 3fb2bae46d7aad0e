#include "tests/bench/temp_dir.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr long kXfsMagic = 0x58465342;
constexpr long kZfsMagic = 0x2fc12fc1;

bool InMemory(const std::string& path) {
  const std::string type = FileSystemOf(path);
  return type == "tmpfs" || type == "ramfs";
}

}  // namespace

std::string FileSystemOf(const std::string& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) != 0) return "unknown";
  switch (info.f_type) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case TMPFS_MAGIC:
      return "tmpfs";
    case RAMFS_MAGIC:
      return "ramfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case kXfsMagic:
      return "xfs";
    case kZfsMagic:
      return "zfs";
    default:
      return std::to_string(info.f_type);
  }
}

std::string TempBase(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  const char* variable = std::getenv("TMPDIR");
  if (variable != nullptr && *variable != '\0' && !InMemory(variable)) return variable;
  return std::filesystem::current_path();
}

TempDir::TempDir(const std::string& base) : path_(base + "/perdure-bench-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) {
    throw BenchError("cannot make a directory in " + base + ": " + std::strerror(errno));
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace perdure::bench
