#include "model/event_key.h"

#include "absl/time/time.h"

namespace oddverb {
namespace {

HashInput RequestInput(std::string_view cluster, const AuditEvent& event) {
  HashInput input;
  input.Add(cluster)
      .Add(event.audit_id)
      .Add(static_cast<uint64_t>(absl::ToUnixMicros(event.received)))
      .Add(event.user.name)
      .Add(event.verb)
      .Add(event.request_uri);
  return input;
}

}  // namespace

Hash128 EventKey(const KeyedHash& hash, std::string_view cluster,
                 const AuditEvent& event) {
  HashInput input = RequestInput(cluster, event);
  input.Add(static_cast<uint64_t>(event.stage));
  return hash.HashWide(input.bytes());
}

Hash128 RequestKey(const KeyedHash& hash, std::string_view cluster,
                   const AuditEvent& event) {
  HashInput input = RequestInput(cluster, event);
  return hash.HashWide(input.bytes());
}

}  // namespace oddverb
