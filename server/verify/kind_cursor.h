// Walks the rows of one kind that are sorted by run. Keys that cannot be parsed are reported and left out.
#ifndef PERDURE_SERVER_VERIFY_KIND_CURSOR_H_
#define PERDURE_SERVER_VERIFY_KIND_CURSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/verify/scope.h"
#include "storage/keyspace.h"
#include "storage/store.h"

namespace perdure::verify {

// Not thread-safe. Must not outlive the scope.
class KindCursor {
 public:
  // kLog, kHead or kNote.
  KindCursor(Scope& scope, storage::KeyKind kind);

  // The run of the present row; UINT64_MAX: there is none.
  uint64_t run() const { return run_; }
  std::string_view key() const { return it_->key(); }
  std::string_view value() const { return it_->value(); }
  void Next();

 private:
  void Read();

  Scope& scope_;
  const storage::KeyKind kind_;
  std::unique_ptr<storage::Iterator> it_;
  uint64_t run_ = UINT64_MAX;
  std::string last_key_;
};

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_KIND_CURSOR_H_
