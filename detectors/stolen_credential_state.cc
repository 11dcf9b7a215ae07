// State of StolenCredentialCross: saved, loaded, forgotten.
#include "detectors/stolen_credential.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// 2: with the map.
constexpr uint64_t kStateVersion = 2;

}  // namespace

void StolenCredentialCross::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kAddress && id < addresses_.size()) {
    addresses_[id] = {};
    map_.Forget(id);
  }
  if (kind == EntityKind::kCredential) provenance_.Forget(id);
  if (kind == EntityKind::kCredential && id < open_.size()) {
    open_[id].clear();
    with_open_.erase(id);
  }
}

void StolenCredentialCross::Save(EntityKind kind, EntityId id,
                                 StateWriter& out) const {
  if (kind == EntityKind::kAddress && id < addresses_.size()) {
    const AddressUse& use = addresses_[id];
    if (use.credentials.size() == 0) return;
    out.PutU64(kStateVersion);
    use.credentials.Save(out);
    use.suspected.Save(out);
    map_.Save(id, out);
  }
  const bool has_open = id < open_.size() && !open_[id].empty();
  if (kind == EntityKind::kCredential && (has_open || provenance_.Knows(id))) {
    out.PutU64(kStateVersion);
    out.PutU64(provenance_.Knows(id) ? 1 : 0);
    if (provenance_.Knows(id)) provenance_.Save(id, out);
    out.PutU64(has_open ? open_[id].size() : 0);
    if (!has_open) return;
    for (const OpenCase& open : open_[id]) {
      SaveFinding(open.finding, out);
      out.PutString(open.other_ip);
      out.PutU64((open.source_is_gateway ? 1U : 0U) |
                 (open.other_is_gateway ? 2U : 0U));
    }
  }
}

absl::Status StolenCredentialCross::Load(EntityKind kind, EntityId id,
                                         StateReader& in) {
  if (kind != EntityKind::kAddress && kind != EntityKind::kCredential) {
    return absl::OkStatus();
  }
  if (in.GetU64() != kStateVersion) in.Fail();
  if (kind == EntityKind::kAddress) {
    AddressUse& use = UseOf(id);
    use.credentials.Load(in);
    use.suspected.Load(in);
    map_.Load(id, in);
    return in.status();
  }
  if (in.GetU64() != 0) provenance_.Load(id, in);
  if (open_.size() <= id) open_.resize(id + size_t{1});
  open_[id].clear();
  uint64_t count = in.GetCount(8);
  if (count > kMaxOpen) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    OpenCase& open = open_[id].emplace_back();
    open.finding = LoadFinding(in);
    open.other_ip = std::string(in.GetString());
    uint64_t gateways = in.GetU64();
    if (gateways > 3) in.Fail();
    open.source_is_gateway = (gateways & 1) != 0;
    open.other_is_gateway = (gateways & 2) != 0;
  }
  if (!in.status().ok()) open_[id].clear();
  if (!open_[id].empty()) with_open_.insert(id);
  return in.status();
}

}  // namespace oddverb
