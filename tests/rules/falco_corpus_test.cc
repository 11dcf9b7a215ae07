// Falco's stock rules for the Kubernetes audit log, as they are published, on
// the shared corpus.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/corpus.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

// nullopt where the shared data is absent.
std::optional<std::string> ReadStock(const std::string& name) {
  std::optional<std::string> corpus = CorpusPath("truth.json");
  if (!corpus.has_value()) return std::nullopt;
  std::ifstream stream(
      std::filesystem::path(*corpus).parent_path().parent_path() / "falco" /
      name);
  if (!stream) return std::nullopt;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

LoadedRules LoadStock(const std::string& text,
                      RuleMatching matching = RuleMatching::kAll) {
  RuleLoader loader({}, {.matching = matching});
  loader.Add("k8s_audit_rules.yaml", text);
  return std::move(loader).Finish();
}

TEST(FalcoCorpusTest, LoadsTheStockRulesAsTheyAre) {
  auto text = ReadStock("k8s_audit_rules.yaml");
  if (!text.has_value()) GTEST_SKIP() << "no shared data";
  LoadedRules loaded = LoadStock(*text);
  EXPECT_EQ(loaded.rules->rules().size(), 48u);
  EXPECT_EQ(loaded.refused, 0u);
  EXPECT_EQ(Messages(loaded), "");
  std::map<std::string, int> priorities;
  for (const Rule& rule : loaded.rules->rules()) {
    ++priorities[rule.priority];
    EXPECT_EQ(rule.tags[0], "k8s") << rule.title;
    EXPECT_NE(rule.output, nullptr);
  }
  EXPECT_EQ(priorities, (std::map<std::string, int>{{"DEBUG", 1},
                                                    {"ERROR", 2},
                                                    {"INFORMATIONAL", 20},
                                                    {"NOTICE", 4},
                                                    {"WARNING", 21}}));
}

TEST(FalcoCorpusTest, KnowsEveryFieldOfThePlugin) {
  auto text = ReadStock("ka_fields.json");
  if (!text.has_value()) GTEST_SKIP() << "no shared data";
  size_t count = 0;
  for (const nlohmann::json& row : nlohmann::json::parse(*text)) {
    std::string name = row["name"], argument = row["arg"];
    std::optional<std::string_view> given;
    if (argument == "required key") given = "k";
    auto field = FindFalcoField(name, given);
    ASSERT_TRUE(field.ok()) << field.status();
    EXPECT_EQ(field->is_list, row["list"].get<bool>()) << name;
    EXPECT_EQ(FindFalcoField(name, "0").ok(), !argument.empty()) << name;
    EXPECT_EQ(FindFalcoField(name, std::nullopt).ok(), !given.has_value());
    ++count;
  }
  EXPECT_EQ(count, 100u);
}

// The conditions of the stock rules as code, without any of the loader.
class NaiveStock {
 public:
  explicit NaiveStock(const nlohmann::json& event) : event_(event) {}

  std::vector<std::string> Matches() const;

 private:
  // As Falco's plugin: what is no text is JSON.
  std::optional<std::string> Get(const std::string& pointer) const {
    nlohmann::json::json_pointer at(pointer);
    if (!event_.contains(at)) return std::nullopt;
    const nlohmann::json& value = event_[at];
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  bool Is(const std::string& pointer, const std::string& value) const {
    return Get(pointer) == value;
  }
  std::vector<std::string> Repositories() const {
    std::vector<std::string> all;
    nlohmann::json::json_pointer at("/requestObject/spec/containers");
    if (!event_.contains(at) || !event_[at].is_array()) return {};
    for (const nlohmann::json& container : event_[at]) {
      if (!container.contains("image")) return {};
      std::string image = container["image"];
      image = image.substr(0, image.find(':'));
      all.push_back(image.substr(0, image.find('@')));
    }
    return all;
  }

  const nlohmann::json& event_;
};

std::vector<std::string> NaiveStock::Matches() const {
  std::vector<std::string> rules;
  std::string resource = Get("/objectRef/resource").value_or("");
  std::string verb = Get("/verb").value_or("");
  std::string user = Get("/user/username").value_or("");
  auto subresource = Get("/objectRef/subresource");
  bool complete = Is("/stage", "ResponseComplete");
  bool non_system = user.rfind("system:", 0) != 0;
  bool ok = Get("/responseStatus/code").value_or("").rfind("2", 0) == 0;
  bool creates_pod =
      complete && resource == "pods" && !subresource && verb == "create";
  if (resource == "secrets" && verb == "get" && complete) {
    rules.push_back(ok ? "K8s Secret Get Successfully"
                       : "K8s Secret Get Unsuccessfully Tried");
  }
  bool streams = subresource == "exec" || subresource == "attach";
  if (Is("/stage", "ResponseStarted") && resource == "pods" && streams &&
      (verb == "create" || verb == "get")) {
    rules.push_back("Attach/Exec Pod");
  }
  if (subresource == "portforward") rules.push_back("port-forward");
  auto ns = Get("/objectRef/namespace");
  std::vector<std::string> images = Repositories();
  bool kube_ns = ns == "kube-system" || ns == "kube-public";
  // Every image must be in the list; none of the corpus is.
  if (creates_pod && kube_ns &&
      images != std::vector<std::string>{"registry.k8s.io/kube-apiserver"}) {
    rules.push_back("Pod Created in Kube Namespace");
  }
  if (complete && verb == "create" && resource == "deployments" && ok) {
    rules.push_back("K8s Deployment Created");
  }
  if (complete && verb == "delete" && resource == "secrets" && ns &&
      ns != "kube-system" && non_system && ok) {
    rules.push_back("K8s Secret Deleted");
  }
  return rules;
}

TEST(FalcoCorpusTest, CountsMatchesAndAgreesWithRulesWrittenOutAsCode) {
  auto text = ReadStock("k8s_audit_rules.yaml");
  std::vector<std::string> files = CorpusAuditFiles();
  if (!text.has_value() || files.empty()) GTEST_SKIP() << "no shared data";
  LoadedRules loaded = LoadStock(*text);
  RuleMatcher matcher(loaded.rules);
  RuleMatcher first(LoadStock(*text, RuleMatching::kFirst).rules);
  const std::vector<std::string> checked = {
      "Attach/Exec Pod",
      "K8s Deployment Created",
      "K8s Secret Deleted",
      "K8s Secret Get Successfully",
      "K8s Secret Get Unsuccessfully Tried",
      "Pod Created in Kube Namespace",
      "port-forward"};
  std::map<std::string, std::pair<size_t, size_t>> counts;
  size_t events = 0;
  for (const std::string& file : files) {
    std::unique_ptr<EventBatch> batch = DecodeLines(ReadMaybeGzip(file));
    for (const AuditEvent& event : batch->events) {
      ++events;
      auto matches = matcher.Match(event, RuleMatcher::Request::kOther);
      std::vector<std::string> got;
      for (const Rule* rule : matches) {
        ++counts[rule->title].first;
        bool is_checked = std::find(checked.begin(), checked.end(),
                                    rule->title) != checked.end();
        if (is_checked) got.push_back(rule->title);
      }
      std::vector<std::string> wanted =
          NaiveStock(nlohmann::json::parse(event.raw.text)).Matches();
      std::sort(got.begin(), got.end());
      std::sort(wanted.begin(), wanted.end());
      ASSERT_EQ(got, wanted) << event.raw.text.substr(0, 2000);
      auto only = first.Match(event, RuleMatcher::Request::kOther);
      ASSERT_EQ(only.size(), matches.empty() ? 0u : 1u);
      if (!only.empty()) {
        ASSERT_EQ(only[0]->title, matches[0]->title);
        ++counts[only[0]->title].second;
      }
    }
  }
  std::printf(
      "%zu events; matches of all rules, and with rule_matching: first\n",
      events);
  for (const Rule& rule : loaded.rules->rules()) {
    auto [all, alone] = counts[rule.title];
    std::printf("%7zu %7zu  %s\n", all, alone, rule.title.c_str());
  }
  EXPECT_GT(counts["Disallowed K8s User"].first, 0u);
  EXPECT_EQ(counts["All K8s Audit Events"].first, 0u);
}

}  // namespace
}  // namespace oddverb
