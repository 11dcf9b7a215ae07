// What was found wrong in the text of rules, each with its place, the line and
// a caret under it. All of a run are collected; the first many are kept, all
// are counted. One thread.
#ifndef ODDVERB_RULES_RULE_DIAGNOSTICS_H_
#define ODDVERB_RULES_RULE_DIAGNOSTICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

struct RuleDiagnostic {
  enum class Severity : uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  std::string file;
  uint32_t line = 1;
  uint32_t column = 1;  // in bytes, both from 1
  std::string message;
  std::string source_line;  // empty where it is not known

  // "FILE:LINE:COLUMN: error: MESSAGE", and below it the line with a caret.
  // Harmless on a terminal.
  std::string ToString() const;
};

// The text that rules are read from, for quoting its lines.
class RuleText {
 public:
  RuleText(std::string_view file, std::string_view text);

  std::string_view file() const { return file_; }
  std::string_view text() const { return text_; }
  // Without its end; empty if there is no such line.
  std::string_view Line(uint32_t line) const;

 private:
  std::string file_;
  std::string_view text_;
  std::vector<size_t> starts_;  // of each line
};

// Lines for quoting when the text itself is gone.
class KeptLines {
 public:
  void Keep(const RuleText& text, uint32_t line) {
    lines_.try_emplace(line, text.Line(line));
  }
  // Empty if it was not kept.
  std::string_view Find(uint32_t line) const {
    auto it = lines_.find(line);
    return it == lines_.end() ? std::string_view() : it->second;
  }

 private:
  std::map<uint32_t, std::string> lines_;
};

class RuleDiagnostics {
 public:
  // A file of nonsense must not fill the memory with complaints; so many of
  // each severity are kept, that no error is lost behind warnings.
  static constexpr size_t kMaxKept = 1000;
  // Of rules for other logs so many are told of, for the sake of those whose
  // log is misspelt: a pack for everything has thousands.
  static constexpr uint64_t kMaxLeftOut = 20;

  void Error(const RuleText& text, uint32_t line, uint32_t column,
             std::string message) {
    Add(RuleDiagnostic::Severity::kError, text, line, column,
        std::move(message));
  }
  // In a text that is gone; `source_line` is the line there.
  void Add(RuleDiagnostic diagnostic);
  void Warn(const RuleText& text, uint32_t line, uint32_t column,
            std::string message) {
    Add(RuleDiagnostic::Severity::kWarning, text, line, column,
        std::move(message));
  }

  const std::vector<RuleDiagnostic>& kept() const { return kept_; }
  uint64_t errors() const { return errors_; }
  uint64_t warnings() const { return warnings_; }

 private:
  void Add(RuleDiagnostic::Severity severity, const RuleText& text,
           uint32_t line, uint32_t column, std::string message);

  std::vector<RuleDiagnostic> kept_;
  uint64_t errors_ = 0;
  uint64_t warnings_ = 0;
};

// ", did you mean X?", or nothing.
std::string NearestHint(std::string_view name,
                        const std::vector<std::string>& known);

// In double quotes, escaped and cut.
std::string QuotedName(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_DIAGNOSTICS_H_
