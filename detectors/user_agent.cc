#include "detectors/user_agent.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kMaxTokenBytes = 64;
constexpr size_t kMaxReadBytes = 256;  // of the header

struct Row {
  string_view name;  // lower case
  AgentFamily family;
};

// First product token, exactly.
constexpr std::array kTokens = {
    Row{"argo", AgentFamily::kArgo},
    Row{"argo-rollouts", AgentFamily::kArgo},
    Row{"argocd", AgentFamily::kArgo},
    Row{"argocd-application-controller", AgentFamily::kArgo},
    Row{"argocd-server", AgentFamily::kArgo},
    Row{"axios", AgentFamily::kNode},
    Row{"azurehound", AgentFamily::kScanner},
    Row{"blackbox", AgentFamily::kProbe},
    Row{"curl", AgentFamily::kCurl},
    Row{"dashboard", AgentFamily::kDashboard},
    Row{"elb-healthchecker", AgentFamily::kProbe},
    Row{"ffuf", AgentFamily::kScanner},
    Row{"flux", AgentFamily::kFlux},
    Row{"fuzz", AgentFamily::kScanner},  // "Fuzz Faster U Fool v2.1.0"
    Row{"go-http-client", AgentFamily::kGoHttp},
    Row{"googlehc", AgentFamily::kProbe},
    Row{"gobuster", AgentFamily::kScanner},
    Row{"headlamp", AgentFamily::kDashboard},
    Row{"helm", AgentFamily::kHelm},
    Row{"helm-controller", AgentFamily::kFlux},
    Row{"hashicorp", AgentFamily::kTerraform},
    Row{"java", AgentFamily::kJava},
    Row{"k9s", AgentFamily::kDashboard},
    Row{"kdigger", AgentFamily::kScanner},
    Row{"kube-hunter", AgentFamily::kScanner},
    Row{"kube-probe", AgentFamily::kProbe},
    Row{"kubectl", AgentFamily::kKubectl},
    Row{"kubelet", AgentFamily::kKubelet},
    Row{"kubeletctl", AgentFamily::kScanner},
    Row{"kubernetes-dashboard", AgentFamily::kDashboard},
    Row{"kustomize-controller", AgentFamily::kFlux},
    Row{"lens", AgentFamily::kDashboard},
    Row{"masscan", AgentFamily::kScanner},
    Row{"node", AgentFamily::kNode},
    Row{"node-fetch", AgentFamily::kNode},
    Row{"nuclei", AgentFamily::kScanner},
    Row{"oc", AgentFamily::kKubectl},
    Row{"okhttp", AgentFamily::kJava},
    Row{"peirates", AgentFamily::kScanner},
    Row{"python", AgentFamily::kPython},
    Row{"python-httpx", AgentFamily::kPython},
    Row{"python-requests", AgentFamily::kPython},
    Row{"python-urllib", AgentFamily::kPython},
    Row{"rakkess", AgentFamily::kScanner},
    Row{"source-controller", AgentFamily::kFlux},
    Row{"sqlmap", AgentFamily::kScanner},
    Row{"terraform", AgentFamily::kTerraform},
    Row{"trufflehog", AgentFamily::kScanner},
    Row{"undici", AgentFamily::kNode},
    Row{"wget", AgentFamily::kWget},
    Row{"zgrab", AgentFamily::kScanner},
};

// Anywhere in the header, asked first: tools whose first token is another's
// ("Mozilla/5.0 zgrab/0.x", "kubectl-access_matrix", "OpenAPI-Generator/
// 33.1.0/python").
constexpr std::array kAnywhere = {
    Row{"zgrab/", AgentFamily::kScanner},
    Row{"access_matrix", AgentFamily::kScanner},
    Row{"access-matrix", AgentFamily::kScanner},
    Row{"kube-hunter", AgentFamily::kScanner},
    Row{"nuclei", AgentFamily::kScanner},
    Row{"headlamp/", AgentFamily::kDashboard},
    Row{"terraform", AgentFamily::kTerraform},
    Row{"argocd", AgentFamily::kArgo},
};

// Anywhere too, but asked last.
constexpr std::array kLast = {
    Row{"client-java/", AgentFamily::kJava},
    Row{"/python", AgentFamily::kPython},
    Row{"/java", AgentFamily::kJava},
    Row{" kubernetes/", AgentFamily::kController},
    Row{"go-http-client/", AgentFamily::kGoHttp},
};

std::string Lower(string_view text) {
  std::string lower(text.substr(0, kMaxReadBytes));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

const Row* FindInside(std::span<const Row> rows, string_view header) {
  for (const Row& row : rows) {
    if (header.find(row.name) != string_view::npos) return &row;
  }
  return nullptr;
}

// The first product: REQUIRES a lower-case header.
string_view FirstToken(string_view lower) {
  return lower.substr(0, lower.find_first_of("/ ")).substr(0, kMaxTokenBytes);
}

AgentFamily FamilyOfLower(string_view lower) {
  if (lower.empty()) return AgentFamily::kNone;
  if (const Row* row = FindInside(kAnywhere, lower)) return row->family;
  string_view token = FirstToken(lower);
  auto row = std::find_if(kTokens.begin(), kTokens.end(),
                          [&](const Row& r) { return r.name == token; });
  if (row != kTokens.end()) return row->family;
  if (token == "mozilla") return AgentFamily::kBrowser;
  if (const Row* last = FindInside(kLast, lower)) return last->family;
  return AgentFamily::kOther;
}

}  // namespace

AgentFamily AgentFamilyOf(string_view header) {
  return FamilyOfLower(Lower(header));
}

UserAgent ClassifyUserAgent(const KeyedHash& hash, string_view header) {
  std::string lower = Lower(header);
  AgentFamily family = FamilyOfLower(lower);
  if (family != AgentFamily::kOther) return {family};
  return {family, static_cast<uint16_t>(hash.Hash(FirstToken(lower)))};
}

string_view AgentFamilyName(AgentFamily family) {
  switch (family) {
    case AgentFamily::kNone:
      return "none";
    case AgentFamily::kKubectl:
      return "kubectl";
    case AgentFamily::kKubelet:
      return "kubelet";
    case AgentFamily::kController:
      return "controller";
    case AgentFamily::kGoHttp:
      return "go-http";
    case AgentFamily::kCurl:
      return "curl";
    case AgentFamily::kWget:
      return "wget";
    case AgentFamily::kPython:
      return "python";
    case AgentFamily::kJava:
      return "java";
    case AgentFamily::kNode:
      return "node";
    case AgentFamily::kBrowser:
      return "browser";
    case AgentFamily::kDashboard:
      return "dashboard";
    case AgentFamily::kArgo:
      return "argo";
    case AgentFamily::kFlux:
      return "flux";
    case AgentFamily::kTerraform:
      return "terraform";
    case AgentFamily::kHelm:
      return "helm";
    case AgentFamily::kProbe:
      return "probe";
    case AgentFamily::kScanner:
      return "scanner";
    case AgentFamily::kOther:
      return "other";
  }
  return "other";
}

}  // namespace oddverb
