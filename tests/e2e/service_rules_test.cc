// Rules of a running service: what a reload puts in force, what it refuses, and
// that nothing else is lost by it.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/running_service.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string SigmaRule(const std::string& name, const std::string& resource,
                      const std::string& condition = "sel") {
  return absl::StrCat("title: Reads ", resource, "\nname: ", name,
                      "\nlogsource: {product: kubernetes, service: audit}\n"
                      "level: high\ndetection:\n"
                      "  sel: {verb: get, objectRef.resource: ",
                      resource, "}\n  condition: ", condition, "\n");
}

constexpr char kFalcoRules[] =
    "- macro: reads\n  condition: ka.verb = get\n"
    "- rule: Reads Nodes\n  desc: d\n"
    "  condition: reads and ka.target.resource = nodes\n"
    "  output: user=%ka.user.name\n  priority: WARNING\n"
    "  source: k8s_audit\n";

class ServiceRulesE2eTest : public ::testing::Test {
 protected:
  ServiceRulesE2eTest() {
    folder_.Write("audit.log", "");
    folder_.Write("rules/secrets.yml", SigmaRule("reads_secrets", "secrets"));
    folder_.Write("rules/falco.yaml", kFalcoRules);
    text_ = absl::StrCat(
        "cluster: lab\nstate_dir: ", folder_.path("state"),
        "\nthreads: 2\ncheckpoint: {interval: 100ms}\n"
        "sources: [{name: log, type: tail, poll_interval: 100ms, path: ",
        folder_.path("audit.log"),
        "}]\nlisteners:\n  - {name: all, address: \"127.0.0.1:0\", serve: "
        "[api, metrics, health]}\noutputs: [{name: file, type: ndjson, path: ",
        folder_.path("findings"), "}]\nrules: {paths: rules}\n");
    folder_.Write("c.yaml", text_);
    Start();
  }

  void Start() {
    service_ = std::make_unique<LoopbackService>(
        std::vector<std::string>{"run", "--config", folder_.path("c.yaml")});
    service_->Started();
  }
  void Stop() {
    service_->process().Signal(SIGTERM);
    EXPECT_THAT(service_->process().Wait().errors, HasSubstr("msg=stopped"));
  }
  HttpResult Reload() { return service_->Post("all", "/-/reload", ""); }
  double Metric(const std::string& series) {
    return service_->Metric("all", series);
  }
  // Whether the readiness page says so.
  bool IsReady() { return service_->Get("all", "/-/ready").status == 200; }

  // Someone new reads one object of each kind; an event a second.
  void Append(const std::string& user) {
    std::ofstream log(folder_.path("audit.log"), std::ios::app);
    for (const char* resource : {"secrets", "nodes", "services"}) {
      log << EventText(user, resource) << "\n";
    }
  }
  // Until all that was appended is judged.
  bool Judged() {
    return BecomesTrue([&] {
      return service_->Sum("all", "oddverb_events_total", "source=\"log\"") >=
             events_;
    });
  }
  std::string EventText(const std::string& user, const std::string& resource) {
    ++events_;
    json event = {
        {"kind", "Event"},
        {"apiVersion", "audit.k8s.io/v1"},
        {"level", "Metadata"},
        {"auditID", absl::StrCat("audit-", total_)},
        {"stage", "ResponseComplete"},
        {"requestURI", absl::StrCat("/api/v1/namespaces/n/", resource, "/x")},
        {"verb", "get"},
        {"user", {{"username", user}, {"groups", {"system:authenticated"}}}},
        {"sourceIPs", {"10.0.0.1"}},
        {"userAgent", "kubectl"},
        {"objectRef",
         {{"resource", resource}, {"namespace", "n"}, {"name", "x"}}},
        {"responseStatus", {{"code", 200}}},
        {"annotations", {{"authorization.k8s.io/decision", "allow"}}}};
    std::string second = absl::StrCat(total_ % 60);
    if (second.size() < 2) second.insert(0, "0");
    ++total_;
    for (const char* key : {"requestReceivedTimestamp", "stageTimestamp"}) {
      event[key] = absl::StrCat("2026-01-01T00:00:", second, ".000000Z");
    }
    return event.dump();
  }
  // "RULE USER" of all findings of rules that are in the file.
  std::multiset<std::string> Findings() const {
    std::multiset<std::string> found;
    std::ifstream in(folder_.path("findings"));
    for (std::string line; std::getline(in, line);) {
      json finding = json::parse(line, nullptr, false);
      if (finding.is_discarded() || finding["detector"] != "rule_match" ||
          finding["state"] != "open") {
        continue;
      }
      found.insert(absl::StrCat(finding["rule"].get<std::string>(), " ",
                                finding["entity"].get<std::string>()));
    }
    return found;
  }
  void ExpectFindings(const std::multiset<std::string>& wanted) {
    EXPECT_TRUE(BecomesTrue([&] { return Findings().size() >= wanted.size(); }))
        << service_->process().errors();
    EXPECT_EQ(Findings(), wanted);
  }

  TempFolder folder_;
  std::string text_;
  int events_ = 0;  // since the start of the service
  int total_ = 0;
  std::unique_ptr<LoopbackService> service_;
};

TEST_F(ServiceRulesE2eTest, AReloadAddsAndRemovesRulesAndLosesNothing) {
  EXPECT_TRUE(IsReady());
  EXPECT_EQ(Metric("oddverb_rules{state=\"in_force\"}"), 2);
  Append("ann");
  ASSERT_TRUE(Judged());
  ExpectFindings({"reads_secrets ann", "Reads Nodes ann"});

  folder_.Write("rules/sub/services.yml",
                SigmaRule("reads_services", "services"));
  std::filesystem::remove(folder_.path("rules/falco.yaml"));
  HttpResult result = Reload();
  EXPECT_EQ(result.status, 200);
  EXPECT_THAT(result.body, HasSubstr("rules: 2 rules of 2 files\n"));
  Append("bob");
  ASSERT_TRUE(Judged());
  const std::multiset<std::string> all = {
      "reads_secrets ann", "Reads Nodes ann", "reads_secrets bob",
      "reads_services bob"};
  ExpectFindings(all);
  EXPECT_EQ(Metric("oddverb_rule_matches_total{rule=\"reads_secrets\"}"), 2);
  EXPECT_EQ(Metric("oddverb_rule_matches_total{rule=\"Reads Nodes\"}"), 1);
  EXPECT_EQ(Metric("oddverb_rule_matches_total{rule=\"reads_services\"}"), 1);

  // The checkpoint has followed: nothing is judged or told a second time.
  Stop();
  events_ = 0;
  Start();
  Append("cat");
  ASSERT_TRUE(Judged());
  std::multiset<std::string> more = all;
  more.insert({"reads_secrets cat", "reads_services cat"});
  ExpectFindings(more);
  EXPECT_EQ(Metric("oddverb_rule_matches_total{rule=\"reads_secrets\"}"), 1);
}

TEST_F(ServiceRulesE2eTest, ABrokenFileKeepsTheOldRulesAndIsTold) {
  folder_.Write("rules/secrets.yml",
                SigmaRule("reads_secrets", "secrets", "sell"));
  HttpResult result = Reload();
  EXPECT_EQ(result.status, 400);
  EXPECT_THAT(
      result.body,
      AllOf(HasSubstr("would be lost: \"reads_secrets\""),
            HasSubstr(folder_.path("rules/secrets.yml") + ":7:14: error: "),
            HasSubstr("did you mean \"sel\"?\n      condition: sell\n")));
  EXPECT_EQ(Metric("oddverb_config_last_reload_successful"), 0);
  EXPECT_EQ(Metric("oddverb_rule_load_failures_total"), 1);
  EXPECT_TRUE(IsReady());
  Append("ann");
  ASSERT_TRUE(Judged());
  ExpectFindings({"reads_secrets ann", "Reads Nodes ann"});

  folder_.Write("rules/secrets.yml", SigmaRule("reads_secrets", "services"));
  EXPECT_EQ(Reload().status, 200);
  EXPECT_EQ(Metric("oddverb_config_last_reload_successful"), 1);
  EXPECT_EQ(Metric("oddverb_rule_load_failures_total"), 1);
}

TEST_F(ServiceRulesE2eTest, SighupDoesTheSame) {
  folder_.Write("rules/services.yml", SigmaRule("reads_services", "services"));
  service_->process().Signal(SIGHUP);
  ASSERT_TRUE(service_->process().ReadErrors("configuration reloaded"));
  EXPECT_EQ(Metric("oddverb_rules{state=\"in_force\"}"), 3);
  folder_.Write("rules/services.yml", "title: [\n");
  service_->process().Signal(SIGHUP);
  ASSERT_TRUE(service_->process().ReadErrors("the old one stays"));
  EXPECT_THAT(service_->process().errors(),
              HasSubstr("services.yml:2:1: error: not YAML"));
  EXPECT_EQ(Metric("oddverb_rules{state=\"in_force\"}"), 3);
  Append("ann");
  ASSERT_TRUE(Judged());
  ExpectFindings(
      {"reads_secrets ann", "Reads Nodes ann", "reads_services ann"});
}

TEST_F(ServiceRulesE2eTest, TheKeysOfRulesCountAtOnce) {
  folder_.Write(
      "c.yaml",
      absl::StrReplaceAll(
          text_, {{"{paths: rules}", "{paths: rules, disable: [Reads *]}"}}));
  HttpResult result = Reload();
  EXPECT_THAT(result.body,
              AllOf(HasSubstr("in effect now: rules.disable; needs a restart: "
                              "nothing;"),
                    HasSubstr("rules: 0 rules of 2 files, 2 off\n")));
  EXPECT_THAT(service_->Get("all", "/config").body,
              HasSubstr("\"disable\":[\"Reads *\"]"));
  Append("ann");
  ASSERT_TRUE(Judged());
  EXPECT_THAT(Findings(), UnorderedElementsAre());
}

// Each event matches one of two rules, whichever is in force: the sum of their
// matches is the number of events only if none is passed over or judged twice.
TEST_F(ServiceRulesE2eTest, NoEventIsLostWhileRulesAreSwapped) {
  constexpr int kReloads = 20;
  constexpr int kEventsBetween = 50;
  std::filesystem::remove(folder_.path("rules/falco.yaml"));
  for (int i = 0; i < kReloads; ++i) {
    {
      std::ofstream log(folder_.path("audit.log"), std::ios::app);
      for (int k = 0; k < kEventsBetween; ++k) {
        log << EventText("ann", "secrets") << "\n";
      }
    }
    folder_.Write("rules/secrets.yml",
                  SigmaRule(i % 2 == 0 ? "even" : "odd", "secrets"));
    ASSERT_EQ(Reload().status, 200);
  }
  ASSERT_TRUE(Judged());
  double matches = service_->Sum("all", "oddverb_rule_matches_total", "rule");
  EXPECT_EQ(matches, kReloads * kEventsBetween);
}

}  // namespace
}  // namespace oddverb
