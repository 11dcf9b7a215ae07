// Drives a TailSource in tests, without waiting for anything.
#ifndef ODDVERB_TESTS_SUPPORT_TAIL_READING_H_
#define ODDVERB_TESTS_SUPPORT_TAIL_READING_H_

#include <string>
#include <vector>

#include "ingest/tail_source.h"

namespace oddverb {

// For a source whose poll_interval is zero: each Read() looks at the folder,
// and a file is quiet when two looks agree.
TailOptions TailOptionsFor(const std::string& path);

struct TailReading {
  std::vector<std::string> records;
  std::vector<Position> positions;
  std::vector<Rejected> rejected;
  std::vector<std::string> bookmarks;  // of the batches that had one
  std::vector<size_t> records_before;  // records up to that bookmark
  uint64_t source_bytes = 0;

  // Empty before the first.
  std::string last_bookmark() const;
};

// Reads one batch. False: nothing came, not even a bookmark.
bool ReadOnce(TailSource& source, TailReading& reading);

// Until nothing comes any more.
void ReadAllThereIs(TailSource& source, TailReading& reading);

// A new source from a bookmark ("" = none), read until nothing comes.
TailReading ReadAfter(const TailOptions& options, const std::string& bookmark);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_TAIL_READING_H_
