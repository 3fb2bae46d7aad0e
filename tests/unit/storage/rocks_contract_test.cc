// The RocksDB store keeps the contract.
#include "rocks_fixture.h"
#include "store_contract.h"

namespace perdure::storage {
namespace {

class Rocks : public StoreUnderTest {
 public:
  Rocks() : store_(OpenStore(SmallStore(dir_.path()))) {}
  Store& store() override { return *store_; }
  void Reopen() override {
    store_.reset();
    store_ = OpenStore(SmallStore(dir_.path()));
  }

 private:
  const TempDir dir_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Rocks, StoreContract,
                         testing::Values(StoreKind{"Rocks", [] { return std::make_unique<Rocks>(); }}));

}  // namespace
}  // namespace perdure::storage
