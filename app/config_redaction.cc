#include "app/config_redaction.h"

#include "absl/strings/str_cat.h"
#include "app/config_fields.h"
#include "app/config_values.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr std::string_view kSecret = "<secret>";

// "${" would be expanded when it is loaded again.
std::string Unexpanded(std::string_view text) {
  std::string out;
  size_t from = 0;
  for (size_t at; (at = text.find("${", from)) != text.npos; from = at + 2) {
    absl::StrAppend(&out, A(text.substr(from, at - from)), "$${");
  }
  absl::StrAppend(&out, A(text.substr(from)));
  return out;
}

// Writes the members of an object that is open.
class RedactingFields final : public ConfigFields {
 public:
  explicit RedactingFields(JsonWriter& out) : out_(out) {}

  void Text(const ConfigKey& key, TextKind, std::string& value) override {
    if (!value.empty()) out_.Key(key.name).String(Unexpanded(value));
  }
  void Texts(const ConfigKey& key, TextKind,
             std::vector<std::string>& values) override {
    Strings(key, values);
  }
  void Count(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    // 0 threads: one a core, which is said by no key.
    if (value >= range.low) out_.Key(key.name).Int(value);
  }
  void Bytes(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    // No budget is said by no key.
    if (value >= range.low) out_.Key(key.name).String(SizeValue(value));
  }
  void Length(const ConfigKey& key, Range<absl::Duration>,
              absl::Duration& value) override {
    out_.Key(key.name).String(DurationValue(value));
  }
  void Flag(const ConfigKey& key, bool& value) override {
    out_.Key(key.name).Bool(value);
  }
  void Moment(const ConfigKey& key, absl::Time& value) override {
    if (value == absl::InfiniteFuture()) return;
    out_.Key(key.name).String(MomentValue(value));
  }
  void Networks(const ConfigKey& key, std::vector<IpNetwork>& values) override {
    std::vector<std::string> texts;
    for (const IpNetwork& network : values) {
      texts.push_back(NetworkValue(network));
    }
    Strings(key, texts);
  }
  void Secrets(SecretKind, const ConfigKey& key, const ConfigKey& file_key,
               ConfigSecrets& secrets) override {
    if (!secrets.file.empty()) {
      out_.Key(file_key.name).String(Unexpanded(secrets.file));
    } else if (!secrets.values.empty()) {
      Strings(key, std::vector<std::string>(secrets.values.size(),
                                            std::string(kSecret)));
    }
  }
  void Pairs(PairKind kind, const ConfigKey& key, ConfigPairs& pairs) override {
    if (pairs.empty()) return;
    out_.Key(key.name).BeginObject();
    for (const auto& [name, text] : pairs) {
      out_.Key(name).String(kind == PairKind::kSecret ? std::string(kSecret)
                                                      : Unexpanded(text));
    }
    out_.EndObject();
  }
  void Mapping(const ConfigKey& key, Names, YamlNode& value) override {
    if (value.kind() != YamlNode::Kind::kMapping) return;
    out_.Key(key.name);
    Write(value);
  }
  void Section(const ConfigKey& key, const Visit& visit) override {
    out_.Key(key.name).BeginObject();
    visit(*this);
    out_.EndObject();
  }

 protected:
  void ChooseOne(const ConfigKey& key, Names names, size_t& index) override {
    out_.Key(key.name).String(names[index]);
  }
  void ChooseSome(const ConfigKey& key, Names names,
                  std::vector<size_t>& indexes) override {
    std::vector<std::string> texts;
    for (size_t index : indexes) texts.emplace_back(names[index]);
    Strings(key, texts);
  }
  bool ChooseKind(const ConfigKey& key, Names names, size_t& index) override {
    ChooseOne(key, names, index);
    return true;
  }
  void OptionalSection(const ConfigKey& key, bool& present,
                       const Visit& visit) override {
    if (present) Section(key, visit);
  }
  void Mappings(const ConfigKey& key, const Items& items) override {
    out_.Key(key.name).BeginArray();
    for (size_t i = 0; i < items.size; ++i) {
      out_.BeginObject();
      items.visit(i, *this);
      out_.EndObject();
    }
    out_.EndArray();
  }

 private:
  void Strings(const ConfigKey& key, const std::vector<std::string>& texts) {
    out_.Key(key.name).BeginArray();
    for (const std::string& text : texts) out_.String(Unexpanded(text));
    out_.EndArray();
  }

  // Recursion ends at the 64 levels of a YamlNode.
  void Write(const YamlNode& node) {
    switch (node.kind()) {
      case YamlNode::Kind::kScalar:
        out_.String(Unexpanded(node.AsString().value_or("")));
        return;
      case YamlNode::Kind::kSequence:
        out_.BeginArray();
        for (const YamlNode& item : node.Items()) Write(item);
        out_.EndArray();
        return;
      case YamlNode::Kind::kMapping:
        out_.BeginObject();
        for (const std::string& key : node.Keys()) {
          out_.Key(key);
          Write(node.Get(key));
        }
        out_.EndObject();
        return;
      default:
        out_.Null();
    }
  }

  JsonWriter& out_;
};

}  // namespace

std::string RedactedConfigJson(const ServiceConfig& config) {
  JsonWriter out;
  RedactingFields fields(out);
  ServiceConfig copy = config;  // a visit may write
  out.BeginObject();
  VisitConfig(fields, copy);
  out.EndObject();
  return out.Release() + "\n";
}

}  // namespace oddverb
