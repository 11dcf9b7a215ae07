#include "base/packed_texts.h"

namespace oddverb {

PackedText PackTexts(std::span<const std::string_view> texts) {
  StateWriter joined;
  for (std::string_view text : texts) joined.PutString(text);
  return PackedText(joined.bytes());
}

}  // namespace oddverb
