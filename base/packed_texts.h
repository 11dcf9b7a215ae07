// Some texts that are seldom read, in one block of memory: those of a piece of
// evidence, for state that is kept of each of many entities. Pure functions.
#ifndef ODDVERB_BASE_PACKED_TEXTS_H_
#define ODDVERB_BASE_PACKED_TEXTS_H_

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/packed_text.h"
#include "base/state_io.h"

namespace oddverb {

// As one, each with its length before it: what they have in common takes its
// bytes once. Beyond PackedText::kMaxBytes they are cut.
PackedText PackTexts(std::span<const std::string_view> texts);
inline PackedText PackTexts(std::initializer_list<std::string_view> texts) {
  return PackTexts(std::span(texts.begin(), texts.size()));
}
// The first kCount of those texts; what is not there is empty. Of whatever else
// `packed` holds, some texts that are no longer.
template <size_t kCount>
std::array<std::string, kCount> UnpackTexts(const PackedText& packed) {
  const std::string joined = packed.Text();
  StateReader in(joined);
  std::array<std::string, kCount> texts;
  for (std::string& text : texts) {
    if (!in.AtEnd()) text = in.GetString();
  }
  return texts;
}

}  // namespace oddverb

#endif  // ODDVERB_BASE_PACKED_TEXTS_H_
