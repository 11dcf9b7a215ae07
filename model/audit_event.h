// One audit.k8s.io/v1 Event, decoded. Plain data: every view borrows from the
// EventBatch that owns it (a part that remembers a string copies or hashes
// it). A field that the projection left out, or that the event lacks, is empty;
// the two cannot be told apart, so a detector names what it reads in fields().
#ifndef ODDVERB_MODEL_AUDIT_EVENT_H_
#define ODDVERB_MODEL_AUDIT_EVENT_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/time/time.h"
#include "model/position.h"
#include "model/raw_json.h"

namespace oddverb {

enum class Stage : uint8_t {
  kUnknown,
  kRequestReceived,
  kResponseStarted,
  kResponseComplete,
  kPanic
};
enum class Level : uint8_t {
  kUnknown,
  kNone,
  kMetadata,
  kRequest,
  kRequestResponse
};
// Annotation authorization.k8s.io/decision.
enum class Decision : uint8_t { kAbsent, kAllow, kForbid };

std::string_view StageName(Stage stage);
std::string_view LevelName(Level level);

struct UserIdentity {
  std::string_view name;
  std::string_view uid;
  std::span<const std::string_view> groups;
};

struct ObjectReference {
  std::string_view resource, subresource, ns, name, uid, api_group, api_version;
  bool present = false;
};

struct AuditEvent {
  absl::Time received;    // requestReceivedTimestamp; InfinitePast() = absent
  absl::Time stage_time;  // stageTimestamp, else `received`
  Stage stage = Stage::kUnknown;
  Level level = Level::kUnknown;
  Decision decision = Decision::kAbsent;
  bool truncated = false;       // audit.k8s.io/truncated
  bool duplicate_keys = false;  // a depth-1 key occurs twice (last one wins)
  bool repaired = false;        // bad bytes were replaced to read it
  int response_code = 0;        // HTTP status; 0 = absent
  std::string_view audit_id, request_uri, verb, user_agent;
  UserIdentity user;
  UserIdentity impersonated;  // name empty = none
  // user.extra authentication.kubernetes.io/..., first value of each.
  std::string_view credential_id;  // "JTI=..." or "X509SHA256=..."
  std::string_view pod_name, pod_uid, node_name, node_uid;
  // As logged; all but the last are claims of the client.
  std::span<const std::string_view> source_ips;
  // The one to believe: the last, after trusted proxies are peeled off the
  // right end. Empty if there is none.
  std::string_view source_ip;
  ObjectReference object;
  std::string_view response_reason, response_message;
  std::string_view authorization_reason;  // authorization.k8s.io/reason
  std::string_view issued_credential_id;  // on TokenRequest: the minted "JTI="
  RawJson user_extra, annotations;        // objects of strings
  RawJson request_object, response_object;
  RawJson raw;  // the whole event
  Position position;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_AUDIT_EVENT_H_
