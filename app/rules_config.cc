#include "app/rules_config.h"

#include "absl/strings/str_cat.h"
#include "app/config_fields.h"
#include "app/number_text.h"
#include "app/rule_files.h"

namespace oddverb {
namespace {

// In the order of RuleLevel, RuleStatus.
constexpr std::string_view kLevels[] = {"informational", "low", "medium",
                                        "high", "critical"};
constexpr std::string_view kStatuses[] = {"unsupported", "deprecated",
                                          "experimental", "test", "stable"};

// RuleLevel without kUnspecified, which no one can ask for.
enum class NamedLevel : uint8_t {};

NamedLevel FromRuleLevel(RuleLevel level) {
  return static_cast<NamedLevel>(static_cast<uint8_t>(level) - 1);
}
RuleLevel ToRuleLevel(NamedLevel level) {
  return static_cast<RuleLevel>(static_cast<uint8_t>(level) + 1);
}

void VisitPlaceholder(ConfigFields& fields, PlaceholderConfig& placeholder) {
  fields.Text({"name", "What stands between the percent signs.", "admins",
               ConfigKey::Need::kRequired},
              TextKind::kName, placeholder.name);
  fields.Texts({"values",
                "What it stands for, any of these; * and ? stand for letters. "
                "Entries of one name add up.",
                "[alice@corp.example, \"adm-*\"]", ConfigKey::Need::kRequired},
               TextKind::kFree, placeholder.values);
}

}  // namespace

void VisitRules(ConfigFields& fields, RulesConfig& rules) {
  rules.place = fields.Place();
  fields.Flag({"builtin",
               "Whether the rules that come with oddverb are on; `oddverb "
               "rules list` shows them.",
               "true"},
              rules.builtin);
  fields.Texts({"paths",
                "Files of rules, Sigma's or Falco's, and folders: all *.yml "
                "and *.yaml files in them and below. Read again at a reload.",
                "[/etc/oddverb/rules]"},
               TextKind::kPath, rules.paths);
  fields.Texts({"enable",
                "Names, ids, titles or tags of rules that are on, whatever "
                "the other keys say; * and ? stand for letters.",
                "[\"K8s Secret Get *\"]"},
               TextKind::kFree, rules.selection.enable);
  fields.Texts({"disable",
                "The same of rules that are off. What a correlation counts is "
                "still counted, but not told.",
                "[attack.discovery]"},
               TextKind::kFree, rules.selection.disable);
  NamedLevel level = FromRuleLevel(rules.selection.min_level);
  fields.Choice({"min_level",
                 "Rules below are off; one without a level is medium, of "
                 "Falco's the priority counts.",
                 "low"},
                kLevels, level);
  rules.selection.min_level = ToRuleLevel(level);
  fields.Choice({"min_status",
                 "Rules below are off; one without a status, as all of "
                 "Falco's, is stable.",
                 "experimental"},
                kStatuses, rules.selection.min_status);
  fields.List({"placeholders",
               "Lists of yours for Sigma rules with the modifier expand: what "
               "%NAME% stands for.",
               "[{name: admins, values: [alice@corp.example]}]"},
              rules.placeholders, &VisitPlaceholder);
  fields.Flag({"strict",
               "true: with a broken rule, or a path that cannot be read, the "
               "program does not start, and a reload changes nothing. false: "
               "it is told and left out.",
               "true"},
              rules.strict);
}

RuleLanguageOptions LanguagesOf(const RulesConfig& config) {
  RuleLanguageOptions languages;
  for (const PlaceholderConfig& one : config.placeholders) {
    std::vector<std::string>& values = languages.sigma.placeholders[one.name];
    values.insert(values.end(), one.values.begin(), one.values.end());
  }
  return languages;
}

RuleFiles LoadRules(const RulesConfig& config) {
  RuleFiles files =
      LoadRuleFiles({.paths = config.paths, .builtin = config.builtin},
                    config.selection, LanguagesOf(config));
  for (std::string& message : files.loaded.unmatched) {
    message = absl::StrCat(config.place, ": warning: ", message);
  }
  return files;
}

std::string RulesSummary(const RuleFiles& files) {
  const LoadedRules& loaded = files.loaded;
  std::string text =
      absl::StrCat(Counted(loaded.rules->rules().size() +
                               loaded.correlations->correlations().size(),
                           "rule"),
                   " of ", Counted(files.files, "file"));
  if (loaded.refused > 0) {
    absl::StrAppend(&text, ", ", loaded.refused, " refused");
  }
  if (loaded.not_selected > 0) {
    absl::StrAppend(&text, ", ", loaded.not_selected, " off");
  }
  if (loaded.other_sources > 0) {
    absl::StrAppend(&text, ", ", loaded.other_sources, " for other logs");
  }
  return text;
}

}  // namespace oddverb
