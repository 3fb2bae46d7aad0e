// The prefix extractor. Its name is stored with each file: change it whenever what it says changes.
#include "storage/rocks_prefix.h"

#include "storage/keyspace.h"

namespace perdure::storage {
namespace {

constexpr size_t kPrefixBytes = 2 + 1 + 8;
constexpr size_t kKindBytes = 2 + 1;
constexpr size_t kLogKeyBytes = kPrefixBytes + 8;

bool HasPrefix(std::string_view key) {
  const std::optional<KeyKind> kind = KindOf(key);
  return (kind == KeyKind::kLog || kind == KeyKind::kNote) && key.size() >= kPrefixBytes;
}

class RunPrefix : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "perdure.RunPrefix.1"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), kPrefixBytes}; }
  bool InDomain(const rocksdb::Slice& key) const override { return HasPrefix({key.data(), key.size()}); }
};

class InsertHint : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "perdure.InsertHint.1"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), kKindBytes}; }
  bool InDomain(const rocksdb::Slice& key) const override { return HasInsertHint({key.data(), key.size()}); }
};

}  // namespace

bool HasInsertHint(std::string_view key) {
  return key.size() == kLogKeyBytes && KindOf(key) == KeyKind::kLog;
}

std::shared_ptr<const rocksdb::SliceTransform> NewInsertHint() { return std::make_shared<InsertHint>(); }

std::shared_ptr<const rocksdb::SliceTransform> NewRunPrefix() { return std::make_shared<RunPrefix>(); }

bool WithinOneRun(std::string_view begin, std::string_view end) {
  if (!HasPrefix(begin)) return false;
  Key prefix;
  prefix.Rest(begin.substr(0, kPrefixBytes));
  return end <= prefix.Successor().view();
}

}  // namespace perdure::storage
