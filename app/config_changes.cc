#include "app/config_changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_fields.h"
#include "app/config_values.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// Value by key. Secrets are in it: for comparing only.
using FlatConfig = std::map<std::string, std::string>;

// Of the item of a list, or of a section.
struct LiveKey {
  std::string_view section;
  std::string_view key;
  bool in_list = false;
};
constexpr LiveKey kLiveKeys[] = {
    {"listeners", "tls.certificate_file", true},
    {"listeners", "tls.client_ca_file", true},
    {"listeners", "tls.key_file", true},
    {"listeners", "tokens", true},
    {"listeners", "tokens_file", true},
    {"log", "level"},
    {"outputs", "min_severity", true},
    {"rules", "disable"},
    {"rules", "enable"},
    {"rules", "min_level"},
    {"rules", "min_status"},
    {"rules", "paths"},
    {"rules", "strict"},
};

class FlatFields final : public ConfigFields {
 public:
  FlatFields(std::string prefix, FlatConfig& out)
      : prefix_(std::move(prefix)), out_(out) {}

  void Text(const ConfigKey& key, TextKind, std::string& value) override {
    Put(key, value);
  }
  void Texts(const ConfigKey& key, TextKind,
             std::vector<std::string>& values) override {
    Put(key, absl::StrJoin(values, "\n"));
  }
  void Count(const ConfigKey& key, Range<int64_t>, int64_t& value) override {
    Put(key, absl::StrCat(value));
  }
  void Bytes(const ConfigKey& key, Range<int64_t>, int64_t& value) override {
    Put(key, absl::StrCat(value));
  }
  void Length(const ConfigKey& key, Range<absl::Duration>,
              absl::Duration& value) override {
    Put(key, DurationValue(value));
  }
  void Flag(const ConfigKey& key, bool& value) override {
    Put(key, value ? "true" : "false");
  }
  void Moment(const ConfigKey& key, absl::Time& value) override {
    Put(key, MomentValue(value));
  }
  void Networks(const ConfigKey& key, std::vector<IpNetwork>& values) override {
    std::string text;
    for (const IpNetwork& network : values) {
      absl::StrAppend(&text, NetworkValue(network), "\n");
    }
    Put(key, text);
  }
  // Other tokens in the same file are a change of the file.
  void Secrets(SecretKind, const ConfigKey& key, const ConfigKey& file_key,
               ConfigSecrets& secrets) override {
    Put(secrets.file.empty() ? key : file_key,
        absl::StrCat(secrets.file, "\n", absl::StrJoin(secrets.values, "\n")));
  }
  void Pairs(PairKind, const ConfigKey& key, ConfigPairs& pairs) override {
    for (const auto& [name, text] : pairs) {
      out_[absl::StrCat(prefix_, A(key.name), ".", name)] = text;
    }
  }
  void Mapping(const ConfigKey& key, Names, YamlNode& value) override {
    Flatten(absl::StrCat(prefix_, A(key.name)), value);
  }
  void Section(const ConfigKey& key, const Visit& visit) override {
    FlatFields inner(absl::StrCat(prefix_, A(key.name), "."), out_);
    visit(inner);
  }

 protected:
  void ChooseOne(const ConfigKey& key, Names names, size_t& index) override {
    Put(key, names[index]);
  }
  void ChooseSome(const ConfigKey& key, Names names,
                  std::vector<size_t>& indexes) override {
    std::string text;
    for (size_t index : indexes) absl::StrAppend(&text, A(names[index]), "\n");
    Put(key, text);
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
    for (size_t i = 0; i < items.size; ++i) {
      FlatConfig item;
      FlatFields inner("", item);
      items.visit(i, inner);
      for (auto& [name, value] : item) {
        out_[absl::StrCat(prefix_, A(key.name), ".", item["name"], ".", name)] =
            value;
      }
    }
  }

 private:
  void Put(const ConfigKey& key, std::string_view value) {
    out_[absl::StrCat(prefix_, A(key.name))] = value;
  }

  // Recursion ends at the 64 levels of a YamlNode.
  void Flatten(const std::string& name, const YamlNode& node) {
    if (node.kind() == YamlNode::Kind::kMapping) {
      for (const std::string& key : node.Keys()) {
        Flatten(absl::StrCat(name, ".", key), node.Get(key));
      }
    } else if (node.kind() == YamlNode::Kind::kSequence) {
      size_t index = 0;
      for (const YamlNode& item : node.Items()) {
        Flatten(absl::StrCat(name, ".", index++), item);
      }
    } else if (node.kind() == YamlNode::Kind::kScalar) {
      out_[name] = node.AsString().value_or("");
    }
  }

  const std::string prefix_;
  FlatConfig& out_;
};

FlatConfig Flat(const ServiceConfig& config) {
  FlatConfig flat;
  FlatFields fields("", flat);
  ServiceConfig copy = config;  // a visit may write
  VisitConfig(fields, copy);
  return flat;
}

// Whether `key` is that key of an item (or section), whose prefix with its dot
// is returned; else empty.
std::string_view PrefixOf(std::string_view key, const LiveKey& live) {
  if (!key.starts_with(live.section) || !key.ends_with(live.key)) return {};
  std::string_view prefix = key.substr(0, key.size() - live.key.size());
  std::string_view name = prefix.substr(live.section.size());
  // Names may have dots in them; what stands before the key ends with one.
  bool fits = live.in_list
                  ? name.size() > 2 && name.front() == '.' && name.back() == '.'
                  : name == ".";
  return fits ? prefix : std::string_view();
}

// An item that comes or goes is another listener, and TLS that comes or goes
// another protocol.
bool IsLive(const std::string& key, const FlatConfig& before,
            const FlatConfig& after) {
  return std::any_of(
      std::begin(kLiveKeys), std::end(kLiveKeys), [&](const LiveKey& live) {
        std::string prefix(PrefixOf(key, live));
        if (prefix.empty()) return false;
        if (!live.in_list) return true;
        std::string needed = absl::StrCat(prefix, live.key.starts_with("tls.")
                                                      ? "tls.certificate_file"
                                                      : "name");
        return before.contains(needed) && after.contains(needed);
      });
}

template <class T>
const T* Named(const std::vector<T>& items, const std::string& name) {
  auto found = std::find_if(items.begin(), items.end(),
                            [&](const T& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

ConfigChanges CompareConfigs(const ServiceConfig& before,
                             const ServiceConfig& after) {
  const FlatConfig old_values = Flat(before);
  const FlatConfig new_values = Flat(after);
  FlatConfig all = old_values;
  all.insert(new_values.begin(), new_values.end());
  ConfigChanges changes;
  for (const auto& [key, value] : all) {
    auto old_value = old_values.find(key);
    auto new_value = new_values.find(key);
    bool same = old_value != old_values.end() &&
                new_value != new_values.end() &&
                old_value->second == new_value->second;
    if (same) continue;
    bool live = IsLive(key, old_values, new_values);
    (live ? changes.live : changes.restart).push_back(key);
  }
  return changes;
}

void CopyLiveKeys(const ServiceConfig& from, ServiceConfig& to) {
  to.log.level = from.log.level;
  to.rules = from.rules;
  for (ListenerConfig& listener : to.listeners) {
    const ListenerConfig* fresh = Named(from.listeners, listener.name);
    if (fresh == nullptr) continue;
    listener.tokens = fresh->tokens;
    if (listener.tls.has_value() && fresh->tls.has_value()) {
      listener.tls = fresh->tls;
    }
  }
  for (OutputConfig& output : to.outputs) {
    const OutputConfig* fresh = Named(from.outputs, output.name);
    if (fresh != nullptr) output.min_severity = fresh->min_severity;
  }
}

}  // namespace oddverb
