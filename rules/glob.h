// A text with wildcards as Sigma writes them: "*" is any run of characters,
// "?" exactly one character (one code point). Immutable; thread-safe.
//
// Matching takes no memory and does not backtrack over runs: the first place
// where a piece fits is as good as any later one.
#ifndef ODDVERB_RULES_GLOB_H_
#define ODDVERB_RULES_GLOB_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

class Glob {
 public:
  enum class PartKind : uint8_t { kText, kOne, kRun };
  struct Part {
    PartKind kind = PartKind::kText;
    std::string text = {};

    friend bool operator==(const Part&, const Part&) = default;
  };

  Glob() = default;
  explicit Glob(std::vector<Part> parts);
  // "\*" and "\?" are letters, "\\" is one backslash, any other backslash is
  // itself (as pySigma reads it).
  static Glob Parse(std::string_view text);
  static Glob Literal(std::string_view text);

  const std::vector<Part>& parts() const { return parts_; }
  bool HasWildcards() const;
  // The text between the wildcards where there is none inside of it.
  // REQUIRES: !HasWildcards().
  std::string Text() const;
  // What Parse() reads back.
  std::string ToString() const;
  // With case folded, to be matched against folded text.
  Glob Folded() const;
  // `before` and `after` around it.
  Glob Surrounded(bool run_before, bool run_after) const;
  // A text that everything it matches must hold: the longest one; may be empty.
  std::string_view LongestText() const;

  bool Matches(std::string_view text) const;

  friend bool operator==(const Glob&, const Glob&) = default;

 private:
  std::vector<Part> parts_;  // no two texts and no two runs side by side
};

// Appends what Parse() reads as these letters.
void AppendGlobEscaped(std::string_view text, std::string& out);

// Where `needle` first is in `text`; npos if nowhere. Linear.
size_t FindText(std::string_view text, std::string_view needle);

}  // namespace oddverb

#endif  // ODDVERB_RULES_GLOB_H_
