// The stage time of a record as text, without parsing the record: merging
// needs it before a decoder has seen the bytes.
#ifndef ODDVERB_INGEST_STAGE_TIME_H_
#define ODDVERB_INGEST_STAGE_TIME_H_

#include <string_view>

#include "absl/time/time.h"
#include "ingest/timestamp.h"

namespace oddverb {

// Value of the last "stageTimestamp" key in `record`; where there is none, of
// the last one inside of an escaped string (envelopes hold events as text).
// InfinitePast(): no such key, or no time. Text inside of JSON strings cannot
// pass for the plain key, because its quotes are escaped.
absl::Time PeekStageTime(std::string_view record, TimestampReader& reader);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_STAGE_TIME_H_
