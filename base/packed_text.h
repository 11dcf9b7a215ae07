// Texts of audit events in fewer bytes, for state that is kept of each of many
// entities: phrases that most clients and paths have in common take a byte, a
// UUID takes 17. Any bytes go in and come out again; what has no such phrases
// becomes longer by a length, bytes above 127 take two.
//
// The phrases are part of the format of saved state: new ones go to the end,
// and none ever goes. Pure functions; thread-safe.
#ifndef ODDVERB_BASE_PACKED_TEXT_H_
#define ODDVERB_BASE_PACKED_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/state_io.h"

namespace oddverb {

void PutPackedText(std::string_view text, StateWriter& out);
// Fails like a damaged byte for what PutPackedText() did not write, or a text
// of more than `max_bytes`.
std::string GetPackedText(StateReader& in, size_t max_bytes);

}  // namespace oddverb

#endif  // ODDVERB_BASE_PACKED_TEXT_H_
