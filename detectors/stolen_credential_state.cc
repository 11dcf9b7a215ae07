// State of StolenCredentialCross: saved, loaded, forgotten.
#include <memory>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "detectors/stolen_credential.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// 3: with what is known of pods.
constexpr uint64_t kStateVersion = 3;

}  // namespace

void StolenCredentialCross::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kAddress) {
    if (id < addresses_.size()) addresses_[id] = {};
    map_.Forget(id);
  }
  if (kind == EntityKind::kCredential) {
    provenance_.Forget(id);
    open_.erase(id);
    pods_.Forget(id);
  }
}

// What is known of a token takes less than a note of where it lies, and what is
// said of a pod by its name needs it.
bool StolenCredentialCross::CanRest(EntityKind kind, EntityId) const {
  return kind != EntityKind::kCredential;
}

void StolenCredentialCross::Rest(EntityKind kind, EntityId id,
                                 StateWriter& out) {
  if (kind != EntityKind::kAddress) return;
  AddressUse& use = UseOf(id);
  if (use.empty() && !map_.Knows(id)) return;
  use.credentials.Save(out);
  use.suspected.Save(out);
  map_.Rest(id, out);
  use = {};
}

absl::Status StolenCredentialCross::Wake(EntityKind kind, EntityId id,
                                         StateReader& in) {
  if (kind != EntityKind::kAddress) return absl::OkStatus();
  AddressUse& use = UseOf(id);
  use.credentials.Load(in);
  use.suspected.Load(in);
  map_.Wake(id, in);
  return in.status();
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
  auto cases = open_.find(id);
  const bool has_open = cases != open_.end();
  const bool is_known = has_open || provenance_.Knows(id) || pods_.Knows(id);
  if (kind == EntityKind::kCredential && is_known) {
    out.PutU64(kStateVersion);
    out.PutU64((provenance_.Knows(id) ? 1U : 0U) | (pods_.Knows(id) ? 2U : 0U));
    if (provenance_.Knows(id)) provenance_.Save(id, out);
    if (pods_.Knows(id)) pods_.Save(id, out);
    out.PutU64(has_open ? cases->second.size() : 0);
    if (!has_open) return;
    for (const OpenCase& open : cases->second) {
      SaveFinding(open.finding, out);
      out.PutString(open.other_ip);
      out.PutU64((open.source_is_gateway ? 1U : 0U) |
                 (open.other_is_gateway ? 2U : 0U) |
                 (open.awaits_report ? 4U : 0U) | (open.awaits_node ? 8U : 0U) |
                 (open.is_on_another_node ? 16U : 0U));
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
  const uint64_t known = in.GetU64();
  if (known > 3) in.Fail();
  if ((known & 1) != 0) provenance_.Load(id, in);
  if ((known & 2) != 0) pods_.Load(id, in);
  open_.erase(id);
  std::vector<OpenCase> loaded;
  uint64_t count = in.GetCount(8);
  if (count > kMaxOpen) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    OpenCase& open = loaded.emplace_back();
    open.finding = LoadFinding(in);
    open.other_ip = std::string(in.GetString());
    uint64_t flags = in.GetU64();
    if (flags > 31) in.Fail();
    open.source_is_gateway = (flags & 1) != 0;
    open.other_is_gateway = (flags & 2) != 0;
    open.awaits_report = (flags & 4) != 0;
    open.awaits_node = (flags & 8) != 0;
    open.is_on_another_node = (flags & 16) != 0;
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (!loaded.empty()) open_[id] = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace oddverb
