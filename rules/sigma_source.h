// A Sigma document on its way to a rule: its YAML, what it inherits from
// "action: global" documents before it, and where complaints about it go.
#ifndef ODDVERB_RULES_SIGMA_SOURCE_H_
#define ODDVERB_RULES_SIGMA_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/rule_diagnostics.h"
#include "rules/sigma_placeholders.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// A mapping that several documents make up: of the same key, the last document
// counts.
class SigmaMapping {
 public:
  SigmaMapping() = default;
  explicit SigmaMapping(std::vector<YamlNode> layers)
      : layers_(std::move(layers)) {}

  // The value; an absent node if there is none.
  YamlNode Get(std::string_view key) const;
  // The same, with what the other layers say below this key.
  SigmaMapping Below(std::string_view key) const;
  // All keys, in the order of their first occurrence.
  std::vector<std::string> Keys() const;
  bool Has(std::string_view key) const { return Get(key).present(); }
  const std::vector<YamlNode>& layers() const { return layers_; }

 private:
  std::vector<YamlNode> layers_;  // the document itself is the last
};

// Complains about one document.
class SigmaReporter {
 public:
  SigmaReporter(const RuleText& text, RuleDiagnostics& diagnostics)
      : text_(text), diagnostics_(diagnostics) {}

  // At the node, or `offset` bytes into the text of a scalar that stands on one
  // line.
  void Error(const YamlNode& node, std::string message, size_t offset = 0);
  void Warn(const YamlNode& node, std::string message, size_t offset = 0);
  // At the key of the node.
  void ErrorAtKey(const YamlNode& node, std::string message, size_t offset = 0);
  void WarnAtKey(const YamlNode& node, std::string message, size_t offset = 0);
  bool failed() const { return failed_; }

 private:
  YamlNode::Location Shifted(YamlNode::Location at, size_t offset) const;

  const RuleText& text_;
  RuleDiagnostics& diagnostics_;
  bool failed_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_SOURCE_H_
