#include "detectors/metadata_access.h"

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// What one exec with this query opens.
std::vector<Finding> OpenedBy(const std::string& query,
                              std::string_view subresource = "exec",
                              std::string_view verb = "get") {
  MetadataStream stream;
  EventBuilder builder;
  AsExec(builder, "/api/v1/namespaces/web/pods/p/" + std::string(subresource) +
                      "?" + query)
      .Sub(subresource)
      .Verb(verb);
  stream.Feed(builder.Build());
  return stream.opened();
}

TEST(MetadataAccessTest, TellsWhatHappened) {
  MetadataStream stream;
  stream.Exec(At(0), {"curl",
                      "http://0xa9fea9fe/latest/meta-data/iam/"
                      "security-credentials/node"});
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding& finding = stream.findings()[0];
  EXPECT_EQ(finding.rule, "metadata.exec");
  EXPECT_EQ(finding.detector, "metadata_access");
  EXPECT_EQ(finding.cluster, "prod");
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.score, 6.5);
  EXPECT_EQ(finding.threshold, 3);
  EXPECT_EQ(finding.entity, "alice");
  EXPECT_EQ(finding.entity_kind, "user");
  EXPECT_EQ(finding.where.source_ip, "10.0.0.1");
  EXPECT_THAT(finding.title, HasSubstr("AWS"));
  EXPECT_EQ(finding.summary,
            "alice ran in pod web/p: curl "
            "http://0xa9fea9fe/latest/meta-data/iam/security-credentials/node, "
            "which means 169.254.169.254");
  EXPECT_EQ(finding.time, At(0));
  EXPECT_EQ(finding.first_seen, At(0));
  EXPECT_EQ(finding.count, 1);
  ASSERT_THAT(finding.evidence, SizeIs(1));
  EXPECT_EQ(finding.evidence[0].audit_id, "exec-1");
  EXPECT_THAT(finding.what.names, ElementsAre("p"));
  EXPECT_THAT(finding.attack, ElementsAre("T1552.005", "T1609"));
  EXPECT_THAT(finding.practice, ElementsAre(5));
  EXPECT_THAT(finding.next, Contains("kubectl get pod p -n web -o wide"));
  EXPECT_FALSE(finding.normal.empty());
  double sum = 0;
  for (const FindingReason& reason : finding.why) sum += reason.contribution;
  EXPECT_EQ(sum, finding.score);
}

TEST(MetadataAccessTest, NamesTheProxyAndTheAnswer) {
  MetadataStream stream;
  stream.Feed(EventBuilder()
                  .Resource("nodes")
                  .Sub("proxy")
                  .Name("169.254.169.254:80")
                  .Uri("/api/v1/nodes/169.254.169.254:80/proxy/latest/")
                  .Code(404)
                  .Build());
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding& finding = stream.findings()[0];
  EXPECT_EQ(finding.rule, "metadata.proxy");
  EXPECT_EQ(finding.severity, Severity::kMedium);
  EXPECT_EQ(finding.summary,
            "alice sent a request through the proxy of node 169.254.169.254: "
            "/latest/ (answer 404)");
  EXPECT_THAT(finding.attack, ElementsAre("T1552.005"));
}

TEST(MetadataAccessTest, TellsATryFromARun) {
  MetadataStream stream;
  EventBuilder builder;
  AsExec(builder, ExecUri(kDisguised)).Code(403);
  stream.Feed(builder.Build());
  ASSERT_THAT(stream.opened(), SizeIs(1));
  EXPECT_EQ(stream.opened()[0].score, 4);
  EXPECT_EQ(stream.opened()[0].summary,
            "alice tried to run in pod web/p: curl http://2852039166/, which "
            "means 169.254.169.254 (answer 403)");
}

TEST(MetadataAccessTest, NamesThePodBehindAKubelet) {
  MetadataStream stream;
  stream.Feed(EventBuilder()
                  .Resource("nodes")
                  .Sub("proxy")
                  .Name("worker-1")
                  .Uri("/api/v1/nodes/worker-1/proxy/run/web/p/app?"
                       "cmd=curl+169.254.169.254")
                  .Build());
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].summary,
            "alice ran in pod web/p, through the kubelet of node worker-1: "
            "curl 169.254.169.254");
  EXPECT_THAT(stream.findings()[0].attack, Contains("T1609"));
}

TEST(MetadataAccessTest, ReadsTheCommandInAnyPlaceOfTheQuery) {
  constexpr const char* kUrl = "http%3A%2F%2F169.254.169.254%2F";
  for (const std::string& query : {
           std::string("command=curl&command=") + kUrl + "&container=c",
           std::string("container=c&stdout=true&command=curl&command=") + kUrl,
           std::string("command=curl&container=c&command=") + kUrl,
           std::string("tty=true&command=") + kUrl + "&stdin=true",
           std::string("cmd=curl+") + kUrl,
           std::string("%63ommand=curl&c%6Fmmand=") + kUrl,
           std::string("&&command=curl&&command=") + kUrl + "&",
           std::string("x=1#&command=curl&command=") + kUrl,
           std::string("command=sh&command=-c&command=curl+-s+") + kUrl,
       }) {
    for (std::string_view verb : {"get", "create"}) {
      for (std::string_view sub : {"exec", "attach", "ephemeralcontainers"}) {
        EXPECT_THAT(OpenedBy(query, sub, verb), SizeIs(1)) << query;
      }
    }
  }
}

TEST(MetadataAccessTest, UndoesPercentEncodingThrice) {
  std::string url = "http://169.254.169.254/";
  double score = 3;
  for (int layers = 1; layers <= 3; ++layers) {
    url = PercentEncode(url);
    std::vector<Finding> opened = OpenedBy("command=curl&command=" + url);
    ASSERT_THAT(opened, SizeIs(1)) << layers;
    EXPECT_EQ(opened[0].score, score++);
    EXPECT_THAT(opened[0].decoded, SizeIs(static_cast<size_t>(layers)));
  }
  EXPECT_THAT(OpenedBy("command=curl&command=" + PercentEncode(url)),
              IsEmpty());
}

TEST(MetadataAccessTest, LeavesLookAlikesAlone) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{
           {"sh"},
           {"curl", "-s", "http://localhost:8080/healthz"},
           {"curl", "http://api/pods?resourceVersion=2852039166"},
           {"curl", "-H", "X-Id: 2852039166", "http://api/"},
           {"app", "--seed", "2852039166"},
           {"env", "NO_PROXY=localhost,169.254.169.254", "app"},
           {"sh", "-c", "export NO_PROXY=169.254.169.254; exec app"},
           {"grep", "-r", "169.254.169.254", "/etc"},
           {"dig", "@169.254.20.10", "kubernetes.default"},
           {"dig", "@169.254.169.254", "x"},
           {"ping", "169.254.1.1"},
           {"nslookup", "x", "169.254.169.253"},
           {"ntpdate", "169.254.169.123"},
           {"cat", "metadata"},
           {"kubectl", "get", "pod", "-o", "jsonpath={.metadata.name}"},
           {"crictl", "pull", "registry/app:2852039166"},
           {"iptables", "-A", "OUTPUT", "-d", "169.254.169.254/32", "-j",
            "DROP"},
           kWeak,
       }) {
    MetadataStream stream;
    stream.Exec(At(0), command);
    EXPECT_THAT(stream.opened(), IsEmpty())
        << ::testing::PrintToString(command);
  }
  // Nothing but exec, attach and proxy is searched.
  MetadataStream stream;
  stream.Feed(EventBuilder()
                  .Resource("pods")
                  .Sub("log")
                  .Name("169.254.169.254")
                  .Uri("/api/v1/namespaces/a/pods/169.254.169.254/log?"
                       "command=curl&command=http://169.254.169.254/")
                  .Build());
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(MetadataAccessTest, SurvivesHostileEvents) {
  MetadataStream stream;
  std::mt19937_64 random(7);
  constexpr std::string_view kHot = "?&=%+/:@[]command=curl169.254.169.254";
  for (int i = 0; i < 20'000; ++i) {
    std::string uri;
    std::string name;
    for (size_t n = random() % 120; n > 0; --n) {
      uri += random() % 6 == 0 ? static_cast<char>(random())
                               : kHot[random() % kHot.size()];
    }
    for (size_t n = random() % 12; n > 0; --n) {
      name += random() % 6 == 0 ? static_cast<char>(random())
                                : kHot[random() % kHot.size()];
    }
    constexpr const char* kResources[] = {"pods", "nodes", "services", ""};
    stream.Feed(EventBuilder()
                    .Resource(kResources[random() % 4])
                    .Sub(random() % 2 == 0 ? "exec" : "proxy")
                    .Name(name)
                    .Uri(uri)
                    .At(At(i))
                    .Build());
  }
  // No name, no URI, no user, no time.
  AuditEvent empty;
  empty.object.subresource = "exec";
  stream.Feed(empty);
  empty.object.subresource = "proxy";
  stream.Feed(empty);
  stream.End();
}

TEST(MetadataAccessTest, QuotesHostileNamesInCommands) {
  MetadataStream stream;
  for (const char* name : {"x; rm -rf ~", "--kubeconfig=/tmp/x", "$(id)"}) {
    EventBuilder builder;
    AsExec(builder, ExecUri(kPlain)).Name(name).AuditId(name);
    stream.Feed(builder.Build());
  }
  ASSERT_THAT(stream.opened(), SizeIs(3));
  EXPECT_THAT(stream.opened()[0].next,
              Contains("kubectl get pod 'x; rm -rf ~' -n web -o wide"));
  EXPECT_THAT(stream.opened()[1].next,
              Contains("kubectl get pod NAME -n web -o wide"));
  EXPECT_THAT(stream.opened()[2].next,
              Contains("kubectl get pod '$(id)' -n web -o wide"));
}

TEST(MetadataAccessTest, BoundsTheTimeOfHugeUris) {
  for (std::string_view piece :
       {"A", "%41", "%2541", "&command=A", "command=", "/", "http:", "@", "+",
        "QUFBQUFBQUFBQUFB%20", "&", "="}) {
    std::string query = "command=curl&command=";
    while (query.size() < 1'000'000) query += piece;
    // What is behind the padding counts.
    query += "&command=curl+http%3A%2F%2F2852039166%2F";
    auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(OpenedBy(query), SizeIs(1)) << piece;
    // Some 20 ms; anything quadratic takes minutes.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5))
        << piece;
  }
}

TEST(MetadataAccessTest, BoundsEveryText) {
  std::string long_name(5000, 'n');
  MetadataStream stream;
  EventBuilder builder;
  AsExec(builder,
         ExecUri({"curl", "http://2852039166/", std::string(100'000, 'a')}))
      .User(long_name)
      .Name(long_name)
      .Ns(long_name);
  stream.Feed(builder.Build());
  ASSERT_THAT(stream.opened(), SizeIs(1));
  EXPECT_LT(stream.Saved(0).size(), 8192u);
}

absl::StatusOr<std::unique_ptr<Detector>> Make(std::string_view yaml) {
  absl::StatusOr<YamlNode> node = YamlNode::Parse(yaml, "test.yaml");
  if (!node.ok()) return node.status();
  return MakeMetadataAccess({.hash = {}, .cluster = "c"}, *node);
}

TEST(MetadataAccessOptionsTest, TakesExtraHosts) {
  EXPECT_THAT(MakeMetadataAccess({.hash = {}, .cluster = ""}, YamlNode()),
              IsOk());
  EXPECT_THAT(Make("extra_hosts: [10.11.12.13, creds.corp.example, 'fd12::1']"),
              IsOk());
  absl::StatusOr<YamlNode> node =
      YamlNode::Parse("extra_hosts: [10.11.12.13]", "test.yaml");
  MetadataStream stream(MetadataAccess::Options::FromYaml(*node).value());
  stream.Exec(At(0), {"curl", "http://10.11.12.13/"});
  stream.Exec(At(0), {"curl", "http://0x0a0b0c0d/"}, "q");
  ASSERT_THAT(stream.opened(), SizeIs(2));
  EXPECT_THAT(stream.opened()[1].title, HasSubstr("as configured"));
}

TEST(MetadataAccessOptionsTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(
      Make("extra_host: [a]"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("extra_hosts")));
  for (std::string_view bad :
       {"extra_hosts: ['http://a/']", "extra_hosts: ['']",
        "extra_hosts: ['a b']", "extra_hosts: {a: b}"}) {
    EXPECT_THAT(Make(bad), Not(IsOk())) << bad;
  }
  std::string many = "extra_hosts: [a";
  for (size_t i = 0; i < MetadataAccess::Options::kMaxExtraHosts; ++i) {
    many += ", a";
  }
  EXPECT_THAT(Make(many + "]"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256")));
}

// As Google Cloud's log has it: without a query.
TEST(MetadataAccessTest, ReadsTheCommandFromALabel) {
  for (const char* command :
       {"sh -c 'curl -s http://2852039166/'",
        "command=sh&command=-c&command=curl+http%3A%2F%2F2852039166%2F"}) {
    MetadataStream stream;
    EventBuilder builder;
    AsExec(builder, "core/v1/namespaces/web/pods/p/exec");
    builder.Annotations(
        absl::StrCat(R"({"command.gke.io/command":")", command, "\"}"));
    stream.Feed(builder.Build());
    ASSERT_THAT(stream.opened(), SizeIs(1)) << command;
    EXPECT_EQ(stream.opened()[0].severity, Severity::kHigh);
  }
}

TEST(MetadataAccessTest, CostsOtherEventsNextToNothing) {
  MetadataAccess detector({.hash = {}, .cluster = "c"}, {});
  EventBuilder builder;
  const AuditEvent& event = builder.Resource("pods").Sub("status").Build();
  Emit out;
  EntityIds ids;
  ids.actor = 0;
  constexpr int kEvents = 1'000'000;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kEvents; ++i) detector.Observe(event, ids, out);
  auto took = std::chrono::steady_clock::now() - start;
  EXPECT_THAT(out.findings, IsEmpty());
  double ns = std::chrono::duration<double, std::nano>(took).count() / kEvents;
  RecordProperty("ns_per_event", std::to_string(ns));
  // 5 ns in a release build; sanitizers and busy machines need room.
  EXPECT_LT(ns, 500);
}

}  // namespace
}  // namespace oddverb
