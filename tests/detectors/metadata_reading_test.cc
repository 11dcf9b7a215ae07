#include "detectors/metadata_reading.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

const MetadataTargets& Targets() {
  static const MetadataTargets* const targets = new MetadataTargets();
  return *targets;
}

std::optional<MetadataReading> ReadAlone(const MetadataSurface& surface) {
  MetadataDecoding decoding{.left = MetadataDecodeLimits(IsBody(surface.id))};
  return ReadSurface(surface, Targets(), decoding);
}

// The score of one event; 0 if it says nothing.
double Score(const AuditEvent& event) {
  std::optional<MetadataSurface> surface = SurfaceOf(event);
  if (!surface) return 0;
  std::optional<MetadataReading> reading = ReadAlone(*surface);
  if (!reading) return 0;
  MetadataScore score = ScoreOf(*surface, *reading, event.response_code);
  double sum = 0;
  for (const FindingReason& reason : score.why) sum += reason.contribution;
  EXPECT_EQ(sum, score.score);
  return score.score;
}

double ExecScore(const std::vector<std::string>& command, int code = 101) {
  return Score(EventBuilder()
                   .Resource("pods")
                   .Sub("exec")
                   .Ns("web")
                   .Name("p")
                   .Uri(ExecUri(command))
                   .Code(code)
                   .Build());
}

double ProxyScore(const char* resource, const char* name, const char* path,
                  int code = 200) {
  bool is_node = std::string_view(resource) == "nodes";
  std::string uri = std::string("/api/v1/") +
                    (is_node ? "" : "namespaces/web/") + resource + "/" + name +
                    "/proxy" + path;
  EventBuilder builder;
  if (!is_node) builder.Ns("web");
  return Score(builder.Resource(resource)
                   .Sub("proxy")
                   .Name(name)
                   .Uri(uri)
                   .Code(code)
                   .Build());
}

TEST(MetadataReadingTest, WeighsCommands) {
  struct Case {
    double score;
    std::vector<std::string> command;
  };
  for (const Case& c : std::vector<Case>{
           {3, {"curl", "http://169.254.169.254/"}},
           {4.5, {"curl", "http://169.254.169.254/latest/user-data"}},
           {4.5, {"curl", "http://169.254.170.2/v2/credentials/x"}},
           {5, {"curl", "http://2852039166/"}},
           {5, {"curl", "http://[::ffff:169.254.169.254]/"}},
           {6.5, {"curl", "http://0xa9fea9fe/latest/user-data"}},
           // One more percent layer than the request's own; two more.
           {4, {"curl", "http://169.254%2E169.254/"}},
           {5, {"curl", "http://169.254%252E169.254/"}},
           // echo 'curl http://169.254.169.254/latest/meta-data/'
           {4,
            {"sh", "-c",
             "echo Y3VybCBodHRwOi8vMTY5LjI1NC4xNjkuMjU0L2xhdGVzdC9tZXRhLWRhdGEv"
             " | base64 -d | sh"}},
           // The same beside the plain form: nothing is hidden.
           {3,
            {"sh", "-c",
             "curl http://169.254.169.254/latest/meta-data/; echo "
             "Y3VybCBodHRwOi8vMTY5LjI1NC4xNjkuMjU0L2xhdGVzdC9tZXRhLWRhdGEv"}},
           {3, {"curl", "http://169.254.169.254/100%25"}},
           // Signs without a host.
           {1.8, {"curl", "http://x/latest/meta-data/"}},
           {1.8, {"curl", "-H", "Metadata: true", "http://x/"}},
           {3, {"curl", "-H", "Metadata: true", "x/computeMetadata/v1/"}},
           {1.8, {"grep", "169.254.169.254", "/etc/hosts"}},
           {3, {"sh", "-c", "grep 169.254.169.254 x/latest/meta-data"}},
           // Hosts that are words elsewhere.
           {3, {"curl", "http://metadata/computeMetadata/v1/"}},
           {0, {"curl", "http://metadata/api"}},
           {0, {"curl", "http://login.example/oauth2/token"}},
           {0, {"curl", "http://localhost:8080/healthz"}},
           {0, {"cat", "/etc/resolv.conf"}},
           {0, {"sh"}},
       }) {
    EXPECT_DOUBLE_EQ(ExecScore(c.command), c.score)
        << ::testing::PrintToString(c.command);
  }
}

TEST(MetadataReadingTest, WeighsProxies) {
  struct Case {
    double score;
    const char* resource;
    const char* name;
    const char* path;
  };
  for (const Case& c : {
           Case{4, "nodes", "169.254.169.254", "/"},
           {4, "nodes", "169.254.169.254:80", ""},
           {4, "nodes", "http:169.254.169.254:80", "/x"},
           {4, "pods", "169.254.169.254:80", "/latest/meta-data/"},
           {4, "pods", "[fd00:ec2::254]:80", "/"},
           {4, "services", "https:metadata.google.internal:", "/"},
           {6, "nodes", "2852039166", "/"},
           {6, "nodes", "http:0251.0376.0251.0376:80", "/"},
           {6, "services", "a9fea9fe.nip.io:80", "/"},
           {4, "pods", "app:80", "/http/169.254.169.254/x"},
           {4, "services", "blackbox:9115",
            "/probe?target=http%3A%2F%2F169.254.169.254%2F"},
           {6, "services", "app", "/fetch?a=b&url=http://2852039166/"},
           {7.5, "services", "app", "/f?u=http://2852039166/latest/user-data"},
           {4, "services", "metadata", "/computeMetadata/v1/"},
           {2.4, "services", "md:80", "/latest/meta-data/iam/"},
           {3.9, "pods", "md:80", "/latest/user-data"},
           {2.4, "services", "app", "/v2/credentials"},
           {4, "nodes", "worker-1",
            "/run/web/p/c?cmd=curl+http%3A%2F%2F169.254.169.254%2F"},
           {6, "nodes", "worker-1",
            "/exec/web/p/uid/c?output=1&command=curl&command=2852039166"},
           {6, "nodes", "worker-1",
            "/cri/exec/web/p/c?command=nc&command="
            "2852039166&command=80"},
           {0, "nodes", "worker-1", "/run/web/p/c?cmd=id"},
           {0, "nodes", "worker-1", "/metrics/resource"},
           {0, "nodes", "worker-1", "/stats/summary"},
           {0, "services", "metadata", "/"},
           {0, "services", "instance-data:80", "/healthz"},
           {0, "services", "https:kubernetes-dashboard:", "/"},
           {0, "pods", "coredns:53", "/"},
           {0, "services", "app", "/pods?resourceVersion=2852039166"},
           {0, "nodes", "169.254.20.10", "/"},
           {0, "pods", "app:80", "/168.63.129.16:8080/"},
           {0, "nodes", "168.63.129.16:8080", "/"},
       }) {
    EXPECT_DOUBLE_EQ(ProxyScore(c.resource, c.name, c.path), c.score)
        << c.resource << " " << c.name << " " << c.path;
  }
}

TEST(MetadataReadingTest, TakesPartOfTheWeightOfARefusal) {
  for (int code : {400, 401, 403, 404}) {
    EXPECT_EQ(ExecScore({"curl", "http://169.254.169.254/"}, code), 2);
    EXPECT_EQ(ProxyScore("nodes", "169.254.169.254", "/", code), 3);
  }
  for (int code : {0, 101, 200, 500, 503}) {
    EXPECT_EQ(ExecScore({"curl", "http://169.254.169.254/"}, code), 3);
  }
}

TEST(MetadataReadingTest, RanksBySeverity) {
  MetadataSurface surface{.id = SurfaceId::kProxy,
                          .owner_kind = "service",
                          .owner_ns = "web",
                          .owner_name = "app",
                          .host = {},
                          .port = {},
                          .text = {},
                          .weight = 4};
  auto severity = [&](const char* text) {
    surface.text = text;
    std::optional<MetadataReading> reading = ReadAlone(surface);
    return ScoreOf(surface, reading.value(), 200).severity;
  };
  EXPECT_EQ(severity("/latest/meta-data/"), Severity::kInfo);
  EXPECT_EQ(severity("/http://169.254.169.254/"), Severity::kMedium);
  EXPECT_EQ(severity("/http://2852039166/"), Severity::kHigh);
  EXPECT_EQ(severity("/http://2852039166/latest/user-data"),
            Severity::kCritical);
}

TEST(MetadataReadingTest, ShowsHowItWasRead) {
  MetadataSurface surface{.id = SurfaceId::kExec,
                          .owner_kind = "pod",
                          .owner_ns = "web",
                          .owner_name = "p",
                          .host = {},
                          .port = {},
                          // curl http://0xa9fea9fe/latest/user-data
                          .text =
                              "echo Y3VybCBodHRwOi8vMHhhOWZlYTlmZS9sYXRlc3Qv"
                              "dXNlci1kYXRh | base64 -d",
                          .text_kind = CommandTextKind::kCommand,
                          .weight = 3};
  std::optional<MetadataReading> reading = ReadAlone(surface);
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->decoded.size(), 3u);
  EXPECT_EQ(reading->decoded[0].layer, "request");
  EXPECT_EQ(reading->decoded[0].text, surface.text);
  EXPECT_EQ(reading->decoded[1].layer, "base64");
  EXPECT_EQ(reading->decoded[1].text,
            "curl http://0xa9fea9fe/latest/user-data");
  EXPECT_EQ(reading->decoded[2].layer, "spelling");
  EXPECT_EQ(reading->decoded[2].text, "0xa9fea9fe is 169.254.169.254");
  EXPECT_EQ(ScoreOf(surface, *reading, 101).score, 3 + 2 + 1 + 1.5);
}

TEST(MetadataReadingTest, ShowsThePlaceOfTheHostInALongText) {
  MetadataSurface surface{
      .id = SurfaceId::kExec,
      .owner_kind = "pod",
      .owner_ns = "web",
      .owner_name = "p",
      .host = {},
      .port = {},
      .text = std::string(500'000, 'x') + " curl http://169.254.169.254/ now",
      .text_kind = CommandTextKind::kCommand};
  std::optional<MetadataReading> reading = ReadAlone(surface);
  ASSERT_TRUE(reading);
  EXPECT_THAT(reading->decoded[0].text, HasSubstr("curl http://169.254.169."));
  EXPECT_LE(reading->decoded[0].text.size(), Finding::kMaxTextBytes);
}

}  // namespace
}  // namespace oddverb
