// Where a record came from: enough to name it to a person and to seek back.
#ifndef ODDVERB_MODEL_POSITION_H_
#define ODDVERB_MODEL_POSITION_H_

#include <cstdint>

namespace oddverb {

struct Position {
  uint32_t source = 0;  // index of the source in the pipeline
  uint32_t stream = 0;  // file (or partition) within the source
  uint64_t offset = 0;  // decompressed byte offset of the record's first byte
  uint64_t line = 0;    // 1-based; 0 where the source has no lines

  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_POSITION_H_
