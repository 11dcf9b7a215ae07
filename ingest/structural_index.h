// Stage 1 of simdjson: where the structural characters of JSON bytes are.
//
// The index holds, in order, the positions of { } [ ] : , outside of strings,
// of each string's opening quote, and of each other scalar's first byte. Many
// documents may stand in the bytes, apart by white space. simdjson chooses the
// code for the machine at run time; it validates UTF-8 and refuses control
// characters in strings on the way. One thread.
#ifndef ODDVERB_INGEST_STRUCTURAL_INDEX_H_
#define ODDVERB_INGEST_STRUCTURAL_INDEX_H_

#include <cstdint>
#include <memory>
#include <string_view>

namespace oddverb {

class StructuralIndex {
 public:
  StructuralIndex();
  ~StructuralIndex();
  StructuralIndex(const StructuralIndex&) = delete;
  StructuralIndex& operator=(const StructuralIndex&) = delete;

  // False if the bytes as a whole are no text of JSON tokens: a string is not
  // closed, a string holds a control character, or the UTF-8 is bad. Forgets
  // the last index in any case. REQUIRES: fewer than 4 GiB.
  bool Build(std::string_view bytes);

  // The positions. kSentinels entries behind the last hold bytes.size(), so
  // that a walk which checks each position against its limit needs no other
  // bound. Valid until the next Build() or ReleaseExcess().
  static constexpr uint32_t kSentinels = 8;
  const uint32_t* begin() const { return begin_; }
  uint32_t size() const { return size_; }

  // Gives memory back that only an unusually large input needed.
  void ReleaseExcess();

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
  const uint32_t* begin_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_STRUCTURAL_INDEX_H_
