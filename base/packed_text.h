// Texts of audit events in fewer bytes, for state that is kept of each of many
// entities, on the disk or in memory: phrases that most clients and paths have
// in common take a byte, a UUID 17, an IPv4 address 5, a word that stood there
// before 3. Any bytes go in and come out again; what has nothing of all this
// becomes longer by a length, bytes above 127 take two.
//
// Pure functions and plain state; thread-safe as such.
#ifndef ODDVERB_BASE_PACKED_TEXT_H_
#define ODDVERB_BASE_PACKED_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/prefetch.h"
#include "base/state_io.h"

namespace oddverb {

void PutPackedText(std::string_view text, StateWriter& out);
// Fails like a damaged byte for what PutPackedText() did not write, or a text
// of more than `max_bytes`.
std::string GetPackedText(StateReader& in, size_t max_bytes);

// A text that is seldom read. A pointer, and its packed bytes.
class PackedText {
 public:
  static constexpr size_t kMaxBytes = 4096;  // of the text

  PackedText() = default;
  // Cuts `text` to kMaxBytes.
  explicit PackedText(std::string_view text) { Append(text); }
  std::string Text() const;
  // Hints the cache that the others will be asked soon.
  void Prefetch() const { PrefetchLine(block_.get()); }
  size_t text_size() const { return head().text_size; }  // in bytes
  // Cuts `more`, so that the text takes kMaxBytes at most. A phrase that only
  // the two together have takes its bytes.
  void Append(std::string_view more);

  // For a checkpoint as PutPackedText() does; what rests is for Load() alone.
  void Save(StateWriter& out) const;
  // Empty if it fails, as GetPackedText() does. REQUIRES: max_bytes <=
  // kMaxBytes.
  void Load(StateReader& in, size_t max_bytes);

 private:
  // Before the bytes.
  struct Head {
    uint16_t text_size = 0;
    uint16_t size = 0;  // of the bytes
  };

  Head head() const;
  std::string_view bytes() const;
  // `first` may be the bytes that it has.
  void SetBytes(size_t text_size, std::string_view first,
                std::string_view then);

  std::unique_ptr<char[]> block_;  // null: no text
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_PACKED_TEXT_H_
