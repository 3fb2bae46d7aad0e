// Write beside, rename into place.
#include "server/ops/ready_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"
#include "server/base/version.h"

namespace perdure::ops {
namespace {

void AppendField(std::string& out, std::string_view key, std::string_view value) {
  out += ',';
  base::AppendJsonString(out, key);
  out += ':';
  base::AppendJsonString(out, value);
}

absl::Status Failed(const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot write the ready file ", path, ": ", std::strerror(error)));
}

}  // namespace

absl::Status WriteReadyFile(const std::string& path, const ReadyInfo& info) {
  std::string json = absl::StrCat("{\"pid\":", getpid());
  AppendField(json, "listen", info.listen);
  AppendField(json, "http_listen", info.http_listen);
  AppendField(json, "data_dir", info.data_dir);
  AppendField(json, "version", base::Version());
  json += "}\n";
  const std::string beside = absl::StrCat(path, ".", getpid(), ".tmp");
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << json << std::flush;
    if (!out) return Failed(path, errno);
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(beside.c_str());
    return Failed(path, error);
  }
  return absl::OkStatus();
}

}  // namespace perdure::ops
