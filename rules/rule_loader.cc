#include "rules/rule_loader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/rule_lint.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

// One document of a text, with the line it begins in.
struct Document {
  std::string_view text;
  uint32_t first_line = 1;
};

bool IsSeparator(std::string_view line) {
  if (!line.starts_with("---")) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' ||
         line[3] == '\r';
}

// Nothing but comments and directives.
bool IsIdle(std::string_view line) {
  size_t at = line.find_first_not_of(" \t\r");
  return at == std::string_view::npos || line[at] == '#' || line[0] == '%';
}

// YAML forbids "---" at the start of a line anywhere else, so that a broken
// document does not hide the next one.
std::vector<Document> SplitDocuments(std::string_view text) {
  std::vector<Document> documents;
  size_t begin = 0;
  uint32_t first_line = 1, line_number = 1;
  bool idle = true;
  auto close = [&](size_t end) {
    if (!idle)
      documents.push_back({text.substr(begin, end - begin), first_line});
    begin = end;
    first_line = line_number;
    idle = true;
  };
  for (size_t at = 0; at < text.size(); ++line_number) {
    size_t end = std::min(text.find('\n', at), text.size() - 1);
    std::string_view line = text.substr(at, end - at);
    if (text[end] != '\n') line = text.substr(at);
    if (IsSeparator(line)) {
      close(at);
      line.remove_prefix(3);
    }
    if (!IsIdle(line)) idle = false;
    at = end + 1;
  }
  close(text.size());
  return documents;
}

// "FILE:LINE:COLUMN: MESSAGE" of the YAML reader.
struct PlacedMessage {
  uint32_t line = 1;
  uint32_t column = 1;
  std::string message;
};

PlacedMessage ParsePlaced(std::string_view text, std::string_view file) {
  PlacedMessage placed{.line = 1, .column = 1, .message = std::string(text)};
  if (!text.starts_with(file)) return placed;
  text.remove_prefix(file.size());
  for (uint32_t* number : {&placed.line, &placed.column}) {
    if (!text.starts_with(':')) return placed;
    text.remove_prefix(1);
    auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error != std::errc()) return placed;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
  }
  if (text.starts_with(": ")) placed.message = std::string(text.substr(2));
  return placed;
}

}  // namespace

RuleLoader::RuleLoader(SigmaOptions options) : options_(std::move(options)) {}

void RuleLoader::Add(std::string_view file, std::string_view text) {
  global_.clear();
  previous_ = YamlNode();
  if (text.size() > kMaxTextBytes) {
    ++loaded_.refused;
    loaded_.diagnostics.Error(RuleText(file, ""), 1, 1,
                              "larger than 16 MiB: split it");
    return;
  }
  RuleText rule_text(file, text);
  for (const Document& document : SplitDocuments(text)) {
    ++loaded_.documents;
    absl::StatusOr<YamlNode> node =
        YamlNode::ParseFrom(document.text, file, document.first_line);
    if (!node.ok()) {
      PlacedMessage placed = ParsePlaced(S(node.status().message()), file);
      loaded_.diagnostics.Error(rule_text, placed.line, placed.column,
                                std::move(placed.message));
      ++loaded_.refused;
    } else if (node->kind() == Kind::kSequence) {
      loaded_.foreign.push_back({std::string(file), std::string(text)});
      return;
    } else {
      AddDocument(rule_text, *node);
    }
  }
}

void RuleLoader::AddDocument(const RuleText& text, const YamlNode& document) {
  if (document.kind() == Kind::kAbsent || document.kind() == Kind::kNull) {
    return;
  }
  SigmaReporter reporter(text, loaded_.diagnostics);
  if (document.kind() != Kind::kMapping) {
    reporter.Error(document,
                   "expected a rule: a map with \"title\", "
                   "\"logsource\" and \"detection\"");
    ++loaded_.refused;
    return;
  }
  YamlNode action = document.Get("action");
  if (!action.present()) {
    std::vector<YamlNode> layers = global_;
    layers.push_back(document);
    previous_ = document;
    return ReadDocument(text, SigmaMapping(std::move(layers)));
  }
  std::string word = absl::AsciiStrToLower(A(action.text()));
  if (word == "global") {
    global_.push_back(document);
  } else if (word == "reset") {
    global_.clear();
  } else if (word == "repeat" && previous_.present()) {
    std::vector<YamlNode> layers = global_;
    layers.push_back(previous_);
    layers.push_back(document);
    ReadDocument(text, SigmaMapping(std::move(layers)));
  } else {
    reporter.Error(
        action,
        word == "repeat"
            ? "there is no document before to repeat"
            : absl::StrCat(
                  "unknown action: ", QuotedName(action.text()),
                  NearestHint(action.text(), {"global", "repeat", "reset"})));
    ++loaded_.refused;
  }
}

void RuleLoader::ReadDocument(const RuleText& text,
                              const SigmaMapping& document) {
  const YamlNode& own = document.layers().back();
  if (document.Has("correlation")) {
    loaded_.correlations.push_back({std::string(text.file()), own});
    return;
  }
  if (!document.Has("filter") || document.Has("detection")) {
    return ReadRule(text, document);
  }
  SigmaReporter reporter(text, loaded_.diagnostics);
  std::optional<SigmaFilter> filter =
      ReadSigmaFilter(document, std::string(text.file()), options_, reporter);
  if (filter.has_value()) {
    filters_.push_back(*std::move(filter));
  } else {
    ++loaded_.refused;
  }
}

bool RuleLoader::IsTaken(const RuleText& text, const YamlNode& node,
                         const RulePlace& place) {
  if (node.text().empty()) return false;
  auto [it, is_new] =
      places_.try_emplace(std::string(node.text()), place.ToString());
  if (is_new) return false;
  SigmaReporter(text, loaded_.diagnostics)
      .Error(node, absl::StrCat("already used by the rule at ", it->second,
                                ": ", QuotedName(node.text())));
  return true;
}

void RuleLoader::ReadRule(const RuleText& text, const SigmaMapping& document) {
  SigmaReporter reporter(text, loaded_.diagnostics);
  std::optional<Rule> rule =
      ReadSigmaRule(document, std::string(text.file()), options_, reporter);
  if (!rule.has_value()) {
    ++loaded_.refused;
    return;
  }
  if (!FitsLogSource({rule->product, rule->service, rule->category},
                     options_.source)) {
    ++loaded_.other_sources;
    reporter.Warn(document.Get("logsource"),
                  "left out: a rule for another log source");
    return;
  }
  // Both are asked, so that both are reported.
  bool id_is_taken = IsTaken(text, document.Get("id"), rule->place);
  bool name_is_taken = IsTaken(text, document.Get("name"), rule->place);
  if (id_is_taken || name_is_taken) {
    ++loaded_.refused;
    return;
  }
  AddRule(text, *std::move(rule));
}

bool RuleLoader::AddRule(const RuleText& text, Rule rule) {
  absl::Status status;
  if (rules_.size() >= kMaxRules) {
    status = absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxRules, " rules"));
  } else {
    // What cannot be compiled must not take the others with it.
    status = Program::Compile({&rule.predicate, 1}).status();
  }
  if (!status.ok()) {
    ++loaded_.refused;
    loaded_.diagnostics.Error(text, rule.place.line, 1,
                              std::string(status.message()));
    return false;
  }
  Lint(text, rule);
  rules_.push_back(std::move(rule));
  return true;
}

void RuleLoader::Lint(const RuleText& text, const Rule& rule) {
  if (rule.product != "kubernetes") return;
  for (std::string& message : LintAuditPredicate(rule.predicate)) {
    loaded_.diagnostics.Warn(text, rule.place.line, 1, std::move(message));
  }
}

void RuleLoader::ApplyFilters() {
  for (const SigmaFilter& filter : filters_) {
    RuleText text(filter.place.file, "");
    for (const YamlNode& node : filter.rule_nodes) {
      if (places_.contains(node.text())) continue;
      std::vector<std::string> known;
      for (const auto& [name, place] : places_) known.push_back(name);
      SigmaReporter(text, loaded_.diagnostics)
          .Warn(node, absl::StrCat("no rule of this id or name: ",
                                   QuotedName(node.text()),
                                   NearestHint(node.text(), known)));
    }
    for (Rule& rule : rules_) {
      if (rule.language != RuleLanguage::kSigma) continue;
      if (!FilterApplies(filter, rule)) continue;
      Predicate filtered = Predicate::And({rule.predicate, filter.keeps});
      if (Program::Compile({&filtered, 1}).ok()) {
        rule.predicate = std::move(filtered);
        continue;
      }
      loaded_.diagnostics.Error(
          text, filter.place.line, 1,
          absl::StrCat("too large together with the rule at ",
                       rule.place.ToString(), ", which stays as it was"));
    }
  }
}

LoadedRules RuleLoader::Finish() && {
  ApplyFilters();
  auto rules = RuleSet::Build(std::move(rules_));
  if (!rules.ok()) {
    // Every rule has been compiled alone, so this is our own mistake.
    loaded_.diagnostics.Error(RuleText("(all rules)", ""), 1, 1,
                              std::string(rules.status().message()));
    rules = RuleSet::Build({});
  }
  loaded_.rules = *std::move(rules);
  return std::move(loaded_);
}

}  // namespace oddverb
