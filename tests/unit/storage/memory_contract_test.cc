// The in-memory store keeps the contract.
#include "storage/memory_store.h"
#include "store_contract.h"

namespace perdure::storage {
namespace {

class Memory : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  void Reopen() override { store_.Reopen(); }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values(StoreKind{"Memory", [] { return std::make_unique<Memory>(); }}));

}  // namespace
}  // namespace perdure::storage
