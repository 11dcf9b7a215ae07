#include "rules/rule_loader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/correlation_linker.h"
#include "rules/rule_documents.h"
#include "rules/rule_lint.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

// Whether the name of another log is a slip.
std::string SourceHint(const Rule& rule, const SigmaLogSource& log) {
  if (!rule.product.empty() && rule.product != log.product) {
    return NearestHint(rule.product, {log.product});
  }
  return rule.service.empty() || rule.service == log.service
             ? ""
             : NearestHint(rule.service, {log.service});
}

// What a file of Falco's has switched off can be switched on.
FalcoOptions WithEnabled(FalcoOptions falco, const RuleSelection& selection) {
  for (const std::string& pattern : selection.enable) {
    falco.selections.push_back({.rule = pattern, .tag = pattern});
  }
  return falco;
}

}  // namespace

RuleLoader::RuleLoader(SigmaOptions options, FalcoOptions falco,
                       RuleSelection selection)
    : options_(std::move(options)),
      matching_(falco.matching),
      selector_(selection),
      falco_(WithEnabled(std::move(falco), selection), loaded_.diagnostics) {}

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
  for (const RuleDocument& document : SplitDocuments(text)) {
    ++loaded_.documents;
    absl::StatusOr<YamlNode> node =
        YamlNode::ParseFrom(document.text, file, document.first_line);
    if (node.ok() && node->kind() == Kind::kSequence) {
      AddList(rule_text, *node);
    } else if (node.ok()) {
      AddDocument(rule_text, *node);
    } else if (document.IsList()) {
      AddBrokenList(rule_text, document, S(node.status().message()));
    } else {
      RefuseYaml(rule_text, S(node.status().message()));
    }
  }
}

void RuleLoader::RefuseYaml(const RuleText& text, std::string_view message) {
  PlacedMessage placed = ParsePlaced(message, text.file());
  loaded_.diagnostics.Error(text, placed.line, placed.column,
                            std::move(placed.message));
  ++loaded_.refused;
}

void RuleLoader::AddList(const RuleText& text, const YamlNode& list) {
  if (!FalcoDefinitions::IsFalco(list)) {
    SigmaReporter(text, loaded_.diagnostics)
        .Error(list,
               "a list, but not of Falco's rules; a Sigma rule is a map with "
               "\"title\", \"logsource\" and \"detection\"");
    ++loaded_.refused;
    return;
  }
  falco_.Add({std::make_shared<FalcoFile>(text.file(), text.text()), list});
}

// One item after the other, so that the good ones survive. `message` says what
// is wrong with the whole.
void RuleLoader::AddBrokenList(const RuleText& text,
                               const RuleDocument& document,
                               std::string_view message) {
  std::vector<YamlNode> good;
  std::vector<std::string> errors;
  for (const RuleDocument& item : SplitItems(document)) {
    absl::StatusOr<YamlNode> node =
        YamlNode::ParseFrom(item.text, text.file(), item.first_line);
    if (node.ok()) {
      good.push_back(*std::move(node));
    } else {
      errors.emplace_back(S(node.status().message()));
    }
  }
  // An anchor can lie in another item than its alias.
  if (std::none_of(good.begin(), good.end(), FalcoDefinitions::IsFalco)) {
    errors = {std::string(message)};
    good.clear();
  }
  for (const std::string& error : errors) RefuseYaml(text, error);
  auto file = std::make_shared<FalcoFile>(text.file(), text.text());
  for (YamlNode& node : good) falco_.Add({file, std::move(node)});
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
  if (document.Has("correlation")) return ReadCorrelation(text, document);
  if (!document.Has("filter") || document.Has("detection")) {
    return ReadRule(text, document);
  }
  SigmaReporter reporter(text, loaded_.diagnostics);
  std::optional<SigmaFilter> filter =
      ReadSigmaFilter(document, std::string(text.file()), options_, reporter);
  if (!filter.has_value()) {
    ++loaded_.refused;
    return;
  }
  for (const YamlNode& node : filter->rule_nodes) {
    filter->lines.Keep(text, node.location().line);
  }
  if (filter->source.product == "kubernetes") {
    std::string doubts = DoubtsAboutAuditPredicate(filter->keeps);
    if (!doubts.empty()) {
      loaded_.diagnostics.Warn(text, filter->place.line, 1, std::move(doubts));
    }
  }
  filters_.push_back(*std::move(filter));
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

void RuleLoader::ReadCorrelation(const RuleText& text,
                                 const SigmaMapping& document) {
  SigmaReporter reporter(text, loaded_.diagnostics);
  std::optional<SigmaCorrelation> read = ReadSigmaCorrelation(
      document, std::string(text.file()), options_, reporter);
  const RulePlace& place =
      read.has_value() ? read->correlation.rule.place : RulePlace{};
  if (!read.has_value() || IsTaken(text, document.Get("id"), place) ||
      IsTaken(text, document.Get("name"), place)) {
    ++loaded_.refused;
    return;
  }
  if (rules_.size() + correlations_.size() >= kMaxRules) {
    reporter.Error(document.Get("correlation"),
                   absl::StrCat("more than ", kMaxRules, " rules"));
    ++loaded_.refused;
    return;
  }
  for (const YamlNode& node : read->rule_nodes) {
    read->lines.Keep(text, node.location().line);
  }
  correlations_.push_back(*std::move(read));
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
    // A pack for all the world has thousands.
    if (++loaded_.other_sources <= RuleDiagnostics::kMaxLeftOut) {
      reporter.Warn(document.Get("logsource"),
                    absl::StrCat("left out: a rule for another log source",
                                 SourceHint(*rule, options_.source)));
    }
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
      const YamlNode::Location at = node.location();
      loaded_.diagnostics.Add(
          {.severity = RuleDiagnostic::Severity::kWarning,
           .file = filter.place.file,
           .line = at.line,
           .column = at.column,
           .message = absl::StrCat(
               "no rule of this id or name: ", QuotedName(node.text()),
               NearestHint(node.text(), known)),
           .source_line = std::string(filter.lines.Find(at.line))});
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

void RuleLoader::AddFalcoRules() {
  for (FalcoLoader::Loaded& loaded : falco_.Finish()) {
    AddRule(loaded.file->text, std::move(loaded.rule));
  }
  loaded_.refused += falco_.refused();
  loaded_.other_sources += falco_.other_sources();
}

std::set<std::string> RuleLoader::ApplySelection() {
  std::vector<bool> wanted;
  std::set<std::string, std::less<>> counted;  // names and ids
  auto need = [&counted](const SigmaCorrelation& of) {
    counted.insert(of.correlation.rules.begin(), of.correlation.rules.end());
  };
  for (const SigmaCorrelation& one : correlations_) {
    wanted.push_back(selector_.IsWanted(one.correlation.rule));
    if (wanted.back()) need(one);
  }
  auto is_counted = [&counted](const Rule& rule) {
    const std::string& name =
        rule.language == RuleLanguage::kFalco ? rule.title : rule.name;
    return counted.contains(name) || counted.contains(rule.id);
  };
  // What is counted may itself count others: at most a chain of them.
  for (int link = 0; link < kMaxCorrelationChain; ++link) {
    for (const SigmaCorrelation& one : correlations_) {
      if (is_counted(one.correlation.rule)) need(one);
    }
  }
  std::set<std::string> silent;
  auto is_left_out = [&](const Rule& rule, bool is_wanted) {
    if (is_wanted) return false;
    ++loaded_.not_selected;
    if (!is_counted(rule)) return true;
    silent.insert(rule.place.ToString());
    return false;
  };
  size_t number = 0;
  std::erase_if(correlations_, [&](const SigmaCorrelation& one) {
    return is_left_out(one.correlation.rule, wanted[number++]);
  });
  std::erase_if(rules_, [&](const Rule& rule) {
    return is_left_out(rule, selector_.IsWanted(rule));
  });
  loaded_.unmatched = selector_.Unmatched();
  return silent;
}

LoadedRules RuleLoader::Finish() && {
  AddFalcoRules();
  ApplyFilters();
  const std::set<std::string> silent = ApplySelection();
  std::vector<Correlation> linked = LinkCorrelations(
      std::move(correlations_), rules_, loaded_.diagnostics, loaded_.refused);
  auto silence = [&silent](Rule& rule) {
    if (silent.contains(rule.place.ToString())) rule.alerts = false;
  };
  if (!silent.empty()) {
    for (Correlation& one : linked) silence(one.rule);
    for (Rule& rule : rules_) silence(rule);
  }
  loaded_.correlations =
      std::make_shared<const CorrelationSet>(std::move(linked));
  auto rules = RuleSet::Build(std::move(rules_), matching_);
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
