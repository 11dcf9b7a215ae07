#include "detectors/user_agent.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(UserAgentTest, FindsTheFamilyOfRealHeaders) {
  struct Case {
    const char* header;
    AgentFamily family;
  };
  // From real logs, but for the tools that no log at hand shows.
  const Case kCases[] = {
      {"", AgentFamily::kNone},
      {"kubectl/v1.37.2 (linux/amd64) kubernetes/5b1d5f2",
       AgentFamily::kKubectl},
      {"kubelet/v1.37.2 (linux/amd64) kubernetes/0000000",
       AgentFamily::kKubelet},
      {"kube-controller-manager/v1.37.2 (linux/amd64) kubernetes/5b1d5f2/"
       "shared-informers",
       AgentFamily::kController},
      {"coredns/v0.0.0 (linux/amd64) kubernetes/$Format",
       AgentFamily::kController},
      {"Go-http-client/2.0", AgentFamily::kGoHttp},
      {"vault/1.20.0 Go-http-client/2.0", AgentFamily::kGoHttp},
      {"curl/8.14.1", AgentFamily::kCurl},
      {"Wget/1.21", AgentFamily::kWget},
      {"python-requests/2.32.4", AgentFamily::kPython},
      {"OpenAPI-Generator/33.1.0/python", AgentFamily::kPython},
      {"etl/1.0 client-java/24.0.0", AgentFamily::kJava},
      {"node-fetch/1.0", AgentFamily::kNode},
      {"Mozilla/5.0 (X11; Linux x86_64)", AgentFamily::kBrowser},
      {"Mozilla/5.0 (X11; Linux x86_64) Headlamp/0.35",
       AgentFamily::kDashboard},
      {"k9s/v0.50.9 (darwin/arm64) kubernetes/$Format",
       AgentFamily::kDashboard},
      {"Lens/2025.8 (win32)", AgentFamily::kDashboard},
      {"argocd-application-controller/v3.1.0", AgentFamily::kArgo},
      {"kustomize-controller/v1.2.0", AgentFamily::kFlux},
      {"HashiCorp/1.0 Terraform/1.5.7", AgentFamily::kTerraform},
      {"Helm/3.18.6", AgentFamily::kHelm},
      {"kube-probe/1.37", AgentFamily::kProbe},
      {"ELB-HealthChecker/2.0", AgentFamily::kProbe},
      {"kube-hunter/0.6.8", AgentFamily::kScanner},
      {"peirates/1.1", AgentFamily::kScanner},
      {"Mozilla/5.0 zgrab/0.x", AgentFamily::kScanner},
      {"Fuzz Faster U Fool v2.1.0", AgentFamily::kScanner},
      {"kubectl-access_matrix/v0.5", AgentFamily::kScanner},
      {"Fluent-Bit", AgentFamily::kOther},
      {"\xff\xfe bad", AgentFamily::kOther},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(AgentFamilyOf(c.header), c.family)
        << c.header << " is " << AgentFamilyName(AgentFamilyOf(c.header));
  }
}

TEST(UserAgentTest, TellsUnknownProgramsApartButNotTheirVersions) {
  KeyedHash hash;
  UserAgent first = ClassifyUserAgent(hash, "etl-loader/1.0");
  EXPECT_EQ(first, ClassifyUserAgent(hash, "ETL-loader/2.7 (linux)"));
  EXPECT_NE(first, ClassifyUserAgent(hash, "other-loader/1.0"));
  EXPECT_EQ(ClassifyUserAgent(hash, "curl/1").other, 0);
}

TEST(UserAgentTest, ReadsHugeHeadersToABound) {
  std::string huge(1 << 20, 'a');
  EXPECT_EQ(AgentFamilyOf(huge + " kubernetes/x"), AgentFamily::kOther);
}

}  // namespace
}  // namespace oddverb
