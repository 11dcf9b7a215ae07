#include "tests/support/scenario.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using nlohmann::json;

const absl::Time kBegin = absl::FromUnixSeconds(1'704'067'200);
constexpr char kFolder[] = ODDVERB_SOURCE_DIR "/tests/pipeline/scenarios";

// The value of `key` in `step`, else in `as`, with {i} for the number.
class StepFields {
 public:
  StepFields(const YamlNode& step, const YamlNode& as, int i)
      : step_(step), as_(as), i_(absl::StrCat(i)) {}

  std::string Text(const char* key, std::string fallback = "") const {
    YamlNode node = NodeOf(key);
    if (!node.present()) return fallback;
    return Numbered(*node.AsString());
  }
  std::vector<std::string> List(const char* key,
                                std::vector<std::string> fallback = {}) const {
    YamlNode node = NodeOf(key);
    if (!node.present()) return fallback;
    std::vector<std::string> list = *node.AsStrings();
    for (std::string& text : list) text = Numbered(text);
    return list;
  }
  std::map<std::string, std::string> Map(const char* key) const {
    std::map<std::string, std::string> map;
    YamlNode node = NodeOf(key);
    for (const std::string& name : node.Keys()) {
      map[name] = Numbered(*node.Get(name).AsString());
    }
    return map;
  }

 private:
  YamlNode NodeOf(const char* key) const {
    YamlNode own = step_.Get(key);
    YamlNode other = as_.Get(key);
    return own.present() ? own : other;
  }
  std::string Numbered(const std::string& text) const {
    return absl::StrReplaceAll(text, {{"{i}", i_}});
  }

  const YamlNode& step_;
  const YamlNode& as_;
  const std::string i_;
};

json UserOf(const StepFields& fields) {
  std::string account = fields.Text("sa");
  json user = {{"username", fields.Text("user", "alice")},
               {"groups", fields.List("groups", {"system:authenticated"})}};
  if (!account.empty()) {
    std::vector<std::string> parts = absl::StrSplit(account, '/');
    user["username"] =
        "system:serviceaccount:" + parts.at(0) + ":" + parts.at(1);
    user["groups"] = {"system:serviceaccounts",
                      "system:serviceaccounts:" + parts.at(0),
                      "system:authenticated"};
  }
  std::string node = fields.Text("node");
  if (!node.empty()) {
    user = {{"username", "system:node:" + node},
            {"groups", {"system:nodes", "system:authenticated"}}};
  }
  if (user["username"] == "system:anonymous") {
    user["groups"] = {"system:unauthenticated"};
  }
  if (fields.Text("user") == "nobody") return json::object();
  std::string pod = fields.Text("pod");
  if (!pod.empty()) {
    user["extra"]["authentication.kubernetes.io/pod-name"] = {"pod-" + pod};
    user["extra"]["authentication.kubernetes.io/pod-uid"] = {pod};
  }
  std::string credential = fields.Text("credential");
  if (!credential.empty()) {
    user["extra"]["authentication.kubernetes.io/credential-id"] = {credential};
  }
  return user;
}

json ObjectOf(const StepFields& fields) {
  json object = {{"resource", fields.Text("resource")}, {"apiVersion", "v1"}};
  const std::pair<const char*, const char*> names[] = {{"sub", "subresource"},
                                                       {"group", "apiGroup"},
                                                       {"ns", "namespace"},
                                                       {"name", "name"}};
  for (auto [key, member] : names) {
    std::string text = fields.Text(key);
    if (!text.empty()) object[member] = text;
  }
  return object;
}

std::string UriOf(const StepFields& fields) {
  std::string uri = fields.Text("uri");
  if (!uri.empty()) return uri;
  std::string group = fields.Text("group");
  uri = group.empty() ? "/api/v1" : "/apis/" + group + "/v1";
  if (!fields.Text("ns").empty()) uri += "/namespaces/" + fields.Text("ns");
  uri += "/" + fields.Text("resource");
  if (!fields.Text("name").empty()) uri += "/" + fields.Text("name");
  if (!fields.Text("sub").empty()) uri += "/" + fields.Text("sub");
  return uri;
}

json EventOf(const StepFields& fields, absl::Time time, size_t number) {
  std::string stamp =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  int code = std::stoi(fields.Text("code", "200"));
  json event = {
      {"kind", "Event"},
      {"apiVersion", "audit.k8s.io/v1"},
      {"level", "RequestResponse"},
      {"auditID", fields.Text("audit_id", absl::StrCat("id-", number))},
      {"stage", fields.Text("stage", "ResponseComplete")},
      {"requestURI", UriOf(fields)},
      {"verb", fields.Text("verb", "get")},
      {"user", UserOf(fields)},
      {"sourceIPs", fields.List("ips", {"10.0.0.1"})},
      {"userAgent", fields.Text("agent", "kubectl/v1.30.0")},
      {"responseStatus", {{"code", code}}},
      {"requestReceivedTimestamp", stamp},
      {"stageTimestamp", stamp}};
  if (!fields.Text("resource").empty()) event["objectRef"] = ObjectOf(fields);
  std::string message = fields.Text("message");
  if (!message.empty()) event["responseStatus"]["message"] = message;
  std::string as = fields.Text("impersonate");
  if (!as.empty()) event["impersonatedUser"]["username"] = as;
  std::string decision =
      fields.Text("decision", code == 403 ? "forbid" : "allow");
  if (decision != "none") {
    event["annotations"]["authorization.k8s.io/decision"] = decision;
  }
  for (const auto& [key, value] : fields.Map("annotations")) {
    event["annotations"][key] = value;
  }
  std::string body = fields.Text("body");
  if (!body.empty()) event["requestObject"] = json::parse(body);
  body = fields.Text("response_body");
  if (!body.empty()) event["responseObject"] = json::parse(body);
  for (const auto& [key, value] : fields.Map("raw")) {
    event[key] = json::parse(value);
  }
  return event;
}

Severity SeverityOf(const YamlNode& node, const char* fallback) {
  Severity severity = Severity::kInfo;
  EXPECT_TRUE(ParseSeverity(*node.AsString(fallback), severity))
      << node.Place();
  return severity;
}

}  // namespace

Scenario ReadScenario(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  auto root = YamlNode::Parse(text.str(), path.filename().string());
  EXPECT_THAT(root, IsOk());
  Scenario scenario;
  scenario.name = path.stem().string();
  scenario.kind = *root->Get("kind").AsString();
  scenario.trap = *root->Get("trap").AsString();
  scenario.surface = *root->Get("surface").AsString();
  scenario.most = SeverityOf(root->Get("most"), "info");
  EXPECT_NE(*root->Get("about").AsString(), "") << path;
  for (const YamlNode& one : root->Get("expect").Items()) {
    scenario.expect.push_back({*one.Get("rule").AsString(),
                               SeverityOf(one.Get("severity"), "low"),
                               *one.Get("from").AsString("Metadata")});
    EXPECT_THAT(one.CheckAllKeysUsed(), IsOk());
  }
  YamlNode as = root->Get("as");
  absl::Time time = kBegin;
  for (const YamlNode& step : root->Get("events").Items()) {
    absl::Duration every = *step.Get("every").AsDuration(absl::Seconds(1));
    if (step.Get("at").present()) {
      time = kBegin + *step.Get("at").AsDuration(absl::ZeroDuration());
    }
    int64_t repeat = *step.Get("repeat").AsInt(1);
    for (int i = 0; i < repeat; ++i, time += every) {
      StepFields fields(step, as, i);
      scenario.events.push_back(EventOf(fields, time, scenario.events.size()));
    }
    EXPECT_THAT(step.CheckAllKeysUsed(), IsOk());
  }
  EXPECT_THAT(root->CheckAllKeysUsed(), IsOk());
  return scenario;
}

std::vector<std::filesystem::path> ScenarioFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> LinesAt(const Scenario& scenario,
                                 const std::string& level) {
  std::vector<std::string> lines;
  for (json event : scenario.events) {
    event["level"] = level;
    if (level != "RequestResponse") event.erase("responseObject");
    if (level == "Metadata") event.erase("requestObject");
    lines.push_back(event.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return lines;
}

std::map<std::string, Severity> FoundIn(const std::vector<std::string>& lines) {
  std::map<std::string, Severity> found;
  std::istringstream output(FindingsOf(lines, RunSetup()));
  for (std::string line; std::getline(output, line);) {
    json finding = json::parse(line);
    Severity severity = Severity::kInfo;
    ParseSeverity(finding["severity"].get<std::string>(), severity);
    Severity& gravest = found[finding["rule"].get<std::string>()];
    gravest = std::max(gravest, severity);
  }
  return found;
}

}  // namespace oddverb
