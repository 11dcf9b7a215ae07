#include "rules/sigma_rule.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/rule_selection.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

// The major version that a document without `sigma-version` is of, and the
// last that is understood.
constexpr int kDefaultVersion = 2;
constexpr int kArrayBlocksVersion = 3;
constexpr size_t kMaxTitleBytes = 256;

// Keys that hold what a rule is: a key that is none of them may be misspelt.
constexpr std::string_view kKnownKeys[] = {
    "author",   "date",   "description", "detection",  "falsepositives",
    "fields",   "filter", "id",          "level",      "logsource",
    "modified", "name",   "related",     "references", "status",
    "tags",     "title"};

class DocumentReader {
 public:
  DocumentReader(const SigmaMapping& document, const SigmaOptions& options,
                 SigmaReporter& reporter)
      : document_(document), options_(options), reporter_(reporter) {}

  std::string Text(std::string_view key) {
    YamlNode node = document_.Get(key);
    if (node.kind() == Kind::kSequence || node.kind() == Kind::kMapping) {
      reporter_.Error(node, absl::StrCat("\"", A(key), "\" must be a text"));
    }
    return std::string(node.text());
  }

  std::vector<std::string> Texts(std::string_view key) {
    YamlNode node = document_.Get(key);
    std::vector<std::string> texts;
    if (node.kind() == Kind::kScalar) texts.emplace_back(node.text());
    for (const YamlNode& item : node.Items()) {
      if (item.kind() == Kind::kScalar) {
        texts.emplace_back(item.text());
      } else if (item.kind() != Kind::kNull) {
        reporter_.Error(
            item, absl::StrCat("\"", A(key), "\" must be a list of texts"));
      }
    }
    return texts;
  }

  std::string Title() {
    std::string title = Text("title");
    YamlNode node = document_.Get("title");
    if (title.empty()) {
      MissingKey("title");
    } else if (title.size() > kMaxTitleBytes) {
      reporter_.Warn(node, absl::StrCat("a title of more than ", kMaxTitleBytes,
                                        " bytes"));
    }
    return title;
  }

  void MissingKey(std::string_view key) {
    // A misspelt key is likelier than a forgotten one.
    for (const std::string& other : document_.Keys()) {
      bool is_known = std::find(std::begin(kKnownKeys), std::end(kKnownKeys),
                                other) != std::end(kKnownKeys);
      if (is_known) continue;
      if (NearestHint(other, {std::string(key)}).empty()) continue;
      return reporter_.ErrorAtKey(
          document_.Get(other),
          absl::StrCat("unknown key: ", QuotedName(other), ", did you mean \"",
                       A(key), "\"?"));
    }
    reporter_.Error(document_.layers().back(),
                    absl::StrCat("no \"", A(key), "\""));
  }

  SigmaLogSource LogSource() {
    SigmaLogSource source;
    if (!document_.Has("logsource")) {
      MissingKey("logsource");
      return source;
    }
    SigmaMapping mapping = document_.Below("logsource");
    if (mapping.layers().empty()) {
      reporter_.Error(document_.Get("logsource"),
                      "\"logsource\" must be a map");
      return source;
    }
    source.product = absl::AsciiStrToLower(A(mapping.Get("product").text()));
    source.service = absl::AsciiStrToLower(A(mapping.Get("service").text()));
    source.category = absl::AsciiStrToLower(A(mapping.Get("category").text()));
    return source;
  }

  RuleLevel Level() {
    YamlNode node = document_.Get("level");
    if (!node.present() || node.kind() == Kind::kNull) {
      return RuleLevel::kUnspecified;
    }
    constexpr RuleLevel kLevels[] = {RuleLevel::kInformational, RuleLevel::kLow,
                                     RuleLevel::kMedium, RuleLevel::kHigh,
                                     RuleLevel::kCritical};
    std::vector<std::string> names;
    for (RuleLevel level : kLevels) {
      names.emplace_back(RuleLevelName(level));
      if (absl::AsciiStrToLower(A(node.text())) == names.back()) return level;
    }
    reporter_.Error(node,
                    absl::StrCat("unknown level: ", QuotedName(node.text()),
                                 NearestHint(node.text(), names)));
    return RuleLevel::kUnspecified;
  }

  std::string Status() {
    std::string text = Text("status");
    std::vector<std::string> names;
    for (RuleStatus status :
         {RuleStatus::kUnsupported, RuleStatus::kDeprecated,
          RuleStatus::kExperimental, RuleStatus::kTest, RuleStatus::kStable}) {
      names.emplace_back(RuleStatusName(status));
    }
    if (!text.empty() &&
        std::find(names.begin(), names.end(), text) == names.end()) {
      reporter_.Warn(document_.Get("status"),
                     absl::StrCat("unknown status, taken for stable: ",
                                  QuotedName(text), NearestHint(text, names)));
    }
    return text;
  }

  int Version() {
    YamlNode node = document_.Get("sigma-version");
    if (!node.present()) return kDefaultVersion;
    std::string_view text = node.text();
    int version = 0;
    auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), version);
    bool is_major = error == std::errc() &&
                    (stop == text.data() + text.size() || *stop == '.');
    if (!is_major || version < 1) {
      reporter_.Error(node, "\"sigma-version\" must be a version, such as 2");
    } else if (version > kArrayBlocksVersion) {
      reporter_.Error(node, absl::StrCat("Sigma ", version,
                                         " is not known here, only up to ",
                                         kArrayBlocksVersion));
    }
    return version;
  }

  SigmaDetectionOptions DetectionOptions(const SigmaLogSource& source) {
    return {.placeholders = &options_.placeholders,
            .array_blocks = Version() >= kArrayBlocksVersion,
            .kubernetes = source.product == "kubernetes",
            .audit_events = source.product == "kubernetes" &&
                            FitsLogSource(source, options_.source)};
  }

  // Checked here so that the refusal names the place.
  void CheckSize(const YamlNode& node, const Predicate& predicate) {
    if (predicate.depth() > Predicate::kMaxDepth) {
      reporter_.Error(node, absl::StrCat("nested deeper than ",
                                         Predicate::kMaxDepth, " levels"));
    } else if (predicate.tests() > Predicate::kMaxTests) {
      reporter_.Error(node, absl::StrCat("more than ", Predicate::kMaxTests,
                                         " comparisons"));
    }
  }

 private:
  const SigmaMapping& document_;
  const SigmaOptions& options_;
  SigmaReporter& reporter_;
};

bool ReadsStage(const Predicate& predicate) {
  if (predicate.kind() == Predicate::Kind::kTest) {
    return predicate.test().field.name() == "stage";
  }
  std::span<const Predicate> parts = predicate.parts();
  return std::any_of(parts.begin(), parts.end(), ReadsStage);
}

bool Agree(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b;
}

RulePlace PlaceOf(const SigmaMapping& document, const std::string& file) {
  YamlNode::Location at = document.layers().back().location();
  return {file, at.line};
}

}  // namespace

bool FitsLogSource(const SigmaLogSource& rule, const SigmaLogSource& log) {
  return Agree(rule.product, log.product) && Agree(rule.service, log.service) &&
         Agree(rule.category, log.category);
}

Rule ReadSigmaMetadata(const SigmaMapping& document, const std::string& file,
                       const SigmaOptions& options, SigmaReporter& reporter) {
  DocumentReader reader(document, options, reporter);
  Rule rule;
  rule.title = reader.Title();
  rule.id = reader.Text("id");
  rule.name = reader.Text("name");
  rule.description = reader.Text("description");
  rule.status = reader.Status();
  rule.author = reader.Text("author");
  rule.date = reader.Text("date");
  rule.level = reader.Level();
  rule.tags = reader.Texts("tags");
  rule.falsepositives = reader.Texts("falsepositives");
  rule.references = reader.Texts("references");
  rule.place = PlaceOf(document, file);
  return rule;
}

std::optional<Rule> ReadSigmaRule(const SigmaMapping& document,
                                  const std::string& file,
                                  const SigmaOptions& options,
                                  SigmaReporter& reporter) {
  DocumentReader reader(document, options, reporter);
  Rule rule = ReadSigmaMetadata(document, file, options, reporter);

  SigmaLogSource source = reader.LogSource();
  rule.product = source.product;
  rule.service = source.service;
  rule.category = source.category;
  SigmaMapping section = document.Below("detection");
  if (section.layers().empty()) {
    if (document.Has("detection")) {
      reporter.Error(document.Get("detection"), "\"detection\" must be a map");
    } else {
      reader.MissingKey("detection");
    }
    return std::nullopt;
  }
  if (section.Has("timeframe")) {
    reporter.WarnAtKey(section.Get("timeframe"),
                       "\"timeframe\" counts for nothing without an "
                       "aggregation: write a correlation rule");
  }
  std::optional<SigmaDetection> detection = ReadSigmaDetection(
      section, {"timeframe"}, reader.DetectionOptions(source), reporter);
  if (detection.has_value()) {
    rule.predicate = detection->predicate;
    reader.CheckSize(section.Get("condition"), rule.predicate);
  }
  if (reporter.failed()) return std::nullopt;
  if (ReadsStage(rule.predicate)) rule.occasion = Occasion::kEvent;
  return rule;
}

std::optional<SigmaFilter> ReadSigmaFilter(const SigmaMapping& document,
                                           const std::string& file,
                                           const SigmaOptions& options,
                                           SigmaReporter& reporter) {
  DocumentReader reader(document, options, reporter);
  SigmaFilter filter;
  filter.title = reader.Title();
  filter.place = PlaceOf(document, file);
  filter.source = reader.LogSource();
  SigmaMapping section = document.Below("filter");
  if (section.layers().empty()) {
    reporter.Error(document.Get("filter"), "\"filter\" must be a map");
    return std::nullopt;
  }
  YamlNode rules = section.Get("rules");
  std::string word = absl::AsciiStrToLower(A(rules.text()));
  if (rules.kind() == Kind::kSequence) {
    filter.rule_nodes = rules.Items();
  } else if (word == "any" || word == "all") {
    filter.any_rule = true;
  } else if (rules.kind() == Kind::kScalar) {
    filter.rule_nodes = {rules};
  }
  for (const YamlNode& node : filter.rule_nodes) {
    filter.rules.emplace_back(node.text());
    if (node.text().empty()) reporter.Error(node, "expected an id or a name");
  }
  if (!filter.any_rule && filter.rules.empty()) {
    YamlNode at = rules.present() ? rules : document.Get("filter");
    reporter.Error(at,
                   "\"rules\" must name the rules that this filter is for, "
                   "or be \"any\"");
  }
  std::optional<SigmaDetection> detection = ReadSigmaDetection(
      section, {"rules"}, reader.DetectionOptions(filter.source), reporter);
  if (reporter.failed() || !detection.has_value()) return std::nullopt;
  // The specification's filters say what to suppress, pySigma's say "not ...".
  filter.keeps = detection->begins_with_not
                     ? detection->predicate
                     : Predicate::Not(detection->predicate);
  return filter;
}

bool FilterApplies(const SigmaFilter& filter, const Rule& rule) {
  auto says_no_more = [](const std::string& theirs, const std::string& ours) {
    return theirs.empty() || theirs == ours;
  };
  if (!says_no_more(filter.source.product, rule.product) ||
      !says_no_more(filter.source.service, rule.service) ||
      !says_no_more(filter.source.category, rule.category)) {
    return false;
  }
  auto names_it = [&rule](const std::string& name) {
    return name == rule.id || name == rule.name;
  };
  return filter.any_rule ||
         std::any_of(filter.rules.begin(), filter.rules.end(), names_it);
}

}  // namespace oddverb
