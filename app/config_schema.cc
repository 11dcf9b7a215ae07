#include "app/config_schema.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "app/config_fields.h"
#include "app/config_values.h"
#include "app/service_config.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using Need = ConfigKey::Need;

constexpr std::string_view kVariable = R"({"$ref":"#/$defs/variable"})";
// Duration and size as the loader reads them; the loader checks the range.
constexpr std::string_view kDefs = R"json({
"variable":{"type":"string","pattern":"\\$\\{"},
"duration":{"type":"string","pattern":"^([0-9.]+(ns|us|ms|s|m|h|d))+$|\\$\\{"},
"moment":{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$|\\$\\{"},
"size":{"type":"string","pattern":"^[0-9]+(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$|\\$\\{"},
"name":{"type":"string","pattern":"^[A-Za-z0-9._-]{1,63}$|\\$\\{"}
})json";

// Describes one mapping; its text is the mapping's schema.
class SchemaFields final : public ConfigFields {
 public:
  // `kind` is which of the kinds of a mapping is described (see Kind()).
  explicit SchemaFields(size_t kind) : kind_(kind) {}

  // `head` are members that come first, each with a comma behind it.
  std::string Schema(std::string_view head) const {
    JsonWriter required;
    required.BeginArray();
    for (const std::string& name : required_) required.String(name);
    required.EndArray();
    return absl::StrCat(
        "{", A(head), "\"type\":\"object\",\"additionalProperties\":false,",
        required_.empty() ? ""
                          : absl::StrCat("\"required\":", required.text(), ","),
        alternatives_, "\"properties\":{", properties_, "}}");
  }
  size_t kinds() const { return kinds_; }

  void Text(const ConfigKey& key, TextKind kind, std::string& value) override {
    std::string type = TypeOf(kind);
    if (!value.empty()) {
      absl::StrAppend(&type, R"(,"default":)", Json(value));
    }
    Add(key, type);
  }
  void Texts(const ConfigKey& key, TextKind kind,
             std::vector<std::string>&) override {
    AddList(key, absl::StrCat("{", TypeOf(kind), "}"));
  }
  void Count(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    std::string type =
        absl::StrCat(R"("anyOf":[{"type":"integer","minimum":)", range.low,
                     R"(,"maximum":)", range.high, "},", A(kVariable), "]");
    if (value >= range.low) absl::StrAppend(&type, R"(,"default":)", value);
    Add(key, type);
  }
  void Bytes(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    if (value >= range.low) {
      AddScalar(key, "size", SizeValue(value));
    } else {
      Add(key, R"("$ref":"#/$defs/size")");
    }
  }
  void Length(const ConfigKey& key, Range<absl::Duration>,
              absl::Duration& value) override {
    AddScalar(key, "duration", DurationValue(value));
  }
  void Flag(const ConfigKey& key, bool& value) override {
    Add(key, absl::StrCat(R"("anyOf":[{"type":"boolean"},)", A(kVariable),
                          R"(],"default":)", value ? "true" : "false"));
  }
  void Moment(const ConfigKey& key, absl::Time&) override {
    Add(key, R"("$ref":"#/$defs/moment")");
  }
  void Networks(const ConfigKey& key, std::vector<IpNetwork>&) override {
    AddList(key, R"({"type":"string"})");
  }
  void Secrets(SecretKind, const ConfigKey& key, const ConfigKey& file_key,
               ConfigSecrets&) override {
    ConfigKey either = key;
    either.need = Need::kOptional;
    AddList(either, R"({"type":"string"})");
    Add(file_key, TypeOf(TextKind::kPath));
    if (key.need == Need::kOptional) return;
    alternatives_ =
        absl::StrCat(R"("anyOf":[{"required":[)", Json(key.name),
                     R"(]},{"required":[)", Json(file_key.name), "]}],");
  }
  void Pairs(PairKind, const ConfigKey& key, ConfigPairs&) override {
    Add(key, absl::StrCat(R"("type":"object","maxProperties":)", kMaxItems,
                          R"(,"additionalProperties":{"type":"string"})"));
  }
  void Mapping(const ConfigKey& key, Names known, YamlNode&) override {
    std::string type =
        R"("type":"object","additionalProperties":false,"properties":{)";
    for (size_t i = 0; i < known.size(); ++i) {
      absl::StrAppend(&type, i == 0 ? "" : ",", Json(known[i]),
                      R"(:{"type":"object"})");
    }
    Add(key, type + "}");
  }
  void Section(const ConfigKey& key, const Visit& visit) override {
    SchemaFields inner(0);
    visit(inner);
    AddSchema(key, inner.Schema(About(key)));
  }

 protected:
  void ChooseOne(const ConfigKey& key, Names names, size_t& index) override {
    Add(key,
        absl::StrCat(NameSchema(names), R"(,"default":)", Json(names[index])));
  }
  void ChooseSome(const ConfigKey& key, Names names,
                  std::vector<size_t>&) override {
    AddList(key, absl::StrCat("{", NameSchema(names), "}"));
  }
  bool ChooseKind(const ConfigKey& key, Names names, size_t& index) override {
    kinds_ = names.size();
    index = kind_;
    Add(key, absl::StrCat(R"("enum":[)", Json(names[index]), "]"));
    return true;
  }
  void OptionalSection(const ConfigKey& key, bool& present,
                       const Visit& visit) override {
    present = false;
    Section(key, visit);
  }
  void Mappings(const ConfigKey& key, const Items& items) override {
    items.clear();
    std::string all;
    size_t kinds = 1;
    for (size_t kind = 0; kind < kinds; ++kind) {
      items.append();
      SchemaFields inner(kind);
      items.visit(kind, inner);
      kinds = inner.kinds();
      absl::StrAppend(&all, kind == 0 ? "" : ",", inner.Schema(""));
    }
    std::string item =
        kinds == 1 ? all : absl::StrCat(R"({"anyOf":[)", all, "]}");
    Add(key, absl::StrCat(R"("type":"array","maxItems":)", kMaxItems,
                          R"(,"items":)", item));
  }

 private:
  static std::string Json(std::string_view text) {
    return JsonWriter().String(text).Release();
  }
  static std::string About(const ConfigKey& key) {
    return absl::StrCat(R"("description":)", Json(key.about), ",");
  }
  static std::string TypeOf(TextKind kind) {
    return kind == TextKind::kName ? R"("$ref":"#/$defs/name")"
                                   : R"("type":"string")";
  }
  static std::string NameSchema(Names names) {
    std::string list;
    for (std::string_view name : names) {
      absl::StrAppend(&list, list.empty() ? "" : ",", Json(name));
    }
    return absl::StrCat(R"("anyOf":[{"enum":[)", list, "]},", A(kVariable),
                        "]");
  }

  void AddSchema(const ConfigKey& key, std::string_view schema) {
    absl::StrAppend(&properties_, properties_.empty() ? "" : ",",
                    Json(key.name), ":", A(schema));
    if (key.need == Need::kRequired) required_.emplace_back(key.name);
  }
  void Add(const ConfigKey& key, std::string_view members) {
    AddSchema(key, absl::StrCat("{", About(key), A(members), "}"));
  }
  void AddScalar(const ConfigKey& key, std::string_view def,
                 std::string_view value) {
    Add(key, absl::StrCat(R"("$ref":"#/$defs/)", A(def), R"(","default":)",
                          Json(value)));
  }
  // A list may be written as its only item.
  void AddList(const ConfigKey& key, std::string_view item) {
    std::string_view least = key.need == Need::kRequired ? "1" : "0";
    Add(key,
        absl::StrCat(R"("anyOf":[)", A(item), R"(,{"type":"array","minItems":)",
                     A(least), R"(,"maxItems":)", kMaxItems, R"(,"items":)",
                     A(item), "}]"));
  }

  const size_t kind_;
  size_t kinds_ = 1;
  std::string properties_;
  std::vector<std::string> required_;
  std::string alternatives_;  // of a secret: in the text or in a file
};

// One member a line, indented; REQUIRES: valid JSON without blanks but in
// strings and at line ends.
std::string Indented(std::string_view json) {
  std::string out;
  size_t depth = 0;
  bool in_string = false;
  auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += json[++i];
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '\n') continue;
    if (c == '}' || c == ']') {
      --depth;
      if (json[i - 1] != '{' && json[i - 1] != '[') new_line();
    }
    out += c;
    if (c == '"') in_string = true;
    if (c == ':') out += ' ';
    if (c == '{' || c == '[') {
      ++depth;
      if (json[i + 1] != '}' && json[i + 1] != ']') new_line();
    }
    if (c == ',') new_line();
  }
  return out;
}

}  // namespace

std::string ConfigSchemaJson() {
  ServiceConfig defaults;
  SchemaFields fields(0);
  VisitConfig(fields, defaults);
  return Indented(fields.Schema(absl::StrCat(
      R"("$schema":"https://json-schema.org/draft/2020-12/schema",)"
      R"("$id":"urn:oddverb:schema:config:v1",)"
      R"("title":"configuration of oddverb run, version 1",)",
      R"("$defs":)", A(kDefs), ",")));
}

}  // namespace oddverb
