#include "rules/falco_object_reader.h"

#include <algorithm>

#include "rules/falco_versions.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;
using Names = std::vector<std::string>;

// The first key of each kind of object, and all of each.
const Names& ObjectKeys() {
  static const auto& keys =
      *new Names{"rule", "macro", "list", "required_engine_version",
                 "required_plugin_versions"};
  return keys;
}
const Names& KeysOf(std::string_view object) {
  static const auto& of_rules = *new Names{"rule",
                                           "desc",
                                           "condition",
                                           "output",
                                           "priority",
                                           "source",
                                           "enabled",
                                           "tags",
                                           "exceptions",
                                           "append",
                                           "override",
                                           "warn_evttypes",
                                           "skip-if-unknown-filter",
                                           "capture",
                                           "capture_duration"};
  static const auto& of_macros =
      *new Names{"macro", "condition", "append", "override"};
  static const auto& of_lists =
      *new Names{"list", "items", "append", "override"};
  static const auto& of_others =
      *new Names{"required_engine_version", "required_plugin_versions"};
  return object == "rule"    ? of_rules
         : object == "macro" ? of_macros
         : object == "list"  ? of_lists
                             : of_others;
}
bool IsIn(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void FalcoObjectReader::CheckKeys(std::string_view object) {
  const Names& known = KeysOf(object);
  for (const std::string& key : object_.node.Keys()) {
    if (IsIn(known, key)) continue;
    Warn(Get(key).key_location(), absl::StrCat("unknown key: ", QuotedName(key),
                                               NearestHint(key, known)));
  }
}

FalcoObjectReader::Change FalcoObjectReader::ChangeOf(
    std::string_view key, const Names& appendable, const Names& replaceable) {
  YamlNode append = Get("append");
  if (append.present() && BoolOf(append, "append")) return Change::kAppend;
  YamlNode override_node = Get("override");
  if (!override_node.present()) return Change::kNew;
  YamlNode how = override_node.Get(key);
  if (!how.present()) {
    Error(Get(key), absl::StrCat("\"", A(key),
                                 "\" is here, but \"override\" "
                                 "does not say what to do with it"));
    return Change::kReplace;
  }
  bool appends = how.text() == "append";
  if (!appends && how.text() != "replace") {
    Error(how, absl::StrCat("expected append or replace, not ",
                            QuotedName(how.text()),
                            NearestHint(how.text(), {"append", "replace"})));
  } else if (!IsIn(appends ? appendable : replaceable, key)) {
    Error(how, absl::StrCat("\"", A(key), "\" cannot be ",
                            appends ? "appended to" : "replaced"));
  }
  return appends ? Change::kAppend : Change::kReplace;
}

void FalcoObjectReader::ReadList() {
  CheckKeys("list");
  std::string name = TextOf(Get("list"), "list");
  YamlNode items = Get("items");
  if (items.kind() != Kind::kSequence && items.kind() != Kind::kNull) {
    Error(items.present() ? items : object_.node, "\"items\" must be a list");
  }
  std::vector<FalcoNode> nodes;
  for (const YamlNode& item : items.Items()) {
    TextOf(item, "items");
    nodes.push_back(At(item));
  }
  Change change = Has("append") || Has("override")
                      ? ChangeOf("items", {"items"}, {"items"})
                      : Change::kNew;
  if (failed_) return;
  if (change == Change::kNew) {
    auto [it, is_new] =
        all_.list_numbers_.try_emplace(name, all_.lists_.size());
    if (is_new) all_.lists_.emplace_back();
    all_.lists_[it->second] = {name, std::move(nodes), object_};
    return;
  }
  FalcoList* list = Find(all_.lists_, all_.list_numbers_, name, "list");
  if (list == nullptr) return;
  if (change == Change::kReplace) list->items.clear();
  list->items.insert(list->items.end(), nodes.begin(), nodes.end());
}

void FalcoObjectReader::ChangeText(FalcoText& text, std::string_view key,
                                   Change change) {
  FalcoNode node = At(Get(key));
  if (absl::StripAsciiWhitespace(A(TextOf(node.node, key))).empty()) {
    if (!failed_) Error(node.node, absl::StrCat("\"", A(key), "\" is empty"));
  } else if (change == Change::kAppend) {
    text.Append(node);
  } else {
    text.Set(node);
  }
}

void FalcoObjectReader::ReadMacro() {
  CheckKeys("macro");
  std::string name = TextOf(Get("macro"), "macro");
  FalcoText condition;
  if (Has("condition")) {
    ChangeText(condition, "condition", Change::kNew);
  } else {
    Error(object_.node, absl::StrCat("the macro ", QuotedName(name),
                                     " has no \"condition\""));
  }
  Change change = Has("append") || Has("override")
                      ? ChangeOf("condition", {"condition"}, {"condition"})
                      : Change::kNew;
  if (failed_) return;
  uint32_t now = all_.written_++;
  if (change == Change::kNew) {
    auto [it, is_new] =
        all_.macro_numbers_.try_emplace(name, all_.macros_.size());
    if (is_new) all_.macros_.emplace_back().defined = now;
    FalcoMacro& macro = all_.macros_[it->second];
    macro = {name, std::move(condition), object_, macro.defined, now};
    return;
  }
  FalcoMacro* macro = Find(all_.macros_, all_.macro_numbers_, name, "macro");
  if (macro == nullptr) return;
  ChangeText(macro->condition, "condition", change);
  macro->written = now;
}

bool FalcoObjectReader::Read() {
  if (object_.node.kind() != Kind::kMapping) {
    Error(object_.node,
          "expected a map that begins with \"rule\", \"macro\" "
          "or \"list\"");
    return true;
  }
  if (Has("rule")) {
    ReadRule();
  } else if (Has("macro")) {
    ReadMacro();
  } else if (Has("list")) {
    ReadList();
  } else if (Has("required_engine_version")) {
    YamlNode version = Get("required_engine_version");
    std::string refusal =
        CheckFalcoEngine(version.text(), FalcoDefinitions::kEngineMajor,
                         FalcoDefinitions::kEngineMinor);
    if (!refusal.empty()) Error(version, refusal);
    return refusal.empty();
  } else if (Has("required_plugin_versions")) {
    for (const YamlNode& plugin : Get("required_plugin_versions").Items()) {
      FalcoPluginCheck check = CheckFalcoPlugin(plugin);
      if (check.missing) Warn(plugin.location(), check.message);
      if (!check.missing && !check.message.empty()) {
        Error(plugin, check.message);
      }
    }
    return !failed_;
  } else {
    std::vector<std::string> keys = object_.node.Keys();
    std::string hint = keys.empty() ? "" : NearestHint(keys[0], ObjectKeys());
    Error(object_.node,
          absl::StrCat("neither a rule nor a macro nor a list", hint));
  }
  return true;
}

bool FalcoObjectReader::IsObject(const YamlNode& node) {
  std::vector<std::string> keys = node.Keys();
  return std::any_of(keys.begin(), keys.end(), [](const std::string& key) {
    return IsIn(ObjectKeys(), key);
  });
}

}  // namespace oddverb
