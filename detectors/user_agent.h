// The family of a client program, by its User-Agent. The header is the
// client's to choose: a family is evidence and a hint for people, never a
// reason to trust. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_USER_AGENT_H_
#define ODDVERB_DETECTORS_USER_AGENT_H_

#include <cstdint>
#include <string_view>

#include "base/keyed_hash.h"

namespace oddverb {

enum class AgentFamily : uint8_t {
  kNone,  // no User-Agent
  kKubectl,
  kKubelet,
  kController,  // anything else built on client-go, with its usual suffix
  kGoHttp,      // Go's default: client-go or a program without a name
  kCurl,
  kWget,
  kPython,
  kJava,
  kNode,
  kBrowser,
  kDashboard,  // k9s, Lens, Headlamp, the Dashboard
  kArgo,
  kFlux,
  kTerraform,
  kHelm,
  kProbe,    // kubelet and load balancer health checks
  kScanner,  // offensive tools
  kOther,
};

struct UserAgent {
  AgentFamily family = AgentFamily::kNone;
  uint16_t other = 0;  // kOther: hash of the program's name

  friend bool operator==(const UserAgent&, const UserAgent&) = default;
};

AgentFamily AgentFamilyOf(std::string_view header);
UserAgent ClassifyUserAgent(const KeyedHash& hash, std::string_view header);
// "kubectl", "go-http", ...
std::string_view AgentFamilyName(AgentFamily family);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_USER_AGENT_H_
