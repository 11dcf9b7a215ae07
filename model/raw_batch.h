// Whole records as a source read them: owned padded bytes, one span and one
// Position for each record. One thread at a time; handed on by unique_ptr.
#ifndef ODDVERB_MODEL_RAW_BATCH_H_
#define ODDVERB_MODEL_RAW_BATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/padded_buffer.h"
#include "model/position.h"

namespace oddverb {

// A record inside RawBatch::bytes, without its line end.
struct RecordSpan {
  uint32_t offset = 0;
  uint32_t length = 0;
};

// Why a record could not be judged. The metric label is RejectReasonName().
enum class RejectReason : uint8_t {
  kNotJson,        // no JSON object where one should be
  kTorn,           // ends inside of the object, or has another glued to it
  kNotAuditEvent,  // an object, but of another kind
  kOversized,      // longer than max_record_bytes
  kUnreadable,     // the source failed (read error, damaged compression)
  kLost,           // a file was deleted before it was read to its end
  kEmptied,        // a file was cut short or written anew in place
  kCopyTruncated,  // emptied in place too, but a copy of it was there to read
  kExpired,        // messages of a topic were deleted before they were read
  kReplaced,       // a topic was deleted, and made anew under its name
  kCount,
};
const char* RejectReasonName(RejectReason reason);
// Whether one record was at fault; else a part of the input was not there to be
// read, and nobody knows how many records that were.
bool IsOfRecord(RejectReason reason);

// A record that nobody will judge: counted, and kept in the dead letter.
struct Rejected {
  Position position;
  RejectReason reason = RejectReason::kNotJson;
  std::string detail;  // for people: what is wrong, at which byte
  std::string sample;  // the first bytes, at most kSampleBytes, unescaped
  uint64_t record_bytes = 0;

  static constexpr size_t kSampleBytes = 512;
};

struct RawBatch {
  static constexpr size_t kTargetBytes = 256 * 1024;

  std::unique_ptr<PaddedBuffer> bytes = std::make_unique<PaddedBuffer>();
  std::vector<RecordSpan> records;
  std::vector<Position> positions;  // parallel to `records`
  std::vector<Rejected> rejected;   // what the source itself had to skip
  uint64_t source_bytes = 0;        // decompressed bytes this batch stands for
  // Where to go on behind this batch, in the source's own words, for
  // Source::Resume() after a restart. Empty: as before, or the source keeps no
  // place.
  std::string bookmark;
  // The source has more, or may have: its silence is a peer that is away or
  // slow, not an input in which nothing happens.
  bool expects_more = false;

  bool empty() const { return records.empty() && rejected.empty(); }
  // For reuse; keeps the capacity.
  void Clear();
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_RAW_BATCH_H_
