// Finds the end of a JSON document that spans several lines, by counting
// brackets outside of strings. It does not validate: it only has to end each
// record where a valid one would end, and to notice when the text cannot be
// one document any more. One thread; bounded memory; no recursion.
#ifndef ODDVERB_INGEST_DOCUMENT_SCANNER_H_
#define ODDVERB_INGEST_DOCUMENT_SCANNER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace oddverb {

class DocumentScanner {
 public:
  enum class Verdict : uint8_t {
    kInside,    // all scanned, the document goes on
    kComplete,  // it ends before byte `scanned`
    kBroken,    // no one document holds the byte at `scanned`
  };
  struct Result {
    Verdict verdict = Verdict::kInside;
    size_t scanned = 0;  // of the bytes given to this call
  };

  // Forgets everything; the next byte scanned starts a document.
  void Restart();
  // Goes on behind the bytes of the calls before. REQUIRES: Restart() after
  // kComplete and kBroken.
  Result Scan(std::string_view bytes);

 private:
  // Go's encoder gives up at 10,000 levels; real audit events have about 30.
  static constexpr size_t kMaxDepth = 10'000;

  enum class Step : uint8_t { kNext, kComplete, kBroken };
  Step ScanOutside(char c);
  bool ObjectMayStart() const;

  std::string open_brackets_;
  bool in_string_ = false;
  bool escaped_ = false;
  bool at_line_start_ = false;
  char last_token_ = '\0';  // the last byte outside of strings but blanks
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_DOCUMENT_SCANNER_H_
