// Bodies that lead to the metadata service: each surface once as an attacker
// writes it, its look-alikes, its evasions, and its bounds.
#include "detectors/metadata_body.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Write {
  std::string resource;
  std::string body;
  std::string sub = {};
  std::string verb = "create";
  std::string user = "alice";
};

std::vector<Finding> FindingsOf(const Write& write) {
  MetadataStream stream;
  EventBuilder event;
  event.User(write.user).Verb(write.verb).Resource(write.resource);
  event.Ns("web").Name("x").RequestObject(write.body).Code(201);
  if (!write.sub.empty()) event.Sub(write.sub);
  stream.Feed(event.At(At(0)).Build());
  return stream.findings();
}

// "" = no finding, else "rule severity".
std::string Told(const Write& write) {
  std::vector<Finding> findings = FindingsOf(write);
  if (findings.empty()) return "";
  EXPECT_THAT(findings, SizeIs(1));
  return absl::StrCat(findings[0].rule, " ",
                      std::string(SeverityName(findings[0].severity)));
}

std::string Container(const std::string& fields) {
  return "{\"spec\":{\"containers\":[{\"name\":\"c\"," + fields + "}]}}";
}

struct BodyCase {
  const char* name;
  Write write;
  const char* told;
};

class MetadataBodyTest : public ::testing::TestWithParam<BodyCase> {};

TEST_P(MetadataBodyTest, IsToldAsExpected) {
  EXPECT_EQ(Told(GetParam().write), GetParam().told);
}

constexpr char kEnvironment[] =
    R"("env":[{"name":"URL","value":"http://2852039166/latest/"}])";
// curl http://169.254.169.254/latest/meta-data/
constexpr char kEncoded[] =
    R"("args":["sh","-c","echo Y3VybCBodHRwOi8vMTY5LjI1NC4xNjkuMjU0L2xhdGVzdC)"
    R"(9tZXRhLWRhdGEv|base64 -d|sh"])";

std::vector<BodyCase> Attacks() {
  return {
      {"command",
       {"pods", Container(R"("command":["sh","-c","curl -s http://)"
                          R"(169.254.169.254/latest/meta-data/iam/)"
                          R"(security-credentials/"])")},
       "metadata.workload medium"},
      {"arguments_encoded",
       {"pods", Container(kEncoded)},
       "metadata.workload medium"},
      {"init_container_of_a_cron_job",
       {"cronjobs",
        R"({"spec":{"jobTemplate":{"spec":{"template":{"spec":{)"
        R"("initContainers":[{"command":["wget","http://0xa9fea9fe/"]}]}}}}}})"},
       "metadata.workload medium"},
      {"environment_disguised",
       {"deployments", Container(kEnvironment)},
       "metadata.workload medium"},
      {"probe",
       {"pods", Container(R"("livenessProbe":{"httpGet":{"host":)"
                          R"("169.254.169.254","path":"/latest/user-data",)"
                          R"("port":80}})")},
       "metadata.workload high"},
      {"tcp_probe",
       {"pods", Container(R"("startupProbe":{"tcpSocket":{"host":)"
                          R"("[fd00:ec2::254]","port":80}})")},
       "metadata.workload medium"},
      {"lifecycle_hook",
       {"pods",
        Container(R"("lifecycle":{"postStart":{"httpGet":{"host":)"
                  R"("metadata.google.internal","path":)"
                  R"("/computeMetadata/v1/","port":80,"httpHeaders":[)"
                  R"({"name":"Metadata-Flavor","value":"Google"}]}}})")},
       "metadata.workload medium"},
      {"debug_container",
       {"pods",
        R"({"spec":{"ephemeralContainers":[{"name":"d","command":[)"
        R"("curl","http://169.254.169.254/"]}]}})",
        "ephemeralcontainers", "patch"},
       "metadata.workload medium"},
      {"image",
       {"pods", Container(R"("image":"169.254.169.254:80/x/y")")},
       "metadata.workload medium"},
      {"external_name",
       {"services", R"({"spec":{"type":"ExternalName","externalName":)"
                    R"("metadata.google.internal"}})"},
       "metadata.routing medium"},
      {"external_name_alias",
       {"services", R"({"spec":{"externalName":"169-254-169-254.nip.io"}})"},
       "metadata.routing high"},
      {"endpoints",
       {"endpoints",
        R"({"subsets":[{"addresses":[{"ip":"169.254.169.254"}]}]})"},
       "metadata.routing medium"},
      {"endpoint_slice_v6",
       {"endpointslices",
        R"({"endpoints":[{"addresses":["::ffff:a9fe:a9fe"]}]})"},
       "metadata.routing high"},
      {"node_address",
       {"nodes",
        R"({"status":{"addresses":[{"type":"Hostname","address":)"
        R"("169.254.169.254"}]}})",
        "status", "patch"},
       "metadata.routing medium"},
      {"ingress_annotation",
       {"ingresses",
        R"({"metadata":{"annotations":{"nginx.ingress.kubernetes.io/auth-url":)"
        R"("http://169.254.169.254/latest/"}}})"},
       "metadata.routing medium"},
      {"webhook",
       {"mutatingwebhookconfigurations",
        R"({"webhooks":[{"clientConfig":{"url":)"
        R"("https://169.254.169.254/latest/meta-data/"}}]})"},
       "metadata.webhook medium"},
      {"conversion_webhook",
       {"customresourcedefinitions",
        R"({"spec":{"conversion":{"webhook":{"clientConfig":{"url":)"
        R"("https://0xa9.254.0xa9fe/"}}}}})"},
       "metadata.webhook high"},
      {"storage_parameter",
       {"storageclasses",
        R"({"parameters":{"resturl":"http://169.254.169.254/"}})"},
       "metadata.config medium"},
      {"policy_lets_through",
       {"networkpolicies", R"({"spec":{"egress":[{"to":[{"ipBlock":{"cidr":)"
                           R"("169.254.169.254/32"}}]}]}})"},
       "metadata.network_policy low"},
      {"config_map_disguised",
       {"configmaps", R"({"data":{"run.sh":"curl http://2852039166/x"}})"},
       "metadata.config medium"},
      {"json_patch",
       {"deployments",
        R"([{"op":"add","path":"/spec/template/spec/containers/0/args",)"
        R"("value":["curl","http://2852039166/"]}])",
        "", "patch"},
       "metadata.workload medium"},
      {"json_patch_element",
       {"deployments",
        R"([{"op":"add","path":"/spec/template/spec/containers/0/env/-",)"
        R"("value":{"name":"U","value":"http://2852039166/"}}])",
        "", "patch"},
       "metadata.workload medium"},
      {"json_patch_data",
       {"configmaps",
        R"([{"op":"add","path":"/data/a~1b","value":"http://2852039166/"}])",
        "", "patch"},
       "metadata.config medium"},
      {"escaped_json",
       {"services", R"({"spec":{"externalName":"\u0031\u00369.254.169.254"}})"},
       "metadata.routing medium"},
  };
}

std::vector<BodyCase> Lookalikes() {
  return {
      {"ordinary_pod",
       {"pods", Container(R"("command":["nginx","-g","daemon off;"],"env":[)"
                          R"({"name":"A","value":"169.254.20.10"}])")},
       ""},
      {"environment_of_an_agent",
       {"daemonsets", Container(R"("env":[{"name":)"
                                R"("AWS_EC2_METADATA_SERVICE_ENDPOINT","value")"
                                R"(:"http://169.254.169.254/"}])")},
       ""},
      {"pod_identity",
       {"pods", Container(R"("env":[{"name":)"
                          R"("AWS_CONTAINER_CREDENTIALS_FULL_URI","value":)"
                          R"("http://169.254.170.23/v1/credentials"}])")},
       ""},
      {"no_proxy",
       {"deployments", Container(R"("env":[{"name":"NO_PROXY","value":)"
                                 R"("10.0.0.0/8,169.254.169.254"}])")},
       ""},
      {"plain_environment",
       {"deployments", Container(R"("env":[{"name":"M","value":)"
                                 R"("169.254.169.254"}])")},
       ""},
      {"dns_server",
       {"pods",
        R"({"spec":{"dnsConfig":{"nameservers":["169.254.169.254"]}}})"},
       ""},
      {"probe_of_the_pod_itself",
       {"pods", Container(R"("livenessProbe":{"httpGet":{"path":)"
                          R"("/latest/meta-data/","port":80}})")},
       ""},
      {"policy_that_keeps_out",
       {"networkpolicies",
        R"({"spec":{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0",)"
        R"("except":["169.254.169.254/32"]}}]}]}})"},
       ""},
      {"documentation",
       {"configmaps",
        R"({"data":{"README":"Never open 169.254.169.254 to pods."}})"},
       ""},
      {"secret",
       {"secrets", R"({"data":{"a":"aHR0cDovLzI4NTIwMzkxNjYv"}})"},
       ""},
      {"status_of_a_pod",
       {"pods", R"({"status":{"podIP":"169.254.169.254"}})", "status", "patch"},
       ""},
      {"removed_by_json_patch",
       {"deployments",
        R"([{"op":"remove","path":"/spec/template/spec/containers/0/args",)"
        R"("value":["curl","http://2852039166/"]}])",
        "", "patch"},
       ""},
      {"image_tag",
       {"pods", Container(R"("image":"registry.example/app:169.254.169.254")")},
       ""},
      {"copy_by_a_controller",
       {"pods", Container(kEnvironment), "", "create",
        "system:serviceaccount:kube-system:replicaset-controller"},
       ""},
  };
}

std::string BodyCaseName(const ::testing::TestParamInfo<BodyCase>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Attacks, MetadataBodyTest,
                         ::testing::ValuesIn(Attacks()), BodyCaseName);
INSTANTIATE_TEST_SUITE_P(Lookalikes, MetadataBodyTest,
                         ::testing::ValuesIn(Lookalikes()), BodyCaseName);

TEST(MetadataBodyFindingTest, NamesObjectPlaceAndText) {
  std::vector<Finding> findings = FindingsOf(
      {"services", R"({"spec":{"externalName":"169-254-169-254.nip.io"}})"});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].title,
            "Route leads to the cloud metadata service (AWS, Google Cloud, "
            "Azure and others)");
  EXPECT_THAT(findings[0].summary,
              HasSubstr("alice wrote service web/x, external name: "
                        "169-254-169-254.nip.io, which means 169.254.169.254"));
  EXPECT_EQ(findings[0].next[0], "kubectl get service x -n web -o yaml");
  double sum = 0;
  for (const FindingReason& reason : findings[0].why) {
    sum += reason.contribution;
  }
  EXPECT_DOUBLE_EQ(sum, findings[0].score);
}

// A password beside the address must not leave the cluster in a finding.
TEST(MetadataBodyFindingTest, ShowsOfConfigurationOnlyWhatWasFound) {
  std::vector<Finding> findings = FindingsOf(
      {"configmaps",
       R"({"data":{"x":"password=hunter2hunter2 and so on and on; curl )"
       R"(http://2852039166/ ; more: s3cr3ts3cr3ts3cr3t"}})"});
  ASSERT_THAT(findings, SizeIs(1));
  for (const DecodedLayer& layer : findings[0].decoded) {
    EXPECT_THAT(layer.text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(layer.text, Not(HasSubstr("s3cr3ts3")));
  }
}

TEST(MetadataBodyBoundsTest, WorkIsBoundedAndWhatIsLeftOutIsSaid) {
  auto read = [](const char* resource, const std::string& body) {
    EventBuilder event;
    event.Verb("create").Resource(resource).RequestObject(body);
    const AuditEvent& built = event.Build();
    EXPECT_TRUE(HasMetadataBody(built));
    return ReadMetadataBody(built);
  };
  std::string many = "{\"data\":{";
  for (int i = 0; i < 30'000; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : ",", "\"k", i,
                    "\":\"http://169.254.169.254/\"");
  }
  MetadataBody body = read("configmaps", many + "}}");
  EXPECT_TRUE(body.exhausted);
  EXPECT_LE(body.texts.size(), MetadataBody::kMaxTexts);

  body = read("configmaps",
              "{\"data\":{\"k\":\"" + std::string(1 << 20, '7') + "\"}}");
  EXPECT_TRUE(body.exhausted);
  ASSERT_THAT(body.texts, SizeIs(1));
  EXPECT_EQ(body.texts[0].text.size(), MetadataBody::kMaxTextBytes);

  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  deep += "1" + std::string(100'000, '}');
  body = read("pods", deep);
  EXPECT_TRUE(body.exhausted);
  EXPECT_THAT(body.texts, IsEmpty());

  for (const char* broken :
       {"", "{", "[", "[{", "[{\"path\":\"/\"", "null", "7", "\"x\"",
        "{\"spec\":{\"containers\":[{\"command\":[\"curl",
        "[{\"op\":\"add\",\"path\":\"////\",\"value\":{}}]"}) {
    EventBuilder event;
    event.Verb("patch").Resource("pods").RequestObject(broken);
    ReadMetadataBody(event.Build());
  }
}

// Half-encoded decoys: decoding has its own budget for a text, and texts for an
// event, so that the worst event costs what it costs and no more.
TEST(MetadataBodyBoundsTest, DecoysDoNotHideWhatComesFirst) {
  std::string body = R"({"data":{"a":"curl http://2852039166/","b":")";
  for (int i = 0; i < 5000; ++i) body += "aGVsbG8gd29ybGQgaGVsbG8 ";
  EXPECT_EQ(Told({"configmaps", body + "\"}}"}), "metadata.config medium");
}

}  // namespace
}  // namespace oddverb
