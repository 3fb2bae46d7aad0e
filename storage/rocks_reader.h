// RocksReader: a data directory at rest, for reading only. Nothing on the disk is made, changed or deleted.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<RocksReader> store, RocksReader::Open("/var/lib/perdure"));
//   ASSIGN_OR_RETURN(const Format format, ReadFormat(*store));
#ifndef PERDURE_STORAGE_ROCKS_READER_H_
#define PERDURE_STORAGE_ROCKS_READER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"

namespace perdure::storage {

class RocksReader : public ReadView {
 public:
  // Holds a shared lock meanwhile: no daemon can open the directory, others may read it. What the log holds
  // and no table does yet is read into memory: as much as memtables take.
  //
  // InvalidArgument: there is no such directory, or it holds no store. PermissionDenied: it cannot be read.
  // FailedPrecondition: a process has it open; the message names it and the LOCK file. DataLoss: acknowledged
  // commits are missing or unreadable.
  static absl::StatusOr<std::unique_ptr<RocksReader>> Open(const std::string& data_dir);

  // Reads every block of every table and compares it with its checksum. DataLoss names the first file and
  // block that do not match. (Each read compares the checksums of the blocks it needs, too.)
  virtual absl::Status VerifyChecksums() const = 0;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_READER_H_
