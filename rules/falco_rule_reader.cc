// The rules among the objects of a file.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/falco_object_reader.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;
using Names = std::vector<std::string>;

bool IsIn(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void FalcoObjectReader::ReadTags(FalcoRuleText& rule, Change change) {
  YamlNode tags = Get("tags");
  if (tags.kind() != Kind::kSequence) Error(tags, "\"tags\" must be a list");
  if (change != Change::kAppend) rule.tags.clear();
  for (const YamlNode& tag : tags.Items()) {
    std::string text = TextOf(tag, "tags");
    if (!IsIn(rule.tags, text)) rule.tags.push_back(std::move(text));
  }
}

void FalcoObjectReader::ReadException(const YamlNode& node, FalcoRuleText& rule,
                                      bool appends) {
  if (node.kind() != Kind::kMapping) {
    return Error(node,
                 "an exception must be a map with \"name\" and "
                 "\"fields\"");
  }
  FalcoException exception{.name = TextOf(node.Get("name"), "name"),
                           .fields = At(node.Get("fields")),
                           .comps = At(node.Get("comps")),
                           .values = {},
                           .place = At(node)};
  for (const std::string& key : node.Keys()) {
    const Names known = {"name", "fields", "comps", "values"};
    if (IsIn(known, key)) continue;
    Warn(node.Get(key).key_location(),
         absl::StrCat("unknown key: ", QuotedName(key),
                      NearestHint(key, known)));
  }
  for (const YamlNode& value : node.Get("values").Items()) {
    exception.values.push_back(At(value));
  }
  auto same = std::find_if(
      rule.exceptions.begin(), rule.exceptions.end(),
      [&](const FalcoException& e) { return e.name == exception.name; });
  if (appends && same != rule.exceptions.end()) {
    if (exception.fields.node.present() || exception.comps.node.present()) {
      Error(node, "to an exception that is there only values can be appended");
      return;
    }
    same->values.insert(same->values.end(), exception.values.begin(),
                        exception.values.end());
  } else if (!exception.fields.node.present()) {
    Error(node, absl::StrCat("the exception ", QuotedName(exception.name),
                             " has no \"fields\""));
  } else {
    rule.exceptions.push_back(std::move(exception));
  }
}

void FalcoObjectReader::ReadExceptions(FalcoRuleText& rule, Change change) {
  YamlNode exceptions = Get("exceptions");
  if (change != Change::kAppend) rule.exceptions.clear();
  for (const YamlNode& item : exceptions.Items()) {
    ReadException(item, rule, change == Change::kAppend);
  }
  bool is_list = exceptions.kind() == Kind::kSequence;
  if (!is_list && exceptions.kind() != Kind::kNull) {
    Error(exceptions, "\"exceptions\" must be a list");
  }
}

// Keys that are there, as "append" and "override" want them.
void FalcoObjectReader::ReadRuleKeys(FalcoRuleText& rule, bool is_new) {
  const Names appendable = {"condition", "output", "desc", "tags",
                            "exceptions"};
  Names replaceable = appendable;
  for (const char* key : {"priority", "enabled", "warn_evttypes", "capture",
                          "capture_duration", "skip-if-unknown-filter"}) {
    replaceable.emplace_back(key);
  }
  auto change = [&](std::string_view key) {
    return is_new ? Change::kNew : ChangeOf(key, appendable, replaceable);
  };
  if (Has("condition")) {
    ChangeText(rule.condition, "condition", change("condition"));
  }
  if (Has("output")) ChangeText(rule.output, "output", change("output"));
  if (Has("desc")) {
    bool appends = change("desc") == Change::kAppend;
    std::string text = TextOf(Get("desc"), "desc");
    rule.description = appends ? rule.description + " " + text : text;
  }
  if (Has("tags")) ReadTags(rule, change("tags"));
  if (Has("exceptions")) ReadExceptions(rule, change("exceptions"));
  if (YamlNode node = Get("priority"); node.present()) {
    change("priority");
    auto priority = ParseFalcoPriority(TextOf(node, "priority"));
    if (!priority.has_value()) {
      Error(node, absl::StrCat("no such priority: ", QuotedName(node.text()),
                               NearestHint(node.text(), FalcoPriorityNames()),
                               "; they are ",
                               absl::StrJoin(FalcoPriorityNames(), ", ")));
    }
    rule.priority = priority.value_or(FalcoPriority::kDebug);
  }
  if (Has("enabled")) {
    change("enabled");
    rule.enabled = BoolOf(Get("enabled"), "enabled");
  }
  if (Has("skip-if-unknown-filter")) {
    change("skip-if-unknown-filter");
    rule.skip_if_unknown_filter =
        BoolOf(Get("skip-if-unknown-filter"), "skip-if-unknown-filter");
  }
}

void FalcoObjectReader::ReadNewRule(const std::string& name) {
  FalcoRuleText rule;
  rule.name = name;
  rule.place = object_;
  for (const char* key : {"condition", "output", "desc", "priority"}) {
    if (Has(key)) continue;
    Error(object_.node,
          absl::StrCat("the rule ", QuotedName(name), " has no \"", key, "\""));
  }
  rule.source = Has("source") ? TextOf(Get("source"), "source") : "syscall";
  ReadRuleKeys(rule, true);
  if (failed_) {
    all_.broken_rules_.push_back(std::move(rule));
    return;
  }
  auto [it, is_new] = all_.rule_numbers_.try_emplace(name, all_.rules_.size());
  if (is_new) {
    all_.rules_.push_back(std::move(rule));
  } else if (all_.rules_[it->second].source != rule.source) {
    Error(Get("rule"), "the rule was there before, with another \"source\"");
  } else {
    all_.rules_[it->second] = std::move(rule);
  }
}

void FalcoObjectReader::ReadRule() {
  CheckKeys("rule");
  std::string name = TextOf(Get("rule"), "rule");
  bool changes =
      Has("override") || (Has("append") && BoolOf(Get("append"), "append"));
  bool only_switches = Has("enabled") && !Has("condition") && !Has("output") &&
                       !Has("desc") && !Has("priority");
  if (!changes && !only_switches) return ReadNewRule(name);
  YamlNode override_node = Get("override");
  for (const std::string& key : override_node.Keys()) {
    if (Has(key)) continue;
    Error(override_node.Get(key),
          absl::StrCat("\"override\" names ", QuotedName(key),
                       ", which is not here"));
  }
  FalcoRuleText* rule = Find(all_.rules_, all_.rule_numbers_, name, "rule");
  if (rule == nullptr || failed_) return;
  if (!changes) {
    rule->enabled = BoolOf(Get("enabled"), "enabled");
    return;
  }
  // All of it or nothing.
  FalcoRuleText changed = *rule;
  ReadRuleKeys(changed, false);
  if (!failed_) *rule = std::move(changed);
}

}  // namespace oddverb
