#include "detectors/judged_requests.h"

#include <algorithm>

#include "base/status_macros.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

// The user of a 401 is nobody, and such a request has this one stage.
constexpr int kUnauthorized = 401;

}  // namespace

std::vector<JudgedRequests::Request>::iterator JudgedRequests::Find(
    const AuditEvent& event, const Keys& keys) {
  int64_t received = absl::ToUnixMicros(event.received);
  uint64_t key = 0;
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->received_us != received) continue;
    if (key == 0) key = RequestKey(keys.hash, keys.cluster, event).low;
    if (it->key == key) return it;
  }
  return open_.end();
}

bool JudgedRequests::IsFirst(const AuditEvent& event, const Keys& keys) {
  auto found = Find(event, keys);
  bool is_known = found != open_.end();
  if (event.stage != Stage::kResponseStarted) {
    if (is_known) open_.erase(found);
    return !is_known;
  }
  if (is_known) return false;
  if (event.response_code == kUnauthorized) return true;
  int64_t stale = absl::ToUnixMicros(event.stage_time - kMaxAge);
  std::erase_if(open_, [stale](const Request& request) {
    return request.received_us < stale;
  });
  if (open_.size() >= kMaxOpen) open_.erase(open_.begin());
  open_.push_back({absl::ToUnixMicros(event.received),
                   RequestKey(keys.hash, keys.cluster, event).low});
  return true;
}

void JudgedRequests::Save(StateWriter& out) const {
  out.PutU64(open_.size());
  for (const Request& request : open_) {
    out.PutI64(request.received_us);
    out.PutFixed64(request.key);
  }
}

absl::Status JudgedRequests::Load(StateReader& in) {
  uint64_t count = in.GetCount(1);
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (count > kMaxOpen) {
    return absl::DataLossError("rule_match: unknown state");
  }
  open_.resize(count);
  for (Request& request : open_) {
    request.received_us = in.GetI64();
    request.key = in.GetFixed64();
  }
  return in.status();
}

}  // namespace oddverb
