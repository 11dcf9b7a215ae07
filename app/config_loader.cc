// Long because: one class with a short method for each kind of value.
#include "app/config_loader.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_fields.h"
#include "app/config_text.h"
#include "app/config_values.h"
#include "base/json_writer.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr size_t kMaxFreeBytes = 253;  // a DNS name
constexpr size_t kMaxNameBytes = 63;   // a DNS label
constexpr size_t kMaxPathBytes = 4095;
constexpr size_t kMaxShownBytes = 80;

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  AppendJsonEscaped(Utf8Prefix(text, kMaxShownBytes), quoted);
  return quoted + "\"";
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  std::string_view("._-").find(c) != std::string_view::npos;
         });
}

bool IsVisibleText(std::string_view text) {
  while (!text.empty()) {
    CodePoint c = DecodeUtf8(text);
    if (!c.valid || !IsVisible(c.value)) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

// "expected one of a, b, got "c"; did you mean "b"?"
std::string NoneOf(const ConfigKey& key, ConfigFields::Names names,
                   std::string_view text) {
  std::vector<std::string> known(names.begin(), names.end());
  std::string message =
      absl::StrCat("expected ", known.size() > 1 ? "one of " : "",
                   absl::StrJoin(known, ", "), ", got ", Quoted(text));
  std::string_view nearest = NearestName(text, known);
  if (!nearest.empty()) {
    absl::StrAppend(&message, "; did you mean ", Quoted(nearest), "?");
  }
  if (!key.hint.empty()) absl::StrAppend(&message, "; ", A(key.hint));
  return message;
}

std::optional<absl::Time> ParseMoment(const std::string& text) {
  // Abseil takes "infinite-future" as well, and blanks around.
  if (text.empty() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    return std::nullopt;
  }
  for (const char* format : {"%Y-%m-%d", absl::RFC3339_full}) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(format, text, &time, &error)) return time;
  }
  return std::nullopt;
}

class LoadingFields final : public ConfigFields {
 public:
  LoadingFields(const YamlNode& node, const std::string& folder,
                Mistakes& mistakes)
      : node_(node), folder_(folder), mistakes_(mistakes) {}

  // Every key has been visited: what is left is unknown.
  void Finish() {
    if (kind_is_known_) mistakes_.Add(node_.CheckAllKeysUsed());
  }

  void Text(const ConfigKey& key, TextKind kind, std::string& value) override {
    YamlNode node = Get(key);
    if (node.present()) LoadText(node, kind, value);
  }

  void Texts(const ConfigKey& key, TextKind kind,
             std::vector<std::string>& values) override {
    ForEachText(key, [&](const YamlNode& item) {
      std::string text;
      LoadText(item, kind, text);
      values.push_back(std::move(text));
    });
  }

  void Count(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    YamlNode node = Get(key);
    if (!node.present()) return;
    absl::StatusOr<int64_t> count = node.AsInt(value);
    if (count.ok() && (*count < range.low || *count > range.high)) {
      count = node.Error(absl::StrCat("expected a number from ", range.low,
                                      " to ", range.high, ", got ", *count));
    }
    value = mistakes_.ValueOf(std::move(count), value);
  }

  void Bytes(const ConfigKey& key, Range<int64_t> range,
             int64_t& value) override {
    YamlNode node = Get(key);
    if (!node.present()) return;
    absl::StatusOr<int64_t> size = node.AsBytes(value);
    if (size.ok() && (*size < range.low || *size > range.high)) {
      size = node.Error(
          absl::StrCat("expected a size from ", SizeValue(range.low), " to ",
                       SizeValue(range.high), ", got ", SizeValue(*size)));
    }
    value = mistakes_.ValueOf(std::move(size), value);
  }

  void Length(const ConfigKey& key, Range<absl::Duration> range,
              absl::Duration& value) override {
    YamlNode node = Get(key);
    if (!node.present()) return;
    absl::StatusOr<absl::Duration> length = node.AsDuration(value);
    if (length.ok() && (*length < range.low || *length > range.high)) {
      length = node.Error(absl::StrCat(
          "expected a duration from ", DurationValue(range.low), " to ",
          DurationValue(range.high), ", got ", DurationValue(*length)));
    }
    value = mistakes_.ValueOf(std::move(length), value);
  }

  void Flag(const ConfigKey& key, bool& value) override {
    YamlNode node = Get(key);
    value = mistakes_.ValueOf(node.AsBool(value), value);
  }

  void Moment(const ConfigKey& key, absl::Time& value) override {
    YamlNode node = Get(key);
    if (!node.present()) return;
    absl::StatusOr<std::string> text = node.AsString();
    mistakes_.Add(text.status());
    if (!text.ok()) return;
    std::optional<absl::Time> moment = ParseMoment(*text);
    if (moment.has_value()) {
      value = *moment;
    } else {
      mistakes_.Add(node.Error(
          absl::StrCat("expected a date such as 2027-01-31 or a time such as "
                       "2027-01-31T12:00:00Z, got ",
                       Quoted(*text))));
    }
  }

  void Networks(const ConfigKey& key, std::vector<IpNetwork>& values) override {
    ForEachText(key, [&](const YamlNode& item) {
      std::string text = mistakes_.ValueOf(item.AsString(), std::string());
      std::optional<IpNetwork> network = IpNetwork::Parse(text);
      if (network.has_value()) {
        values.push_back(*network);
      } else if (item.kind() == YamlNode::Kind::kScalar) {
        mistakes_.Add(item.Error(absl::StrCat(
            "expected an address or a network such as 10.0.0.0/8, got ",
            Quoted(text))));
      }
    });
  }

  void Pairs(PairKind kind, const ConfigKey& key, ConfigPairs& pairs) override;

  void Secrets(SecretKind kind, const ConfigKey& key, const ConfigKey& file_key,
               ConfigSecrets& secrets) override;

  void Mapping(const ConfigKey& key, Names, YamlNode& value) override {
    value = node_.Get(key.name);
  }

  void Section(const ConfigKey& key, const Visit& visit) override {
    LoadingFields inner(node_.Get(key.name), folder_, mistakes_);
    visit(inner);
    inner.Finish();
  }

  std::string Place() const override { return node_.Place(); }

 protected:
  void ChooseOne(const ConfigKey& key, Names names, size_t& index) override {
    YamlNode node = Get(key);
    if (node.present()) FindName(node, key, names, index);
  }

  void ChooseSome(const ConfigKey& key, Names names,
                  std::vector<size_t>& indexes) override {
    ForEachText(key, [&](const YamlNode& item) {
      size_t index = 0;
      if (FindName(item, key, names, index) &&
          std::find(indexes.begin(), indexes.end(), index) == indexes.end()) {
        indexes.push_back(index);
      }
    });
  }

  bool ChooseKind(const ConfigKey& key, Names names, size_t& index) override {
    YamlNode node = Get(key);
    kind_is_known_ = node.present() && FindName(node, key, names, index);
    return kind_is_known_;
  }

  void OptionalSection(const ConfigKey& key, bool& present,
                       const Visit& visit) override {
    present = node_.Get(key.name).present();
    if (present) Section(key, visit);
  }

  void Mappings(const ConfigKey& key, const Items& items) override;

 private:
  // The value, or an absent node, which is a mistake where one is needed.
  YamlNode Get(const ConfigKey& key) {
    YamlNode node = node_.Get(key.name);
    if (!node.present() && key.need == ConfigKey::Need::kRequired) {
      mistakes_.Add(node_.Error(absl::StrCat("missing key: ", Quoted(key.name),
                                             "; for example ", A(key.name),
                                             ": ", A(key.example))));
    }
    return node;
  }

  // Calls `load` for each item of a list, or for the one text instead of it.
  void ForEachText(const ConfigKey& key,
                   const std::function<void(const YamlNode&)>& load) {
    YamlNode node = Get(key);
    if (!node.present()) return;
    if (node.kind() == YamlNode::Kind::kScalar) return load(node);
    if (node.kind() != YamlNode::Kind::kSequence) {
      mistakes_.Add(node.AsStrings().status());
      return;
    }
    std::vector<YamlNode> items = node.Items();
    if (items.empty() && key.need == ConfigKey::Need::kRequired) {
      mistakes_.Add(node.Error(absl::StrCat(
          "expected at least one item, got an empty list; for example ",
          A(key.name), ": ", A(key.example))));
    }
    if (IsTooLong(node, items.size())) return;
    for (const YamlNode& item : items) load(item);
  }

  bool IsTooLong(const YamlNode& node, size_t size) {
    if (size <= kMaxItems) return false;
    mistakes_.Add(node.Error(
        absl::StrCat("expected at most ", kMaxItems, " items, got ", size)));
    return true;
  }

  void LoadText(const YamlNode& node, TextKind kind, std::string& value);

  bool FindName(const YamlNode& node, const ConfigKey& key, Names names,
                size_t& index) {
    absl::StatusOr<std::string> text = node.AsString();
    mistakes_.Add(text.status());
    if (!text.ok()) return false;
    auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end()) {
      mistakes_.Add(node.Error(NoneOf(key, names, *text)));
      return false;
    }
    index = static_cast<size_t>(found - names.begin());
    return true;
  }

  const YamlNode node_;
  const std::string& folder_;
  Mistakes& mistakes_;
  bool kind_is_known_ = true;
};

void LoadingFields::LoadText(const YamlNode& node, TextKind kind,
                             std::string& value) {
  absl::StatusOr<std::string> text = node.AsString();
  mistakes_.Add(text.status());
  if (!text.ok()) return;
  std::string_view expected;
  switch (kind) {
    case TextKind::kFree:
      if (text->size() > kMaxFreeBytes || !IsVisibleText(*text)) {
        expected = "at most 253 bytes of visible text";
      }
      break;
    case TextKind::kName:
      if (!IsName(*text)) {
        expected = "a name of at most 63 letters, digits, '.', '_', '-'";
      }
      break;
    case TextKind::kPath:
      if (text->empty() || text->size() > kMaxPathBytes ||
          !IsVisibleText(*text)) {
        expected = "the path of a file";
      } else if (*text != "-" && text->front() != '/') {
        text = absl::StrCat(folder_, folder_.ends_with('/') ? "" : "/", *text);
      }
      break;
  }
  if (expected.empty()) {
    value = *std::move(text);
  } else {
    mistakes_.Add(node.Error(
        absl::StrCat("expected ", A(expected), ", got ", Quoted(*text))));
  }
}

void LoadingFields::Secrets(SecretKind kind, const ConfigKey& key,
                            const ConfigKey& file_key, ConfigSecrets& secrets) {
  YamlNode list = node_.Get(key.name);
  YamlNode file_node = node_.Get(file_key.name);
  if (!file_node.present() && key.need == ConfigKey::Need::kRequired) {
    Get(key);  // says so where it is missing
  }
  if (list.present() && file_node.present()) {
    mistakes_.Add(file_node.Error(absl::StrCat(
        A(key.name), " and ", A(file_key.name), " exclude each other")));
    return;
  }
  if (file_node.present()) {
    LoadText(file_node, TextKind::kPath, secrets.file);
    if (secrets.file.empty()) return;
    absl::StatusOr<std::vector<std::string>> loaded =
        ReadSecretFile(kind, secrets.file, secrets.max);
    if (!loaded.ok()) {
      mistakes_.Add(file_node.Error(S(loaded.status().message())));
    }
    if (loaded.ok()) secrets.values = *std::move(loaded);
    return;
  }
  if (list.kind() == YamlNode::Kind::kSequence && list.Items().empty()) {
    mistakes_.Add(list.Error("an empty list; add one, or leave the key out"));
  }
  // The text of a secret is in no message.
  ForEachText(key, [&](const YamlNode& item) {
    absl::StatusOr<std::string> token = item.AsString();
    absl::Status status =
        token.ok() ? CheckSecret(kind, *token) : absl::OkStatus();
    mistakes_.Add(token.status());
    if (!status.ok()) mistakes_.Add(item.Error(S(status.message())));
    if (token.ok() && status.ok()) {
      secrets.values.push_back(*std::move(token));
    }
  });
  if (secrets.values.size() > secrets.max) {
    mistakes_.Add(
        list.Error(absl::StrCat("expected at most ", secrets.max, " of them")));
  }
}

void LoadingFields::Pairs(PairKind kind, const ConfigKey& key,
                          ConfigPairs& pairs) {
  YamlNode node = Get(key);
  if (!node.present()) return;
  pairs.clear();
  if (node.kind() != YamlNode::Kind::kMapping) {
    mistakes_.Add(node.Error(
        absl::StrCat("expected a mapping from names to texts, as in ",
                     A(key.name), ": ", A(key.example))));
    return;
  }
  std::vector<std::string> names = node.Keys();
  if (IsTooLong(node, names.size())) return;
  for (const std::string& name : names) {
    YamlNode item = node.Get(name);
    std::string text;
    if (kind == PairKind::kPlain) {
      LoadText(item, TextKind::kFree, text);
    } else {
      // The text of a secret is in no message.
      text = mistakes_.ValueOf(item.AsString(), std::string());
    }
    pairs.emplace_back(name, std::move(text));
  }
}

void LoadingFields::Mappings(const ConfigKey& key, const Items& items) {
  YamlNode node = Get(key);
  if (!node.present()) return;
  items.clear();
  if (node.kind() == YamlNode::Kind::kNull) return;
  if (node.kind() != YamlNode::Kind::kSequence) {
    mistakes_.Add(node.Error(
        absl::StrCat("expected a list; begin each item with \"- \", or write ",
                     A(key.name), ": ", A(key.example))));
    return;
  }
  std::vector<YamlNode> nodes = node.Items();
  if (IsTooLong(node, nodes.size())) return;
  for (size_t i = 0; i < nodes.size(); ++i) {
    items.append();
    if (nodes[i].kind() != YamlNode::Kind::kMapping) {
      mistakes_.Add(nodes[i].Error(
          absl::StrCat("expected a mapping, as in ", A(key.example))));
      continue;
    }
    LoadingFields inner(nodes[i], folder_, mistakes_);
    items.visit(i, inner);
    inner.Finish();
  }
}

}  // namespace

void LoadConfigFields(const YamlNode& root, const std::string& folder,
                      ServiceConfig& config, Mistakes& mistakes) {
  LoadingFields fields(root, folder, mistakes);
  VisitConfig(fields, config);
  fields.Finish();
}

void LoadRulesConfig(const YamlNode& root, const std::string& folder,
                     RulesConfig& config, Mistakes& mistakes) {
  LoadingFields fields(root, folder, mistakes);
  VisitRulesSection(fields, config);
}

void LoadSuppressions(const YamlNode& root,
                      std::vector<SuppressConfig>& entries,
                      Mistakes& mistakes) {
  const std::string folder;  // no path among its keys
  LoadingFields fields(root, folder, mistakes);
  VisitSuppressions(fields, entries);
}

}  // namespace oddverb
