// What can be done for a record that is not clean JSON: bad bytes are
// replaced, and an event glued to a torn one is found. Linear in the record;
// the slow path, never taken for what an API server wrote undisturbed.
// Pure functions.
#ifndef ODDVERB_INGEST_RECORD_REPAIR_H_
#define ODDVERB_INGEST_RECORD_REPAIR_H_

#include <string_view>
#include <vector>

#include "base/arena.h"

namespace oddverb {

// Without white space, NUL bytes (file systems leave them after a crash) and a
// byte order mark at its ends.
std::string_view TrimRecord(std::string_view text);

struct RepairedRecord {
  std::string_view text;       // in the arena, with readable padding behind it
  bool replaced = false;       // bytes were replaced
  bool closed_string = false;  // the text ended inside of a string: the last
                               // byte is the quote that was added
};
// Bytes that are no UTF-8 become U+FFFD each, control characters in strings
// become escapes or blanks, NUL and other control characters elsewhere blanks.
// At most 3 times as long.
RepairedRecord RepairRecord(std::string_view text,
                            Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

// The whole events at the end of `torn`, in order, which begins with something
// that is no whole JSON value: a writer was stopped in the middle of an event,
// and the next events follow on the same line.
//
// Taken is only what begins as the API server begins an event, and what cannot
// be a value inside of the torn event: its bodies are written by clients, and
// a cut at the right place would turn a body into a forged event.
std::vector<std::string_view> FindGluedEvents(std::string_view torn);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_RECORD_REPAIR_H_
