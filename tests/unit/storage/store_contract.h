// The contract of Store as tests: what every store must do. Each store's own test file says how one is made.
#ifndef PERDURE_TESTS_UNIT_STORAGE_STORE_CONTRACT_H_
#define PERDURE_TESTS_UNIT_STORAGE_STORE_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/store.h"

namespace perdure::storage {

// A store under test and how to close and open it again.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  // As if the process had ended in an orderly way and started again. No iterator or snapshot may be open.
  virtual void Reopen() = 0;
};

struct StoreKind {
  const char* name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  using Rows = std::vector<std::pair<std::string, std::string>>;

  StoreContract() : under_test_(GetParam().make()) {}

  Store& store() { return under_test_->store(); }
  void Reopen() { under_test_->Reopen(); }

  void Put(std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(store().Commit({&batch}).ok());
  }
  void Delete(std::string_view key) {
    Batch batch;
    batch.Delete(key);
    ASSERT_TRUE(store().Commit({&batch}).ok());
  }
  // Puts each letter under itself.
  void PutLetters(std::string_view letters) {
    Batch batch;
    for (const char& c : letters) batch.Put({&c, 1}, {&c, 1});
    ASSERT_TRUE(store().Commit({&batch}).ok());
  }

  // The value, "(absent)", or the error.
  static std::string Read(const ReadView& view, std::string_view key) {
    const absl::StatusOr<std::string> value = view.Get(key);
    if (value.ok()) return *value;
    return absl::IsNotFound(value.status()) ? "(absent)" : value.status().ToString();
  }
  static Rows Collect(std::unique_ptr<Iterator> it) {
    Rows rows;
    for (; it->Valid(); it->Next()) rows.emplace_back(it->key(), it->value());
    EXPECT_TRUE(it->status().ok()) << it->status();
    return rows;
  }
  // The keys of a scan, one after another.
  static std::string Keys(std::unique_ptr<Iterator> it) {
    std::string keys;
    for (const auto& row : Collect(std::move(it))) keys += row.first;
    return keys;
  }

 private:
  const std::unique_ptr<StoreUnderTest> under_test_;
};

}  // namespace perdure::storage

#endif  // PERDURE_TESTS_UNIT_STORAGE_STORE_CONTRACT_H_
