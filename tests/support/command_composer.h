// Composes commands that reach a host in a roundabout way, as people who hide
// do: spellings of the host, quoting, variables, substitutions, encodings, one-
// liners of Python and Perl; and commands that only mention a target, or reach
// something else. Deterministic by its seed. Shares nothing with the detectors.
#ifndef ODDVERB_TESTS_SUPPORT_COMMAND_COMPOSER_H_
#define ODDVERB_TESTS_SUPPORT_COMMAND_COMPOSER_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace oddverb {

struct ComposedCommand {
  std::vector<std::string> words;
  std::string target;  // as CommandLab::PlainHost() gives it
  std::string form;    // what it is made of, for reports
};

class CommandComposer {
 public:
  struct Languages {
    bool python = true;
    bool perl = true;
  };
  CommandComposer(uint64_t seed, const Languages& languages)
      : random_(seed), languages_(languages) {}

  ComposedCommand Attack();
  // Reaches another host in the same ways, or mentions a target.
  ComposedCommand Honest();

  // Every target it knows.
  static const std::vector<std::string>& Targets();

 private:
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool Chance(size_t percent) { return Below(100) < percent; }
  template <class List>
  std::string Pick(const List& list) {
    return list.begin()[static_cast<std::ptrdiff_t>(Below(list.size()))];
  }

  std::string Spelled(const std::string& host);
  std::string Url(const std::string& host);
  std::string Unicode(const std::string& v4);
  ComposedCommand Reach(const std::string& target, const std::string& host);
  std::string Name();
  std::vector<std::string> Pieces(const std::string& text, size_t most);

  // A word of a shell whose value is `text`; what must run before it goes to
  // `before_`.
  std::string ShellWord(const std::string& text, int depth);
  std::string ShellPiece(const std::string& text, int depth);
  std::string BashPiece(const std::string& text);
  std::string Filtered(const std::string& text);
  std::string NumberWord(const std::string& digits);
  std::string Script(const std::string& host);
  std::string PythonText(const std::string& text, int depth);
  std::string PerlText(const std::string& text, int depth);
  std::string Python(const std::string& host);
  std::string Perl(const std::string& host);
  ComposedCommand Mention();

  std::mt19937_64 random_;
  Languages languages_;
  bool bash_ = false;
  bool is_honest_ = false;
  std::string before_;
  std::string form_;
  int names_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_COMMAND_COMPOSER_H_
