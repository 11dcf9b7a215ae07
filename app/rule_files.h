// Files of rules, and folders of them, as one set of rules with everything that
// is wrong about them. Blocks while it reads; keeps nothing open. Thread-safe,
// as it has no state.
#ifndef ODDVERB_APP_RULE_FILES_H_
#define ODDVERB_APP_RULE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "app/mistakes.h"
#include "rules/rule_loader.h"

namespace oddverb {

// What one load may read: a path such as "/" must not keep it busy for ever.
struct RuleFileLimits {
  size_t files = 10'000;
  size_t bytes = 64 << 20;  // of all; RuleLoader bounds each
  size_t depth = 16;        // of folders in folders
};

struct RuleLanguageOptions {
  SigmaOptions sigma = {};
  FalcoOptions falco = {};
};

struct RuleSources {
  std::vector<std::string> paths = {};
  bool builtin = false;  // the rules that come with the program, too
};

struct RuleFiles {
  LoadedRules loaded;  // `rules` is never null
  uint64_t files = 0;  // of rules, that were read; also the program's own
  // Cases of rules, which may lie beside them (rules/rule_cases.h).
  struct CaseFile {
    std::string path, text;
  };
  std::vector<CaseFile> cases;
  // "PATH: why, and the cure": what could not be read, so that rules may be
  // missing of which nothing is known.
  Mistakes unreadable;
  // The same of what holds no rules.
  Mistakes empty;

  // Whether something is wrong that costs a rule.
  bool has_errors() const {
    return !unreadable.empty() || loaded.diagnostics.errors() > 0;
  }
};

// Each of `sources.paths` is a file, of any name, or a folder. Of a folder all
// *.yml and
// *.yaml files are read, those of its sub-folders too, in the order of their
// names; but no hidden ones, so that a mounted ConfigMap is read once. Links
// are followed. A file that is reached twice is read once. What cannot be read
// costs nothing else.
RuleFiles LoadRuleFiles(const RuleSources& sources,
                        RuleSelection selection = {},
                        RuleLanguageOptions languages = {},
                        const RuleFileLimits& limits = {});

// What costs a rule, and what is only odd; each with its place, a diagnostic
// with its line and caret below. Harmless on a terminal.
std::vector<std::string> RuleErrors(const RuleFiles& files);
std::vector<std::string> RuleWarnings(const RuleFiles& files);

// The first of them, one below the other, and how many more there are.
std::string JoinedComplaints(std::vector<std::string> complaints);

}  // namespace oddverb

#endif  // ODDVERB_APP_RULE_FILES_H_
