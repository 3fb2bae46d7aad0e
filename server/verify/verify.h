// The invariants of the stored rows, all in one place, and a check of every one of them.
//
// They hold at every commit, so whenever the process may die; what is legitimately behind until the next
// checkpoint (heads and timer rows of runs that the dirty journal names, expiry rows of runs that it names as
// closed) is taken into account.
//
//   store      a format record; an epoch past every delivery in the histories; readable session rows; no key
//              that no server writes
//   history    contiguous from event 1, readable, foldable, and as the engine writes it (history_rules.h)
//   head       of an open run; says what the fold says at its `through`; its timer row is there
//   notes      of pending tasks, or of the activation, of an open run
//   timer row  its run's head tells of it
//   list row   one for each run, saying what the history says
//   id row     one for each workflow id; leads to the latest run; remembers starts that were
//   ready row  of a run that is there
//   open run   something on disk leads back to it: the journal names it, or its timer row wakes it and its
//              ready rows hand out all that is to be handed out; nothing will delete it
//   closed run only log and list row; the journal or an expiry row names it, with its time
//   journal    readable; every run number given out is below its next_run
//
// Reads only. Memory: one run's history, the journal, and a window of rows that name runs (mentions.h). One
// thread; `view` must not change meanwhile.
#ifndef PERDURE_SERVER_VERIFY_VERIFY_H_
#define PERDURE_SERVER_VERIFY_VERIFY_H_

#include <cstddef>
#include <cstdint>

#include "server/verify/problem.h"
#include "storage/format.h"
#include "storage/store.h"

namespace perdure::verify {

struct VerifyOptions {
  // The server's limit of that name; 0: not known. Then a head may have forgotten the oldest request ids.
  int64_t request_ids_per_run_max = 0;
  // Rows that name runs held in memory at a time, of each kind.
  size_t mentions_max = 1'000'000;
};

// Checks all rows of a store of that format.
void VerifyStore(const storage::ReadView& view, const storage::Format& format, const VerifyOptions& options,
                 Findings& findings);

// Checks the rows of one partition. `partitions`: how many there are; 0: not known.
void VerifyPartition(const storage::ReadView& view, uint32_t partition, uint32_t partitions,
                     const VerifyOptions& options, Findings& findings);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_VERIFY_H_
