#include "detectors/match_sample.h"

#include "base/state_io.h"
#include "model/identity.h"

namespace oddverb {
namespace {

// Of each text: many are kept, and most say enough in less.
constexpr size_t kMaxTextBytes = 128;
constexpr size_t kMaxUriBytes = 256;

}  // namespace

std::string PackSample(const AuditEvent& event) {
  StateWriter out;
  auto put = [&out](std::string_view text) {
    out.PutString(Bounded(text, kMaxTextBytes));
  };
  put(event.audit_id);
  out.PutTime(event.stage_time);
  put(event.verb);
  out.PutString(Bounded(event.request_uri, kMaxUriBytes));
  out.PutI64(event.response_code);
  put(event.user.name);
  put(IdentityClassName(ClassifyIdentity(event)));
  put(event.source_ip);
  std::string resource(event.object.resource);
  if (!event.object.subresource.empty()) {
    resource.append("/").append(event.object.subresource);
  }
  put(resource);
  put(event.object.ns);
  put(event.object.name);
  return out.Release();
}

MatchSample UnpackSample(std::string_view bytes) {
  StateReader in(bytes);
  auto get = [&in] { return std::string(in.GetString()); };
  MatchSample sample;
  sample.evidence.audit_id = get();
  sample.evidence.time = in.GetTime();
  sample.evidence.verb = get();
  sample.evidence.uri = get();
  sample.evidence.code = static_cast<int>(in.GetI64());
  sample.user = get();
  sample.user_kind = get();
  sample.source_ip = get();
  sample.resource = get();
  sample.ns = get();
  sample.name = get();
  return sample;
}

}  // namespace oddverb
