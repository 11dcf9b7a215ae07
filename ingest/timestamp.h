// Reads the timestamps of audit events: metav1.MicroTime, RFC 3339 with six
// decimals in UTC ("2026-11-23T23:33:15.363366Z"), quickly; any other RFC 3339
// form by Abseil. One thread: it remembers the last day.
#ifndef ODDVERB_INGEST_TIMESTAMP_H_
#define ODDVERB_INGEST_TIMESTAMP_H_

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

class TimestampReader {
 public:
  // InfinitePast() where `text` is no time between the years 1 and 9999.
  absl::Time Read(std::string_view text);

 private:
  bool ReadMicroTime(const char* text, absl::Time& out);
  bool UpdateDay(const char* date);

  char day_text_[16] = {};         // "2026-11-23T", its padding zero
  int64_t day_start_seconds_ = 0;  // since the Unix epoch
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_TIMESTAMP_H_
