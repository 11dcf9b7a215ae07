#include "app/config_redaction.h"

#include "absl/strings/str_cat.h"
#include "app/config_fields.h"
#include "app/config_values.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr std::string_view kSecret = "<secret>";

// JSON strings are YAML; "${" would be expanded when loaded again.
std::string Quoted(std::string_view text) {
  std::string escaped;
  size_t from = 0;
  for (size_t at; (at = text.find("${", from)) != text.npos; from = at + 2) {
    absl::StrAppend(&escaped, A(text.substr(from, at - from)), "$${");
  }
  absl::StrAppend(&escaped, A(text.substr(from)));
  return JsonWriter().String(escaped).Release();
}

// Writes a mapping as lines of YAML.
class RedactingFields final : public ConfigFields {
 public:
  RedactingFields(size_t indent, std::string& out)
      : indent_(indent), out_(out) {}

  void Text(const ConfigKey& key, TextKind, std::string& value) override {
    if (!value.empty()) Line(key, Quoted(value));
  }
  void Texts(const ConfigKey& key, TextKind,
             std::vector<std::string>& values) override {
    Line(key, ListOf(values));
  }
  void Count(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    // 0 threads: one a core, which is said by no key.
    if (value >= range.low) Line(key, absl::StrCat(value));
  }
  void Bytes(const ConfigKey& key, Range<int64_t>, int64_t& value) override {
    Line(key, SizeValue(value));
  }
  void Length(const ConfigKey& key, Range<absl::Duration>,
              absl::Duration& value) override {
    Line(key, DurationValue(value));
  }
  void Networks(const ConfigKey& key, std::vector<IpNetwork>& values) override {
    std::vector<std::string> texts;
    for (const IpNetwork& network : values) {
      texts.push_back(NetworkValue(network));
    }
    Line(key, ListOf(texts));
  }
  void Tokens(const ConfigKey& key, const ConfigKey& file_key,
              std::vector<std::string>& tokens, std::string& file) override {
    if (!file.empty()) {
      Line(file_key, Quoted(file));
    } else if (!tokens.empty()) {
      Line(key, ListOf(std::vector<std::string>(tokens.size(),
                                                std::string(kSecret))));
    }
  }
  void Mapping(const ConfigKey& key, Names, YamlNode& value) override {
    if (value.kind() == YamlNode::Kind::kMapping) Line(key, Flow(value));
  }
  void Section(const ConfigKey& key, const Visit& visit) override {
    Line(key, "");
    RedactingFields inner(indent_ + 2, out_);
    visit(inner);
  }

 protected:
  void ChooseOne(const ConfigKey& key, Names names, size_t& index) override {
    Line(key, names[index]);
  }
  void ChooseSome(const ConfigKey& key, Names names,
                  std::vector<size_t>& indexes) override {
    std::string list;
    for (size_t index : indexes) {
      absl::StrAppend(&list, list.empty() ? "" : ", ", A(names[index]));
    }
    Line(key, absl::StrCat("[", list, "]"));
  }
  bool ChooseKind(const ConfigKey& key, Names names, size_t& index) override {
    Line(key, names[index]);
    return true;
  }
  void OptionalSection(const ConfigKey& key, bool& present,
                       const Visit& visit) override {
    if (present) Section(key, visit);
  }
  void Mappings(const ConfigKey& key, const Items& items) override {
    if (items.size == 0) return Line(key, "[]");
    Line(key, "");
    for (size_t i = 0; i < items.size; ++i) {
      RedactingFields inner(indent_ + 4, out_);
      inner.begins_item_ = true;
      items.visit(i, inner);
    }
  }

 private:
  void Line(const ConfigKey& key, std::string_view value) {
    out_.append(indent_, ' ');
    if (begins_item_) out_.replace(out_.size() - 2, 2, "- ");
    begins_item_ = false;
    absl::StrAppend(&out_, A(key.name), value.empty() ? ":" : ": ", A(value),
                    "\n");
  }

  static std::string ListOf(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) {
      absl::StrAppend(&list, list.empty() ? "" : ", ", Quoted(text));
    }
    return absl::StrCat("[", list, "]");
  }

  // On one line. Recursion ends at the 64 levels of a YamlNode.
  static std::string Flow(const YamlNode& node) {
    std::string list;
    switch (node.kind()) {
      case YamlNode::Kind::kScalar:
        return Quoted(node.AsString().value_or(""));
      case YamlNode::Kind::kSequence:
        for (const YamlNode& item : node.Items()) {
          absl::StrAppend(&list, list.empty() ? "" : ", ", Flow(item));
        }
        return absl::StrCat("[", list, "]");
      case YamlNode::Kind::kMapping:
        for (const std::string& key : node.Keys()) {
          absl::StrAppend(&list, list.empty() ? "" : ", ",
                          JsonWriter().String(key).Release(), ": ",
                          Flow(node.Get(key)));
        }
        return absl::StrCat("{", list, "}");
      default:
        return "null";
    }
  }

  const size_t indent_;
  std::string& out_;
  bool begins_item_ = false;
};

}  // namespace

std::string RedactedConfigYaml(const ServiceConfig& config) {
  std::string out;
  RedactingFields fields(0, out);
  ServiceConfig copy = config;  // a visit may write
  VisitConfig(fields, copy);
  return out;
}

}  // namespace oddverb
