// Frames text into a RawBatch, as a source would.
#ifndef ODDVERB_TESTS_SUPPORT_RAW_BATCHES_H_
#define ODDVERB_TESTS_SUPPORT_RAW_BATCHES_H_

#include <cstdint>
#include <string_view>

#include "model/raw_batch.h"

namespace oddverb {

// Appends one record without a line end, and a newline behind it.
inline void AppendRecord(std::string_view record, RawBatch& batch) {
  uint64_t offset = batch.bytes->size();
  batch.records.push_back(
      {static_cast<uint32_t>(offset), static_cast<uint32_t>(record.size())});
  batch.positions.push_back(
      {.source = 1, .offset = offset, .line = batch.positions.size() + 1});
  batch.bytes->Append(record);
  batch.bytes->Append("\n");
  batch.source_bytes = batch.bytes->size();
}

// One record for each line; the last need not end in a newline. Line numbers
// are those of the text, blank lines make no record.
inline RawBatch FrameLines(std::string_view text) {
  RawBatch batch;
  uint64_t line = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view record = text.substr(0, end);
    ++line;
    if (!record.empty()) {
      AppendRecord(record, batch);
      batch.positions.back().line = line;
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return batch;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RAW_BATCHES_H_
