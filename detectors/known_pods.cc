#include "detectors/known_pods.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oddverb {
namespace {

std::optional<absl::Time> TimeOf(int64_t micros, int64_t never) {
  if (micros == never) return std::nullopt;
  return absl::FromUnixMicros(micros);
}

}  // namespace

const KnownPods::Pod* KnownPods::Find(EntityId pod) const {
  auto found = pods_.find(pod);
  return found == pods_.end() ? nullptr : &found->second;
}

void KnownPods::NoteUse(EntityId id, uint64_t name, absl::Time time) {
  Pod& pod = pods_[id];
  const int64_t micros = absl::ToUnixMicros(time);
  if (name == 0 || (pod.name == name && pod.since_micros <= micros)) return;
  names_.erase(KeyOf(id, pod));
  pod.name = name;
  pod.since_micros = std::min(pod.since_micros, micros);
  names_.insert(KeyOf(id, pod));
}

// Where one pod after the other has the name, as in a StatefulSet, the end that
// comes about when the newer one begins is the older one's.
EntityId KnownPods::NamedBefore(uint64_t name, int64_t micros) const {
  auto newest = names_.upper_bound({name, kNever, kNoEntity});
  if (newest == names_.begin()) return kNoEntity;
  --newest;
  if (newest->name != name || micros <= newest->since_micros) return kNoEntity;
  if (micros - newest->since_micros < absl::ToInt64Microseconds(kLag) &&
      newest != names_.begin()) {
    auto before = std::prev(newest);
    const bool may_be_older =
        before->name == name && Find(before->id)->gone_micros == kNever;
    if (may_be_older) return kNoEntity;
  }
  return newest->id;
}

void KnownPods::NoteEnd(ObservationKind kind, EntityId id, uint64_t name,
                        absl::Time time, Emit& out) {
  const int64_t micros = absl::ToUnixMicros(time);
  if (id == kNoEntity) {
    id = NamedBefore(name, micros);
    if (id == kNoEntity) return;
    out.MarkChanged(EntityKind::kCredential, id);
  }
  Pod& pod = pods_[id];
  pod.asked_micros = std::min(pod.asked_micros, micros);
  if (kind != ObservationKind::kPodGone || pod.gone_micros <= micros) return;
  gone_.erase({pod.gone_micros, id});
  pod.gone_micros = micros;
  gone_.emplace(micros, id);
}

void KnownPods::NoteAddress(EntityId id, uint64_t address, absl::Time time) {
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
  auto found = pods_.find(id);
  if (found == pods_.end()) return;
  const Pod& pod = found->second;
  names_.erase(KeyOf(id, pod));
  gone_.erase({pod.gone_micros, id});
  pods_.erase(found);
}

void KnownPods::Save(EntityId id, StateWriter& out) const {
  const Pod& pod = pods_.at(id);
  out.PutFixed64(pod.name);
  out.PutI64(pod.since_micros);
  out.PutI64(pod.asked_micros);
  out.PutI64(pod.gone_micros);
  out.PutU64(pod.addresses.size());
  for (uint64_t address : pod.addresses) out.PutFixed64(address);
}

void KnownPods::Load(EntityId id, StateReader& in) {
  Forget(id);
  Pod pod;
  pod.name = in.GetFixed64();
  pod.since_micros = in.GetI64();
  pod.asked_micros = in.GetI64();
  pod.gone_micros = in.GetI64();
  uint64_t count = in.GetCount(8);
  if (count > kMaxAddresses) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    pod.addresses.push_back(in.GetFixed64());
  }
  if (!in.status().ok()) return;
  if (pod.gone_micros != kNever) gone_.emplace(pod.gone_micros, id);
  if (pod.name != 0) names_.insert(KeyOf(id, pod));
  pods_[id] = std::move(pod);
}

}  // namespace oddverb
