#include "rules/sigma_source.h"

#include <algorithm>

namespace oddverb {

YamlNode SigmaMapping::Get(std::string_view key) const {
  YamlNode found;
  for (const YamlNode& layer : layers_) {
    YamlNode value = layer.Get(key);
    if (value.present()) found = value;
  }
  if (!found.present() && !layers_.empty()) return layers_.back().Get(key);
  return found;
}

SigmaMapping SigmaMapping::Below(std::string_view key) const {
  std::vector<YamlNode> values;
  for (const YamlNode& layer : layers_) {
    YamlNode value = layer.Get(key);
    if (value.kind() == YamlNode::Kind::kMapping) values.push_back(value);
  }
  return SigmaMapping(std::move(values));
}

std::vector<std::string> SigmaMapping::Keys() const {
  std::vector<std::string> keys;
  for (const YamlNode& layer : layers_) {
    for (std::string& key : layer.Keys()) {
      if (layers_.size() > 1 &&
          std::find(keys.begin(), keys.end(), key) != keys.end()) {
        continue;
      }
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

// Where byte `offset` of a scalar's text stands. Known for plain and for simply
// quoted scalars on one line; else the scalar's own place.
YamlNode::Location SigmaReporter::Shifted(YamlNode::Location at,
                                          size_t offset) const {
  std::string_view line = text_.Line(at.line);
  if (offset == 0 || at.column == 0 || at.column > line.size()) return at;
  char first = line[at.column - 1];
  if (first == '|' || first == '>' || first == '*') return at;
  size_t quote = first == '"' || first == '\'' ? 1 : 0;
  size_t column = at.column + quote + offset;
  if (column > line.size() + 1) return at;
  return {at.line, static_cast<uint32_t>(column)};
}

void SigmaReporter::Error(const YamlNode& node, std::string message,
                          size_t offset) {
  failed_ = true;
  YamlNode::Location at = Shifted(node.location(), offset);
  diagnostics_.Error(text_, at.line, at.column, std::move(message));
}

void SigmaReporter::Warn(const YamlNode& node, std::string message,
                         size_t offset) {
  YamlNode::Location at = Shifted(node.location(), offset);
  diagnostics_.Warn(text_, at.line, at.column, std::move(message));
}

void SigmaReporter::ErrorAtKey(const YamlNode& node, std::string message,
                               size_t offset) {
  if (node.key_location().line == 0) return Error(node, std::move(message));
  failed_ = true;
  YamlNode::Location at = Shifted(node.key_location(), offset);
  diagnostics_.Error(text_, at.line, at.column, std::move(message));
}

void SigmaReporter::WarnAtKey(const YamlNode& node, std::string message,
                              size_t offset) {
  if (node.key_location().line == 0) return Warn(node, std::move(message));
  YamlNode::Location at = Shifted(node.key_location(), offset);
  diagnostics_.Warn(text_, at.line, at.column, std::move(message));
}

}  // namespace oddverb
