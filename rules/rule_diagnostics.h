// What was found wrong in the text of rules, each with its place, the line and
// a caret under it. All of a run are collected; the first many are kept, all
// are counted. One thread.
#ifndef ODDVERB_RULES_RULE_DIAGNOSTICS_H_
#define ODDVERB_RULES_RULE_DIAGNOSTICS_H_

#include <cstdint>
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

class RuleDiagnostics {
 public:
  // A file of nonsense must not fill the memory with complaints.
  static constexpr size_t kMaxKept = 1000;

  void Error(const RuleText& text, uint32_t line, uint32_t column,
             std::string message) {
    Add(RuleDiagnostic::Severity::kError, text, line, column,
        std::move(message));
  }
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
