#include "base/packed_texts.h"

#include "base/state_io.h"

namespace oddverb {

PackedText PackTexts(std::initializer_list<std::string_view> texts) {
  StateWriter joined;
  for (std::string_view text : texts) joined.PutString(text);
  return PackedText(joined.bytes());
}

std::vector<std::string> UnpackTexts(const PackedText& packed) {
  const std::string joined = packed.Text();
  StateReader in(joined);
  std::vector<std::string> texts;
  while (in.status().ok() && !in.AtEnd()) texts.emplace_back(in.GetString());
  return texts;
}

}  // namespace oddverb
