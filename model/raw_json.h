// A JSON value as raw bytes inside of an EventBatch, walked on demand.
// Borrows; the padding of its batch is readable behind it.
#ifndef ODDVERB_MODEL_RAW_JSON_H_
#define ODDVERB_MODEL_RAW_JSON_H_

#include <string_view>

namespace oddverb {

struct RawJson {
  std::string_view text;  // empty = absent

  bool present() const { return !text.empty(); }
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_RAW_JSON_H_
