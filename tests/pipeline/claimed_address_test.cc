// X-Forwarded-For that claims a private address, from a public one: evidence in
// whatever is found, and no finding by itself.
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::string Line(int second, const std::vector<std::string>& ips,
                 const std::string& agent) {
  const std::string time =
      absl::StrCat("2024-01-01T00:00:", 10 + second, ".000000Z");
  const json pod = {"p1"};
  const json event = {
      {"kind", "Event"},
      {"apiVersion", "audit.k8s.io/v1"},
      {"level", "Metadata"},
      {"auditID", absl::StrCat("id-", second)},
      {"stage", "ResponseComplete"},
      {"requestURI", "/api/v1/namespaces/shop/configmaps/web"},
      {"verb", "get"},
      {"user",
       {{"username", "system:serviceaccount:shop:web"},
        {"groups", {"system:serviceaccounts", "system:authenticated"}},
        {"extra",
         {{"authentication.kubernetes.io/pod-name", pod},
          {"authentication.kubernetes.io/pod-uid", pod}}}}},
      {"sourceIPs", ips},
      {"userAgent", agent},
      {"objectRef",
       {{"resource", "configmaps"},
        {"namespace", "shop"},
        {"name", "web"},
        {"apiVersion", "v1"}}},
      {"responseStatus", {{"code", 200}}},
      {"requestReceivedTimestamp", time},
      {"stageTimestamp", time}};
  return event.dump();
}

// The claims that findings tell, one for each.
std::vector<std::string> ClaimsIn(const std::vector<std::string>& lines) {
  std::vector<std::string> claims;
  std::istringstream output(FindingsOf(lines, RunSetup()));
  for (std::string line; std::getline(output, line);) {
    const json finding = json::parse(line);
    for (const json& reason : finding["why"]) {
      const std::string feature = reason["feature"];
      if (!feature.starts_with("claims a private address")) continue;
      EXPECT_EQ(reason["contribution"], 0);
      claims.push_back(reason["value"]);
    }
  }
  return claims;
}

TEST(ClaimedAddressTest, IsEvidenceInAFindingAndNoFindingByItself) {
  // A proxy of an honest user.
  EXPECT_THAT(FindingsOf({Line(0, {"10.1.0.5", "203.0.113.7"}, "web/1.0"),
                          Line(1, {"10.1.0.5", "203.0.113.7"}, "web/1.0")},
                         RunSetup()),
              IsEmpty());
  EXPECT_THAT(ClaimsIn({Line(0, {"10.1.0.5"}, "web/1.0"),
                        Line(1, {"10.1.0.5"}, "web/1.0"),
                        Line(2, {"10.1.0.5", "203.0.113.7"}, "curl/8.0")}),
              ElementsAre("10.1.0.5, but 203.0.113.7"));
  EXPECT_THAT(ClaimsIn({Line(0, {"10.1.0.5"}, "web/1.0"),
                        Line(1, {"10.1.0.5"}, "web/1.0"),
                        Line(2, {"203.0.113.7"}, "curl/8.0")}),
              IsEmpty());
}

}  // namespace
}  // namespace oddverb
