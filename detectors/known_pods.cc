#include "detectors/known_pods.h"

#include <algorithm>
#include <utility>

namespace oddverb {
namespace {

std::optional<absl::Time> TimeOf(int64_t micros, int64_t never) {
  if (micros == never) return std::nullopt;
  return absl::FromUnixMicros(micros);
}

}  // namespace

bool KnownPods::Knows(EntityId id) const { return names_->Has(id); }

const KnownPods::Pod* KnownPods::Find(EntityId id) const {
  auto found = pods_.find(id);
  return found == pods_.end() ? nullptr : &found->second;
}

void KnownPods::SetName(EntityId id, Name name) {
  Name& known = NameOf(id);
  if (known.name != 0) RemoveFromNamed(id);
  known = name;
  if (known.name != 0) AddToNamed(id);
}

EntityId KnownPods::OlderOf(EntityId id) const {
  auto found = older_.find(id);
  return found == older_.end() ? kNoEntity : found->second;
}

void KnownPods::AddToNamed(EntityId id) {
  auto [newest, is_first] = newest_.insert(id);
  if (is_first) return;
  EntityId newer = kNoEntity, older = *newest;
  while (older != kNoEntity && IsOlder(id, older)) {
    newer = older;
    older = OlderOf(older);
  }
  if (older != kNoEntity) older_[id] = older;
  if (newer != kNoEntity) {
    older_[newer] = id;
    return;
  }
  newest_.erase(newest);
  newest_.insert(id);
}

void KnownPods::RemoveFromNamed(EntityId id) {
  auto newest = newest_.find(id);
  const EntityId older = OlderOf(id);
  if (*newest == id) {
    newest_.erase(newest);
    if (older != kNoEntity) newest_.insert(older);
  } else {
    EntityId newer = *newest;
    while (OlderOf(newer) != id) newer = OlderOf(newer);
    if (older != kNoEntity) {
      older_[newer] = older;
    } else {
      older_.erase(newer);
    }
  }
  older_.erase(id);
}

void KnownPods::NoteUse(EntityId id, uint64_t name, absl::Time time) {
  const Name& known = NameOf(id);
  const int64_t micros = absl::ToUnixMicros(time);
  if (name == 0 || (known.name == name && known.since_micros <= micros)) {
    return;
  }
  SetName(id, {name, std::min(known.since_micros, micros)});
}

bool KnownPods::IsGone(EntityId id) const {
  const Pod* pod = Find(id);
  return pod != nullptr && pod->gone_micros != kNever;
}

// Where one pod after the other has the name, as in a StatefulSet, the end that
// comes about when the newer one begins is the older one's.
EntityId KnownPods::NamedBefore(uint64_t name, int64_t micros) const {
  auto newest = newest_.find(name);
  if (newest == newest_.end()) return kNoEntity;
  const EntityId id = *newest;
  const int64_t since = NameAt(id).since_micros;
  if (micros <= since) return kNoEntity;
  if (micros - since < absl::ToInt64Microseconds(kLag)) {
    const EntityId before = OlderOf(id);
    if (before != kNoEntity && !IsGone(before)) return kNoEntity;
  }
  return id;
}

void KnownPods::NoteEnd(ObservationKind kind, EntityId id, uint64_t name,
                        absl::Time time, Emit& out) {
  const int64_t micros = absl::ToUnixMicros(time);
  if (id == kNoEntity) {
    id = NamedBefore(name, micros);
    if (id == kNoEntity) return;
    out.MarkChanged(EntityKind::kCredential, id);
  }
  NameOf(id);
  Pod& pod = pods_[id];
  pod.asked_micros = std::min(pod.asked_micros, micros);
  if (kind != ObservationKind::kPodGone || pod.gone_micros <= micros) return;
  gone_.erase({pod.gone_micros, id});
  pod.gone_micros = micros;
  gone_.emplace(micros, id);
}

void KnownPods::NoteAddress(EntityId id, uint64_t address, absl::Time time) {
  NameOf(id);
  std::vector<uint64_t>& addresses = pods_[id].addresses;
  // The newest last.
  std::erase(addresses, address);
  if (addresses.size() >= kMaxAddresses) addresses.erase(addresses.begin());
  addresses.push_back(address);
  last_report_ = std::max(last_report_, time);
}

std::optional<absl::Time> KnownPods::AskedToEnd(EntityId id) const {
  const Pod* pod = Find(id);
  return pod == nullptr ? std::nullopt : TimeOf(pod->asked_micros, kNever);
}

std::optional<absl::Time> KnownPods::Gone(EntityId id) const {
  const Pod* pod = Find(id);
  return pod == nullptr ? std::nullopt : TimeOf(pod->gone_micros, kNever);
}

bool KnownPods::HasAddresses(EntityId id) const {
  const Pod* pod = Find(id);
  return pod != nullptr && !pod->addresses.empty();
}

bool KnownPods::IsAddress(EntityId id, uint64_t address) const {
  const Pod* pod = Find(id);
  return pod != nullptr &&
         std::find(pod->addresses.begin(), pod->addresses.end(), address) !=
             pod->addresses.end();
}

void KnownPods::AdvanceTo(absl::Time watermark, Emit& out) {
  while (!gone_.empty()) {
    auto [micros, id] = *gone_.begin();
    if (absl::FromUnixMicros(micros) + kKept > watermark) return;
    Forget(id);
    out.MarkChanged(EntityKind::kCredential, id);
  }
}

void KnownPods::Forget(EntityId id) {
  if (!Knows(id)) return;
  SetName(id, {});
  names_->Erase(id);
  auto found = pods_.find(id);
  if (found == pods_.end()) return;
  gone_.erase({found->second.gone_micros, id});
  pods_.erase(found);
}

void KnownPods::Save(EntityId id, StateWriter& out) const {
  const Pod nothing;
  const Pod* found = Find(id);
  const Pod& pod = found != nullptr ? *found : nothing;
  out.PutFixed64(NameAt(id).name);
  out.PutI64(NameAt(id).since_micros);
  out.PutI64(pod.asked_micros);
  out.PutI64(pod.gone_micros);
  out.PutU64(pod.addresses.size());
  for (uint64_t address : pod.addresses) out.PutFixed64(address);
}

void KnownPods::Load(EntityId id, StateReader& in) {
  Forget(id);
  Name name;
  name.name = in.GetFixed64();
  name.since_micros = in.GetI64();
  Pod pod;
  pod.asked_micros = in.GetI64();
  pod.gone_micros = in.GetI64();
  uint64_t count = in.GetCount(8);
  if (count > kMaxAddresses) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    pod.addresses.push_back(in.GetFixed64());
  }
  if (!in.status().ok()) return;
  SetName(id, name);
  if (pod.gone_micros != kNever) gone_.emplace(pod.gone_micros, id);
  if (pod.asked_micros != kNever || pod.gone_micros != kNever ||
      !pod.addresses.empty()) {
    pods_[id] = std::move(pod);
  }
}

}  // namespace oddverb
