// Some texts that are seldom read, in one block of memory: those of a piece of
// evidence, for state that is kept of each of many entities. Pure functions.
#ifndef ODDVERB_BASE_PACKED_TEXTS_H_
#define ODDVERB_BASE_PACKED_TEXTS_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/packed_text.h"

namespace oddverb {

// As one, each with its length before it: what they have in common takes its
// bytes once. Beyond PackedText::kMaxBytes they are cut.
PackedText PackTexts(std::initializer_list<std::string_view> texts);
// Those texts; whatever else `packed` holds, some texts that are no longer.
std::vector<std::string> UnpackTexts(const PackedText& packed);

}  // namespace oddverb

#endif  // ODDVERB_BASE_PACKED_TEXTS_H_
