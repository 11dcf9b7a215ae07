#include "app/rule_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_text.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "rules/builtin_rules.h"
#include "rules/rule_cases.h"

namespace oddverb {
namespace {

namespace fs = std::filesystem;

bool IsRuleFile(const std::string& name) {
  return name.ends_with(".yml") || name.ends_with(".yaml");
}

std::string CauseOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return "there is no such file or folder";
    case EACCES:
    case EPERM:
      return "permission denied: this process may not read it or a folder "
             "above it; give it to the group: chgrp oddverb, chmod g+rX";
    case ELOOP:
      return "a link that leads back to itself";
    default:
      return std::strerror(error_number);
  }
}

class Walk {
 public:
  Walk(const RuleFileLimits& limits, RuleLoader& loader, RuleFiles& out)
      : limits_(limits), loader_(loader), out_(out) {}

  void AddPath(const std::string& path) {
    struct stat facts;
    if (::stat(path.c_str(), &facts) != 0) return Tell(path, CauseOf(errno));
    if (!S_ISDIR(facts.st_mode)) return AddFile(path, facts);
    const uint64_t before = found_;
    AddFolder(path, facts, 0);
    if (found_ == before && !told_of_limit_) {
      out_.empty.Add(absl::NotFoundError(absl::StrCat(
          path, ": this folder holds no rules: no *.yml or *.yaml file")));
    }
  }

 private:
  using Identity = std::pair<dev_t, ino_t>;

  void Tell(const std::string& path, std::string_view why) {
    ++found_;
    out_.unreadable.Add(
        absl::InvalidArgumentError(absl::StrCat(path, ": ", A(why))));
  }

  void TellLimit(const std::string& path, std::string_view why) {
    if (std::exchange(told_of_limit_, true)) return;
    Tell(path,
         absl::StrCat("not read, nor what comes after it: ", A(why),
                      "; name the folder or the files that hold the rules"));
  }

  void AddFolder(const std::string& path, const struct stat& facts,
                 size_t depth) {
    // Links can lead back.
    if (!folders_.insert(Identity(facts.st_dev, facts.st_ino)).second) return;
    if (depth > limits_.depth) {
      return TellLimit(path, absl::StrCat("more than ", limits_.depth,
                                          " folders within one another"));
    }
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      std::string name = it->path().filename().string();
      if (!name.starts_with('.')) names.push_back(std::move(name));
    }
    if (error) return Tell(path, CauseOf(error.value()));
    std::sort(names.begin(), names.end());  // a folder has no order
    for (const std::string& name : names) {
      if (told_of_limit_) return;
      AddEntry(path.ends_with('/') ? path + name : path + "/" + name, depth);
    }
  }

  void AddEntry(const std::string& path, size_t depth) {
    struct stat facts;
    if (::stat(path.c_str(), &facts) != 0) {
      if (IsRuleFile(path)) Tell(path, CauseOf(errno));
      return;
    }
    if (S_ISDIR(facts.st_mode)) {
      AddFolder(path, facts, depth + 1);
    } else if (IsRuleFile(path)) {
      AddFile(path, facts);
    }
  }

  void AddFile(const std::string& path, const struct stat& facts) {
    if (!S_ISREG(facts.st_mode)) {
      return Tell(path, "is no file: rules are not read from pipes or devices");
    }
    if (!files_.insert(Identity(facts.st_dev, facts.st_ino)).second) return;
    if (out_.files >= limits_.files) {
      return TellLimit(path,
                       absl::StrCat("more than ", limits_.files, " files"));
    }
    absl::StatusOr<std::string> text =
        ReadTextFile(path, RuleLoader::kMaxTextBytes);
    if (!text.ok()) return Tell(path, S(text.status().message()));
    bytes_ += text->size();
    if (bytes_ > limits_.bytes) {
      return TellLimit(path, absl::StrCat("more than ", limits_.bytes >> 20,
                                          " MiB of them"));
    }
    ++found_;
    if (HoldsRuleCases(*text)) {
      out_.cases.push_back({path, *std::move(text)});
      return;
    }
    ++out_.files;
    loader_.Add(path, *text);
  }

  const RuleFileLimits& limits_;
  RuleLoader& loader_;
  RuleFiles& out_;
  std::set<Identity> files_, folders_;
  uint64_t found_ = 0;  // files, also those that were told of
  size_t bytes_ = 0;
  bool told_of_limit_ = false;
};

std::vector<std::string> VisibleLines(const Mistakes& mistakes) {
  std::vector<std::string> lines;
  for (const std::string& line : mistakes.lines()) {
    lines.push_back(VisibleText(line, Charset::kUtf8));
  }
  return lines;
}

void AddDiagnostics(const RuleFiles& files, RuleDiagnostic::Severity severity,
                    std::vector<std::string>& lines) {
  for (const RuleDiagnostic& one : files.loaded.diagnostics.kept()) {
    if (one.severity == severity) lines.push_back(one.ToString());
  }
}

}  // namespace

RuleFiles LoadRuleFiles(const RuleSources& sources, RuleSelection selection,
                        RuleLanguageOptions languages,
                        const RuleFileLimits& limits) {
  RuleFiles out;
  RuleLoader loader(std::move(languages.sigma), std::move(languages.falco),
                    std::move(selection));
  if (sources.builtin) {
    for (const BuiltinRuleFile& file : BuiltinRuleFiles()) {
      loader.Add(file.name, file.text);
      ++out.files;
    }
  }
  Walk walk(limits, loader, out);
  for (const std::string& path : sources.paths) walk.AddPath(path);
  out.loaded = std::move(loader).Finish();
  return out;
}

std::vector<std::string> RuleErrors(const RuleFiles& files) {
  std::vector<std::string> lines = VisibleLines(files.unreadable);
  AddDiagnostics(files, RuleDiagnostic::Severity::kError, lines);
  return lines;
}

std::vector<std::string> RuleWarnings(const RuleFiles& files) {
  std::vector<std::string> lines = VisibleLines(files.empty);
  AddDiagnostics(files, RuleDiagnostic::Severity::kWarning, lines);
  for (const std::string& message : files.loaded.unmatched) {
    lines.push_back(VisibleText(message, Charset::kUtf8));
  }
  return lines;
}

std::string JoinedComplaints(std::vector<std::string> complaints) {
  constexpr size_t kMaxShown = 100;  // a person reads them
  if (complaints.size() > kMaxShown) {
    size_t more = complaints.size() - kMaxShown;
    complaints.resize(kMaxShown);
    complaints.push_back(absl::StrCat("and ", more, " more"));
  }
  return absl::StrJoin(complaints, "\n");
}

}  // namespace oddverb
