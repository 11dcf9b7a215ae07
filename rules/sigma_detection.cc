#include "rules/sigma_detection.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "rules/rule_diagnostics.h"
#include "rules/sigma_modifiers.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kCondition = "condition";

// "connections[any].ports" -> the array, how many of its elements, and what is
// asked of them.
struct ArrayBlock {
  std::string_view array;
  std::string_view quantifier;
  std::string_view element;  // empty = the element itself
};

constexpr std::string_view kQuantifiers[] = {"all", "all_or_empty", "any",
                                             "none"};

std::optional<ArrayBlock> FindArrayBlock(std::string_view name) {
  for (size_t open = name.find('['); open != std::string_view::npos;
       open = name.find('[', open + 1)) {
    if (open > 0 && name[open - 1] == '\\') continue;
    size_t close = name.find(']', open);
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view inside = name.substr(open + 1, close - open - 1);
    auto known =
        std::find(std::begin(kQuantifiers), std::end(kQuantifiers), inside);
    if (known == std::end(kQuantifiers)) continue;
    std::string_view rest = name.substr(close + 1);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    return ArrayBlock{name.substr(0, open), inside, rest};
  }
  return std::nullopt;
}

Predicate ElementTest(Field array, const Predicate& body) {
  return Predicate::Of(Test{.field = std::move(array),
                            .comparison = Comparison::kElement,
                            .body = std::make_shared<const Predicate>(body)});
}

Predicate Quantified(const Field& array, std::string_view quantifier,
                     const Predicate& body) {
  if (quantifier == "any") return ElementTest(array, body);
  if (quantifier == "none") return Predicate::Not(ElementTest(array, body));
  Predicate all = Predicate::Not(ElementTest(array, Predicate::Not(body)));
  if (quantifier == "all_or_empty") return all;
  return Predicate::And({ElementTest(array, Predicate::True()), all});
}

class Reader {
 public:
  Reader(const SigmaDetectionOptions& options, SigmaReporter& reporter)
      : options_(options), reporter_(reporter) {}

  // YAML is at most 64 levels deep, which bounds all recursion here.
  Predicate ReadSelection(const YamlNode& node) {
    switch (node.kind()) {
      case Kind::kMapping:
        return ReadMap(node);
      case Kind::kSequence:
        return ReadList(node);
      case Kind::kScalar:
        return ReadKeywords({node});
      case Kind::kNull:
      case Kind::kAbsent:
        break;
    }
    return Fail(node, "an empty selection");
  }

  // The selections of `section` under its condition.
  std::optional<SigmaDetection> ReadSection(
      const SigmaMapping& section, const std::vector<std::string>& other_keys) {
    SigmaSelections selections;
    for (const std::string& key : section.Keys()) {
      bool is_other = key == kCondition ||
                      std::find(other_keys.begin(), other_keys.end(), key) !=
                          other_keys.end();
      if (is_other) continue;
      selections.emplace(key, ReadSelection(section.Get(key)));
    }
    YamlNode condition = section.Get(kCondition);
    if (selections.empty()) {
      Fail(section.layers().back(), "no selection");
      return std::nullopt;
    }
    return ReadCondition(section, condition, selections);
  }

  // Of a rule with errors, which gets no further, so that its author sees all
  // that is wrong at once.
  void WarnOfUnknownFields() const {
    for (const auto& [node, name] : unknown_fields_) {
      reporter_.WarnAtKey(
          node, absl::StrCat("audit events have no field ", QuotedName(name),
                             NearestHint(name, KnownFieldNames())));
    }
  }

 private:
  // Any other key is the name of a selection.
  static std::string NoConditionHint(const SigmaMapping& section) {
    const std::vector<std::string> keys = section.Keys();
    std::string_view nearest = NearestName(kCondition, keys);
    if (nearest.empty()) return "";
    return absl::StrCat(", but a selection ", QuotedName(nearest));
  }

  Predicate Fail(const YamlNode& node, std::string message) {
    reporter_.Error(node, std::move(message));
    return Predicate::False();
  }

  std::optional<SigmaDetection> ReadCondition(
      const SigmaMapping& section, const YamlNode& condition,
      const SigmaSelections& selections) {
    std::vector<YamlNode> texts = {condition};
    if (condition.kind() == Kind::kSequence) texts = condition.Items();
    std::set<std::string, std::less<>> used;
    std::vector<Predicate> parts;
    SigmaDetection detection;
    for (const YamlNode& node : texts) {
      if (node.kind() != Kind::kScalar) {
        Fail(node,
             condition.present()
                 ? "expected a condition, such as \"selection\""
                 : absl::StrCat("no condition", NoConditionHint(section)));
        continue;
      }
      SigmaCondition parsed = ParseSigmaCondition(node.text(), selections);
      for (SigmaConditionError& error : parsed.errors) {
        reporter_.Error(node, std::move(error.message), error.offset);
      }
      used.insert(parsed.used.begin(), parsed.used.end());
      parts.push_back(parsed.predicate);
      detection.begins_with_not = parsed.begins_with_not;
    }
    if (parts.size() > 1) detection.begins_with_not = false;
    if (reporter_.failed()) return std::nullopt;
    for (const auto& [name, predicate] : selections) {
      if (used.contains(name)) continue;
      reporter_.WarnAtKey(
          section.Get(name),
          absl::StrCat("the condition does not use ", QuotedName(name)));
    }
    detection.predicate = Predicate::Or(std::move(parts));
    return detection;
  }

  Predicate ReadMap(const YamlNode& node) {
    std::vector<Predicate> parts;
    for (const std::string& key : node.Keys()) {
      parts.push_back(ReadItem(key, node.Get(key)));
    }
    if (parts.empty()) return Fail(node, "an empty selection");
    return Predicate::And(std::move(parts));
  }

  // Alternatives: maps, and keywords.
  Predicate ReadList(const YamlNode& node) {
    std::vector<Predicate> parts;
    std::vector<YamlNode> keywords;
    for (const YamlNode& item : node.Items()) {
      if (item.kind() == Kind::kScalar || item.kind() == Kind::kNull) {
        keywords.push_back(item);
      } else {
        parts.push_back(ReadSelection(item));
      }
    }
    if (!keywords.empty()) parts.push_back(ReadKeywords(keywords));
    if (parts.empty()) return Fail(node, "an empty list");
    return Predicate::Or(std::move(parts));
  }

  Predicate ReadKeywords(const std::vector<YamlNode>& nodes) {
    SigmaItem item{.field = Field::Everything()};
    return Build(item, nodes, nullptr);
  }

  // "field|modifier|modifier": values, or a block over an array.
  Predicate ReadItem(std::string_view key, const YamlNode& node) {
    std::string_view name = key.substr(0, key.find('|'));
    if (name.size() > Field::kMaxNameBytes) {
      reporter_.ErrorAtKey(node, "a field name that is too long");
      return Predicate::False();
    }
    std::string_view modifiers = key.substr(name.size());
    if (options_.array_blocks) {
      if (std::optional<ArrayBlock> block = FindArrayBlock(name)) {
        return ReadArrayBlock(*block, modifiers, node);
      }
    }
    Field::Brackets brackets = options_.array_blocks
                                   ? Field::Brackets::kPositions
                                   : Field::Brackets::kLiteral;
    absl::StatusOr<Field> field =
        name.empty() ? Field::Everything() : Field::Compile(name, brackets);
    if (!field.ok()) {
      reporter_.ErrorAtKey(node, std::string(field.status().message()));
      return Predicate::False();
    }
    NoteField(node, *field);
    SigmaItem item{.field = *std::move(field)};
    for (size_t at = 0; at < modifiers.size();) {
      size_t end = std::min(modifiers.find('|', at + 1), modifiers.size());
      item.modifiers.push_back(modifiers.substr(at + 1, end - at - 1));
      at = end;
    }
    item.empty_matches_absent = options_.kubernetes && IsOmittedWhenEmpty(name);
    std::vector<YamlNode> values = {node};
    if (node.kind() == Kind::kSequence) values = node.Items();
    if (values.empty()) return Fail(node, "an empty list");
    return Build(item, values, &node);
  }

  void NoteField(const YamlNode& node, const Field& field) {
    if (!options_.audit_events || is_in_element_ || field.is_everything() ||
        field.IsOfAuditEvent()) {
      return;
    }
    unknown_fields_.emplace_back(node, field.name());
  }

  static bool IsOmittedWhenEmpty(std::string_view name) {
    return name.starts_with("objectRef.") || name == "apiGroup" ||
           name == "subresource" || name == "namespace";
  }

  Predicate ReadArrayBlock(const ArrayBlock& block, std::string_view modifiers,
                           const YamlNode& node) {
    absl::StatusOr<Field> array =
        Field::Compile(block.array, Field::Brackets::kPositions);
    if (!array.ok()) {
      reporter_.ErrorAtKey(node, std::string(array.status().message()));
      return Predicate::False();
    }
    NoteField(node, *array);
    Predicate body = Predicate::False();
    const bool was_in_element = std::exchange(is_in_element_, true);
    if (block.element.empty() && modifiers.empty() &&
        node.kind() == Kind::kMapping) {
      body = ReadBlockBody(node);
    } else {
      std::string_view element = block.element.empty() ? "." : block.element;
      body = ReadItem(absl::StrCat(A(element), A(modifiers)), node);
    }
    is_in_element_ = was_in_element;
    return Quantified(*array, block.quantifier, body);
  }

  // A map of items, or, where it has a condition, named selections.
  Predicate ReadBlockBody(const YamlNode& node) {
    if (!node.Get(kCondition).present()) return ReadMap(node);
    std::optional<SigmaDetection> inner = ReadSection(SigmaMapping({node}), {});
    return inner.has_value() ? inner->predicate : Predicate::False();
  }

  // `key_node` has the key that the modifiers stand in; nullptr for keywords.
  Predicate Build(SigmaItem& item, const std::vector<YamlNode>& values,
                  const YamlNode* key_node) {
    for (const YamlNode& value : values) {
      if (value.kind() == Kind::kScalar) {
        item.values.emplace_back(value.text());
      } else if (value.kind() == Kind::kNull) {
        item.values.emplace_back(std::nullopt);
      } else {
        return Fail(value, value.kind() == Kind::kMapping
                               ? "a map cannot be the value of a field"
                               : "a list in a list");
      }
    }
    std::vector<SigmaItemError> errors;
    Predicate built = BuildSigmaItem(item, *options_.placeholders, errors);
    for (SigmaItemError& error : errors) {
      Report(item, values, key_node, error);
    }
    return built;
  }

  void Report(const SigmaItem& item, const std::vector<YamlNode>& values,
              const YamlNode* key_node, SigmaItemError& error) {
    if (error.value < values.size()) {
      return reporter_.Error(values[error.value], std::move(error.message));
    }
    if (key_node == nullptr) {
      return reporter_.Error(values[0], std::move(error.message));
    }
    size_t offset = item.field.is_everything() ? 0 : item.field.name().size();
    for (size_t i = 0; i < error.modifier && i < item.modifiers.size(); ++i) {
      offset += 1 + item.modifiers[i].size();
    }
    if (error.is_warning) {
      reporter_.WarnAtKey(*key_node, std::move(error.message), offset + 1);
    } else {
      reporter_.ErrorAtKey(*key_node, std::move(error.message), offset + 1);
    }
  }

  const SigmaDetectionOptions& options_;
  SigmaReporter& reporter_;
  bool is_in_element_ = false;  // whose fields are the array's own
  std::vector<std::pair<YamlNode, std::string>> unknown_fields_;
};

}  // namespace

std::optional<SigmaDetection> ReadSigmaDetection(
    const SigmaMapping& section, const std::vector<std::string>& other_keys,
    const SigmaDetectionOptions& options, SigmaReporter& reporter) {
  Reader reader(options, reporter);
  std::optional<SigmaDetection> detection =
      reader.ReadSection(section, other_keys);
  if (reporter.failed()) reader.WarnOfUnknownFields();
  return detection;
}

}  // namespace oddverb
