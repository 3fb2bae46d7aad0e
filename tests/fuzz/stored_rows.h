// StoredRows (inputs.proto) to the rows of a store, and back.
#ifndef PERDURE_TESTS_FUZZ_STORED_ROWS_H_
#define PERDURE_TESTS_FUZZ_STORED_ROWS_H_

#include "storage/store.h"
#include "tests/fuzz/inputs.pb.h"

namespace perdure::fuzz {

// Of partition 0. Later rows take the place of earlier ones.
void WriteRows(const StoredRows& rows, storage::Store& store);

// All that lies in the store.
StoredRows ReadRows(const storage::ReadView& store);

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_STORED_ROWS_H_
