// Any bytes, split into records at newlines, through the decoder; then every
// view of every event is read, and every body walked. Also that what is decoded
// does not depend on a record's neighbours.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ingest/decoder.h"
#include "model/json_walk.h"
#include "tests/support/raw_batches.h"

namespace oddverb {
namespace {

uint64_t Touch(std::string_view text) {
  uint64_t sum = text.size();
  for (char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum;
}

uint64_t Touch(RawJson value) {
  uint64_t sum = Touch(value.text);
  std::string scratch;
  JsonMembers members(value);
  for (JsonMember member; members.Next(member);) {
    sum += Touch(member.Key(scratch));
    sum += Touch(StringOf(member.value, scratch).value_or(""));
  }
  JsonElements elements(value);
  for (RawJson element; elements.Next(element);) sum += Touch(element.text);
  return sum + Touch(FindMember(value, "kind").text);
}

uint64_t Touch(const AuditEvent& event) {
  uint64_t sum = static_cast<uint64_t>(event.response_code);
  for (std::string_view text : {event.audit_id,
                                event.request_uri,
                                event.verb,
                                event.user_agent,
                                event.user.name,
                                event.user.uid,
                                event.impersonated.name,
                                event.credential_id,
                                event.pod_name,
                                event.pod_uid,
                                event.node_name,
                                event.node_uid,
                                event.source_ip,
                                event.object.resource,
                                event.object.subresource,
                                event.object.ns,
                                event.object.name,
                                event.object.uid,
                                event.object.api_group,
                                event.object.api_version,
                                event.response_reason,
                                event.response_message,
                                event.authorization_reason,
                                event.issued_credential_id}) {
    sum = sum * 31 + Touch(text);
  }
  for (std::string_view group : event.user.groups) sum += Touch(group);
  for (std::string_view ip : event.source_ips) sum += Touch(ip);
  for (RawJson value :
       {event.user_extra, event.annotations, event.request_object,
        event.response_object, event.raw}) {
    sum = sum * 31 + Touch(value);
  }
  return sum;
}

// Sum over the events, in order; checks what must hold for any input.
uint64_t Judge(const EventBatch& batch, size_t records) {
  if (batch.rejected.size() > records) std::abort();
  for (const Rejected& rejected : batch.rejected) {
    if (rejected.sample.size() > Rejected::kSampleBytes) std::abort();
  }
  uint64_t sum = 0;
  for (const AuditEvent& event : batch.events) {
    if (!event.raw.present()) std::abort();
    sum = sum * 31 + Touch(event);
  }
  return sum;
}

void Run(std::string_view text) {
  Decoder decoder({.trusted_proxies = {*IpNetwork::Parse("10.0.0.0/8")}});
  RawBatch raw = FrameLines(text);
  size_t records = raw.records.size();
  std::unique_ptr<EventBatch> whole = decoder.Decode(std::move(raw));
  uint64_t together = Judge(*whole, records);

  uint64_t alone = 0;
  for (size_t i = 0; i < records; ++i) {
    RecordSpan span = whole->raw.records[i];
    RawBatch one;
    AppendRecord(whole->raw.bytes->view().substr(span.offset, span.length),
                 one);
    std::unique_ptr<EventBatch> batch = decoder.Decode(std::move(one));
    Judge(*batch, 1);
    for (const AuditEvent& event : batch->events) {
      alone = alone * 31 + Touch(event);
    }
  }
  if (alone != together) std::abort();
}

}  // namespace
}  // namespace oddverb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  oddverb::Run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
