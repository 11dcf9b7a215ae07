// Writes audit.k8s.io/v1 events as a kube-apiserver does, from who asked, what
// was asked and what came of it. Plain data and one function; one thread.
#ifndef ODDVERB_BENCH_DETECTION_AUDIT_TEXT_H_
#define ODDVERB_BENCH_DETECTION_AUDIT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Microseconds since 1970.
using Micros = int64_t;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMinute = 60 * kSecond;
inline constexpr Micros kHour = 60 * kMinute;
inline constexpr Micros kDay = 24 * kHour;

// A credential as it is used from one place with one program.
struct Client {
  std::string user;  // empty: no valid credential (401)
  std::string uid;
  std::vector<std::string> groups;
  std::string credential;  // "JTI=..." or "X509SHA256=..."
  std::string pod, pod_uid, node;
  std::vector<std::string> addresses;  // as in sourceIPs
  // A part of its connections comes from there: of the other family, behind
  // another address of a NAT. Empty = none.
  std::string other_address = {};
  double other_share = 0;  // of its requests
  std::string agent;
  std::string impersonates;
  std::vector<std::string> impersonated_groups = {"system:authenticated"};
  int server = 0;         // the API server that it is connected to
  int actor = -1;         // index of Cluster's actors; -1 = none of them
  int attack = -1;        // index of its attack; -1 = honest
  uint64_t fixed_id = 0;  // the Audit-ID that the client sends; 0 = none

  int node_number = -1;    // of the pod's node in the cluster
  std::string pod_ip;      // as its kubelet knows it
  bool is_started = true;  // the pod is there
  bool is_off = false;     // a machine that asks nothing for a while

  // To be called after a change of the above.
  void Render();
  const std::string& json(bool is_other) const {
    return is_other ? other_json_ : json_;
  }

 private:
  std::string json_;  // "user":...,"sourceIPs":...,"userAgent":...
  std::string other_json_;
};

struct Question {
  std::string verb = "get";
  std::string group = {};
  std::string version = "v1";
  std::string resource = {};
  std::string subresource = {};
  std::string ns = {};
  std::string name = {};
  std::string query = {};  // with its '?'
  std::string path = {};   // of a request for no resource
  std::string body = {};   // JSON, in a log that has bodies
  // Members of the annotations, as JSON without braces.
  std::string annotations = {};
};

enum class Outcome : uint8_t {
  kAllowed,
  kRefused,          // by RBAC
  kNodeRace,         // by the node authorizer: no relationship found
  kUnauthenticated,  // 401
  kImpersonation,    // may not act as another
  kEscalation,       // would grant what it does not hold
  kAdmission,        // allowed, and refused by admission (quota and the like)
};

struct Answer {
  Outcome outcome = Outcome::kAllowed;
  int code = 200;
  std::string text = {};  // of admission, or whom one may not impersonate
};

// The answer of a refusal, with its code.
Answer Refused(Outcome outcome = Outcome::kRefused, std::string text = "");

struct EventTime {
  Micros received = 0;
  Micros stage = 0;
};

// What differs between events that ask the same.
struct EventMark {
  EventTime time;
  uint64_t id_high = 0, id_low = 0;  // of the audit ID
  std::string_view level = "Metadata";
  std::string_view stage = "ResponseComplete";
  bool is_other = false;  // by the client's other address
};

// Appends one line.
void AppendAuditEvent(const Client& client, const Question& question,
                      const Answer& answer, const EventMark& mark,
                      std::string& out);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_AUDIT_TEXT_H_
