// Rows that name runs but are not sorted by run: ready rows, and those that say when a closed run is to be
// deleted. They are held for as many runs at a time as fit, so that memory stays bounded however many there
// are; the walk over the runs goes window by window.
//
//   MentionWindow window(rows_max);
//   window.Begin(first_run);
//   for (each row) window.Add(...);
//   window.Seal();
//   window.Of(run)                    // complete for the runs of [first_run, window.end())
#ifndef PERDURE_SERVER_VERIFY_MENTIONS_H_
#define PERDURE_SERVER_VERIFY_MENTIONS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace perdure::verify {

struct Mention {
  uint64_t run = 0;
  // The item that is ready (its seq), or when the run expires.
  uint64_t what = 0;
  // A hash of the queue's or the namespace's name.
  size_t name = 0;
  // Where in the store: the time in the expiry row's key, or the commit of a row of the dirty journal.
  uint64_t at = 0;
  bool in_journal = false;

  friend auto operator<=>(const Mention&, const Mention&) = default;
};

// Not thread-safe.
class MentionWindow {
 public:
  // Holds about so many mentions, twice as many while it fills; more if a single run has more.
  explicit MentionWindow(size_t rows_max) : rows_max_(rows_max) {}

  void Begin(uint64_t first_run);
  void Add(const Mention& mention);
  void Seal();

  // The first run past the window; UINT64_MAX: nothing was left out.
  uint64_t end() const { return end_; }
  // In order of run; after Seal.
  std::span<const Mention> all() const { return mentions_; }
  std::span<const Mention> Of(uint64_t run) const;

 private:
  void Trim();

  const size_t rows_max_;
  uint64_t first_ = 0;
  uint64_t end_ = UINT64_MAX;
  size_t trim_at_ = 0;
  std::vector<Mention> mentions_;
};

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_MENTIONS_H_
