#include "tests/support/tail_reading.h"

#include <utility>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {

TailOptions TailOptionsFor(const std::string& path) {
  TailOptions options;
  options.path = path;
  options.source_index = 4;
  options.poll_interval = absl::ZeroDuration();
  return options;
}

std::string TailReading::last_bookmark() const {
  return bookmarks.empty() ? "" : bookmarks.back();
}

bool ReadOnce(TailSource& source, TailReading& reading) {
  RawBatch batch;
  EXPECT_THAT(source.Read(absl::InfinitePast(), batch), IsOk());
  EXPECT_EQ(batch.records.size(), batch.positions.size());
  for (size_t i = 0; i < batch.records.size(); ++i) {
    const RecordSpan& span = batch.records[i];
    reading.records.emplace_back(
        batch.bytes->view().substr(span.offset, span.length));
    reading.positions.push_back(batch.positions[i]);
  }
  bool something = !batch.empty() || !batch.bookmark.empty();
  // A record that is handed on twice after a restart would go unnoticed if
  // its batch had no bookmark.
  EXPECT_TRUE(batch.records.empty() || !batch.bookmark.empty());
  for (Rejected& rejected : batch.rejected) {
    reading.rejected.push_back(std::move(rejected));
  }
  if (!batch.bookmark.empty()) {
    reading.bookmarks.push_back(batch.bookmark);
    reading.records_before.push_back(reading.records.size());
  }
  reading.source_bytes += batch.source_bytes;
  return something;
}

void ReadAllThereIs(TailSource& source, TailReading& reading) {
  constexpr int kQuietReads = 4;
  for (int quiet = 0; quiet < kQuietReads;) {
    quiet = ReadOnce(source, reading) ? 0 : quiet + 1;
  }
}

TailReading ReadAfter(const TailOptions& options, const std::string& bookmark) {
  TailSource source(options);
  EXPECT_THAT(source.Resume(bookmark), IsOk());
  TailReading reading;
  ReadAllThereIs(source, reading);
  return reading;
}

}  // namespace oddverb
