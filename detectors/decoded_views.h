// What a text says once its encodings are undone: the text itself and every
// further view of it, each with the chain of layers that led there.
//
// Bounded in depth, candidates and produced bytes: the text is an attacker's.
// Owns its texts. One thread.
#ifndef ODDVERB_DETECTORS_DECODED_VIEWS_H_
#define ODDVERB_DETECTORS_DECODED_VIEWS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/fold_budget.h"
#include "detectors/shell_filters.h"

namespace oddverb {

enum class DecodeLayer : uint8_t {
  kTransport,  // the text as the request meant it: no disguise
  kPercent,    // %XX once more
  kBase64,     // base64 or base64url, of UTF-8 or UTF-16LE
  kHex,        // a run of hexadecimal digits
  kGzip,       // what base64 or hexadecimal digits held
  kEscapes,    // \x31, \061, \u0031 as shells and languages write them
  kReversed,   // what `rev` makes of it
  kUnicode,    // digits and dots of other scripts, as IDNA reads them
  kShell,      // constants that a shell or a language computes
};
std::string_view DecodeLayerName(DecodeLayer layer);

struct DecodedView {
  std::string text;
  DecodeLayer layer = DecodeLayer::kTransport;
  size_t parent = 0;  // its index; the first view is its own parent
  int depth = 0;      // layers beneath the transport's
};

class DecodedViews {
 public:
  struct Limits {
    size_t produced_bytes = 256 * 1024;  // beyond the first view
    int depth = 3;
    size_t candidates = 64;  // pieces that decoding is tried on
    size_t fold_work = FoldBudget::kDefaultWork;
    // Of texts that decoding looks through, however little comes of it.
    size_t scanned_bytes = 4 * 1024 * 1024;
  };

  // `command`: the arguments that `text` consists of, if a program reads it;
  // it is not kept.
  DecodedViews(std::string text, const Limits& limits,
               const ShellWords* command = nullptr);

  // Parents before their children.
  const std::vector<DecodedView>& views() const { return views_; }
  // A limit was hit: there may be more to read.
  bool exhausted() const { return too_large_ || exhausted_ || fold_.exhausted; }
  // It was a limit of what is undone: honest texts are not wrapped so often,
  // nor computed from so much. Not those of loops, which honest commands run
  // without end.
  bool is_cut_short() const { return exhausted_ || fold_.work == 0; }
  // It was a limit of how much text is looked at.
  bool is_too_large() const { return too_large_; }
  // The view of the commands that `command` runs, if all of it could be read as
  // a shell reads it: nothing else of it is run. Null otherwise.
  const DecodedView* whole_command() const {
    return whole_command_ ? &views_[*whole_command_] : nullptr;
  }
  // What is left for a further text of the same event.
  Limits left() const;
  // The views from the first down to `index`.
  std::vector<const DecodedView*> Chain(size_t index) const;

 private:
  void NoteDeeperLayers(size_t parent);
  void AddPercentView(size_t parent);
  // Of each run of `least` digits and more; `decode` gives its bytes, or none.
  template <typename IsDigit, typename Decode>
  void AddRunViews(size_t parent, DecodeLayer layer, size_t least,
                   IsDigit is_digit, Decode decode);
  void AddBase64Views(size_t parent);
  void AddHexViews(size_t parent);
  void AddEscapesView(size_t parent);
  void AddReversedView(size_t parent);
  void AddUnicodeView(size_t parent);
  void AddCommandView(const ShellWords& command);
  void AddScriptView(size_t parent);
  // What base64 or hexadecimal digits held: text, or gzip of it. False once
  // there may be no further candidates.
  bool AddBytes(size_t parent, DecodeLayer layer, std::string bytes);
  bool IsKnown(std::string_view text) const;
  void AddView(size_t parent, DecodeLayer layer, std::string text);
  bool TakeCandidate();

  Limits limits_;
  FoldBudget fold_;
  bool is_command_ = false;
  std::optional<size_t> whole_command_;  // index of the view
  size_t candidates_ = 0;
  size_t unzips_ = 0;
  size_t produced_bytes_ = 0;
  size_t scanned_bytes_ = 0;
  bool exhausted_ = false;
  bool too_large_ = false;
  bool is_too_deep_ = false;  // what is found now is only noted
  std::vector<DecodedView> views_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_DECODED_VIEWS_H_
