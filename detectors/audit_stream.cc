#include "detectors/audit_stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/status_macros.h"
#include "detectors/audit_gap.h"
#include "detectors/audit_stream_finding.h"
#include "detectors/event_finding.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// 1 had whole words in the ring: it begins anew. 2 had shapes of 32 bits.
constexpr uint64_t kOldestState = 1, kWideShapes = 2, kStateVersion = 3;
// Of RecentIds::Request::received, in microseconds: stages of one request are
// told from requests that follow each other.
constexpr int64_t kReceivedUnit = 1 << 16;

// Wraps.
uint32_t UnitsOf(int64_t micros) {
  return static_cast<uint32_t>(micros / kReceivedUnit);
}

uint32_t Folded(uint64_t word) {
  return static_cast<uint32_t>(word ^ word >> 32);
}

bool QuietSinceLonger(const Finding& a, const Finding& b) {
  return std::pair(a.last_seen, a.id) < std::pair(b.last_seen, b.id);
}

uint16_t ShapeIn(uint64_t word) {
  return static_cast<uint16_t>(Folded(word) ^ Folded(word) >> 16);
}

uint64_t FirstWord(std::string_view text) {
  uint64_t word = 0;
  std::memcpy(&word, text.data(), std::min(text.size(), sizeof(word)));
  return word;
}

// Tells most requests apart that differ, at the cost of a few instructions.
uint16_t ShapeOf(const AuditEvent& event) {
  std::string_view uri = event.request_uri;
  std::string_view end =
      uri.substr(uri.size() - std::min<size_t>(uri.size(), 8));
  uint64_t shape = FirstWord(end) + uri.size() * 0x9e3779b97f4a7c15;
  shape ^= FirstWord(event.verb) * 0xff51afd7ed558ccd;
  shape = (shape + event.impersonated.name.size()) * 0xc4ceb9fe1a85ec53;
  return ShapeIn(shape);
}

}  // namespace

absl::Time AuditStream::Case::EndsAt() const {
  return std::min(finding.last_seen + kQuiet,
                  finding.first_seen + kLongestCase);
}

bool AuditStream::ActorState::has_case() const {
  return std::any_of(cases.begin(), cases.end(),
                     [](const auto& open) { return open != nullptr; });
}

AuditStream::AuditStream(const DetectorContext& context) : context_(context) {}

FieldSet AuditStream::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kImpersonatedUser,
                 FieldId::kSourceIps, FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp, FieldId::kAnnotations});
}

AuditStream::ActorState& AuditStream::StateFor(EntityId actor) {
  if (actor >= actors_.size()) actors_.resize(size_t{actor} + 1);
  std::unique_ptr<ActorState>& state = actors_[actor];
  if (state == nullptr) state = std::make_unique<ActorState>();
  return *state;
}

void AuditStream::Prefetch(PrefetchStep step, const EntityIds& ids) const {
  PrefetchOwned(step, actors_, ids.actor);
}

void AuditStream::Observe(const AuditEvent& event, const EntityIds& ids,
                          Emit& out) {
  // The same request's later stages tell more.
  if (event.stage == Stage::kRequestReceived) return;
  if (ids.actor == kNoEntity) return;
  if (event.truncated) Count(Rule::kTruncated, event, ids, out);
  if (ReusesId(event, ids)) Count(Rule::kIdReuse, event, ids, out);
}

// Of those who are known by name: anybody on the network can send two requests
// as nobody, which then are of no interest anyway.
bool AuditStream::ReusesId(const AuditEvent& event, const EntityIds& ids) {
  if (event.audit_id.empty() ||
      ids.keys.identity == IdentityClass::kAnonymous ||
      ids.keys.identity == IdentityClass::kUnauthenticated) {
    return false;
  }
  const uint32_t id = Folded(context_.hash.Hash(event.audit_id)) | 1;
  RecentIds::Request request;
  request.shape = ShapeOf(event);
  request.received = UnitsOf(absl::ToUnixMicros(event.received));
  RecentIds& recent = StateFor(ids.actor).recent;
  auto found = std::find(recent.ids.begin(), recent.ids.end(), id);
  if (found == recent.ids.end()) {
    recent.ids[recent.next] = id;
    recent.requests[recent.next] = request;
    recent.next = static_cast<uint8_t>((recent.next + 1u) % kRememberedIds);
    return false;
  }
  RecentIds::Request& known =
      recent.requests[static_cast<size_t>(found - recent.ids.begin())];
  // Stages of one request.
  if (known.received == request.received && known.shape == request.shape) {
    return false;
  }
  scratch_.Clear();
  scratch_.Add(event.verb).Add(event.request_uri).Add(event.impersonated.name);
  request.hash = Folded(context_.hash.Hash(scratch_.bytes())) | 1;
  const bool is_same = known.shape == request.shape &&
                       (known.hash == 0 || known.hash == request.hash);
  const auto later = static_cast<int32_t>(request.received - known.received);
  const bool is_soon = std::abs(int64_t{later}) <=
                       absl::ToInt64Microseconds(kRetrySpan) / kReceivedUnit;
  known = request;
  return !is_same || !is_soon;
}

void AuditStream::Count(Rule rule, const AuditEvent& event,
                        const EntityIds& ids, Emit& out) {
  EndCases(ids.actor, event.stage_time, out);
  ActorState& state = StateFor(ids.actor);
  Case* open = state.cases[static_cast<size_t>(rule)].get();
  if (open == nullptr) return OpenCase(rule, event, ids, out);
  Finding& finding = open->finding;
  ++finding.count;
  finding.last_seen = std::max(finding.last_seen, event.stage_time);
  finding.AddEvidence(event);
  Severity before = finding.severity;
  if (rule == Rule::kTruncated) {
    DescribeTruncated(event, ids.keys.identity, finding);
  } else {
    DescribeIdReuse(event, ids.keys.identity, finding);
  }
  if (finding.severity == before && finding.count < open->next_report) return;
  if (finding.count >= open->next_report) open->next_report *= 2;
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

void AuditStream::OpenCase(Rule rule, const AuditEvent& event,
                           const EntityIds& ids, Emit& out) {
  if (case_count_ >= kMaxCases) EndLongestQuiet(out);
  auto open = std::make_unique<Case>();
  Finding& finding = open->finding;
  finding = OpenFinding(
      context_, "audit_stream",
      rule == Rule::kTruncated ? "audit.truncated" : "audit.id_reuse", event,
      ids.keys.identity);
  if (rule == Rule::kTruncated) {
    DescribeTruncated(event, ids.keys.identity, finding);
  } else {
    DescribeIdReuse(event, ids.keys.identity, finding);
  }
  out.Report(finding);
  next_end_ = std::min(next_end_, open->EndsAt());
  StateFor(ids.actor).cases[static_cast<size_t>(rule)] = std::move(open);
  open_actors_.insert(ids.actor);
  ++case_count_;
}

void AuditStream::EndCases(EntityId actor, absl::Time now, Emit& out) {
  ActorState& state = StateFor(actor);
  bool ended = false;
  for (std::unique_ptr<Case>& open : state.cases) {
    if (open == nullptr || open->EndsAt() > now) continue;
    open->finding.state = FindingState::kFinal;
    out.Report(std::move(open->finding));
    open.reset();
    --case_count_;
    ended = true;
  }
  if (!ended) return;
  out.MarkChanged(EntityKind::kActor, actor);
  if (!state.has_case()) open_actors_.erase(actor);
}

void AuditStream::EndLongestQuiet(Emit& out) {
  std::unique_ptr<Case>* quietest = nullptr;
  EntityId owner = kNoEntity;
  for (EntityId actor : open_actors_) {
    for (std::unique_ptr<Case>& open : actors_[actor]->cases) {
      if (open == nullptr) continue;
      if (quietest != nullptr &&
          !QuietSinceLonger(open->finding, (*quietest)->finding)) {
        continue;
      }
      quietest = &open;
      owner = actor;
    }
  }
  if (quietest == nullptr) return;
  (*quietest)->finding.state = FindingState::kFinal;
  out.Report(std::move((*quietest)->finding));
  quietest->reset();
  --case_count_;
  out.MarkChanged(EntityKind::kActor, owner);
  if (!actors_[owner]->has_case()) open_actors_.erase(owner);
}

void AuditStream::AdvanceTo(absl::Time watermark, Emit& out) {
  if (case_count_ == 0 || watermark < next_end_) return;
  auto first = static_cast<ptrdiff_t>(out.findings.size());
  // Copied: the set loses the actors that have no case any more.
  const std::vector<EntityId> actors(open_actors_.begin(), open_actors_.end());
  for (EntityId actor : actors) EndCases(actor, watermark, out);
  next_end_ = absl::InfiniteFuture();
  for (EntityId actor : open_actors_) {
    for (const std::unique_ptr<Case>& open : actors_[actor]->cases) {
      if (open != nullptr) next_end_ = std::min(next_end_, open->EndsAt());
    }
  }
  // In an order that does not depend on ids, which a restart gives out anew.
  std::sort(out.findings.begin() + first, out.findings.end(), QuietSinceLonger);
}

void AuditStream::Drop(EntityId actor) {
  if (actor >= actors_.size() || actors_[actor] == nullptr) return;
  for (const std::unique_ptr<Case>& open : actors_[actor]->cases) {
    if (open != nullptr) --case_count_;
  }
  open_actors_.erase(actor);
  actors_[actor].reset();
}

void AuditStream::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kActor) Drop(id);
}

bool AuditStream::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor || !open_actors_.contains(id);
}

// Times as differences: most requests of an actor follow each other soon. Few
// have a hash.
void AuditStream::SaveRecent(const RecentIds& recent, bool has_case,
                             StateWriter& out) {
  const auto unused = std::find(recent.ids.begin(), recent.ids.end(), 0u);
  const auto used = static_cast<size_t>(unused - recent.ids.begin());
  out.PutU64((used * kRememberedIds + recent.next) * 2 + (has_case ? 1 : 0));
  uint32_t previous = out.rests() ? UnitsOf(out.near_micros()) : 0;
  for (size_t i = 0; i < used; ++i) {
    const RecentIds::Request& request = recent.requests[i];
    const auto later = static_cast<int32_t>(request.received - previous);
    out.PutI64(int64_t{later} * 2 + (request.hash != 0 ? 1 : 0));
    out.PutFixed32(recent.ids[i]);
    out.PutFixed16(request.shape);
    if (request.hash != 0) out.PutFixed32(request.hash);
    previous = request.received;
  }
}

bool AuditStream::LoadRecent(StateReader& in, RecentIds& recent) {
  const uint64_t head = in.GetU64();
  const uint64_t used = head / 2 / kRememberedIds;
  if (used > kRememberedIds) {
    in.Fail();
    return false;
  }
  recent.next = static_cast<uint8_t>(head / 2 % kRememberedIds);
  uint32_t previous = in.rests() ? UnitsOf(in.near_micros()) : 0;
  for (size_t i = 0; i < used; ++i) {
    RecentIds::Request& request = recent.requests[i];
    const int64_t later = in.GetI64();
    previous += static_cast<uint32_t>(later >> 1);
    request.received = previous;
    recent.ids[i] = in.GetFixed32();
    request.shape = in.GetFixed16();
    if ((later & 1) != 0) request.hash = in.GetFixed32();
    if (recent.ids[i] == 0) in.Fail();
  }
  return head % 2 != 0;
}

void AuditStream::LoadWideRecent(StateReader& in, RecentIds& recent) {
  constexpr size_t kRing = 8;
  const uint64_t next = in.GetU64();
  const uint64_t used = in.GetU64();
  if (next >= kRing || used > kRing) return in.Fail();
  std::array<std::pair<uint32_t, RecentIds::Request>, kRing> ring;
  uint32_t previous = 0;
  for (size_t i = 0; i < used; ++i) {
    auto& [id, request] = ring[i];
    const uint64_t words = in.GetFixed64();
    id = static_cast<uint32_t>(words >> 32);
    request.shape = ShapeIn(words & UINT32_MAX);
    const uint64_t hash = in.GetU64();
    previous += static_cast<uint32_t>(in.GetI64());
    request.received = previous;
    if (id == 0 || hash > UINT32_MAX) in.Fail();
    request.hash = static_cast<uint32_t>(hash);
  }
  const size_t kept = std::min<size_t>(used, kRememberedIds);
  for (size_t i = 0; i < kept; ++i) {
    const auto& [id, request] = ring[(next + kRing - kept + i) % kRing];
    recent.ids[i] = id;
    recent.requests[i] = request;
  }
  recent.next = static_cast<uint8_t>(kept % kRememberedIds);
}

namespace {

void SkipOldRecent(StateReader& in) {
  in.GetU64();
  while (in.GetFixed64() != 0) {
    in.GetFixed64();
    in.GetFixed64();
    in.GetI64();
  }
}

}  // namespace

void AuditStream::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  if (kind != EntityKind::kActor || id >= actors_.size()) return;
  const ActorState* state = actors_[id].get();
  if (state == nullptr) return;
  out.PutVersion(kStateVersion);
  SaveRecent(state->recent, state->has_case(), out);
  if (!state->has_case()) return;
  for (const std::unique_ptr<Case>& open : state->cases) {
    out.PutU64(open != nullptr ? 1 : 0);
    if (open == nullptr) continue;
    out.PutI64(open->next_report);
    SaveFinding(open->finding, out);
  }
}

absl::Status AuditStream::Load(EntityKind kind, EntityId id, StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  ActorState state;
  const uint64_t version = in.GetVersion(kStateVersion);
  if (version < kOldestState || version > kStateVersion) in.Fail();
  bool has_case = true;  // or says for each rule that it has none
  if (version < kWideShapes) {
    SkipOldRecent(in);
  } else if (version == kWideShapes) {
    LoadWideRecent(in, state.recent);
  } else {
    has_case = LoadRecent(in, state.recent);
  }
  size_t cases = 0;
  for (std::unique_ptr<Case>& open : state.cases) {
    if (!has_case || in.GetU64() == 0) continue;
    open = std::make_unique<Case>();
    open->next_report = in.GetI64();
    open->finding = LoadFinding(in);
    if (open->next_report < 2) in.Fail();
    ++cases;
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  Drop(id);
  for (const std::unique_ptr<Case>& open : state.cases) {
    if (open != nullptr) next_end_ = std::min(next_end_, open->EndsAt());
  }
  case_count_ += cases;
  if (cases > 0) open_actors_.insert(id);
  StateFor(id) = std::move(state);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeAuditStream(
    const DetectorContext& context, const YamlNode& options) {
  // They are for the correlator's part.
  ODDVERB_RETURN_IF_ERROR(AuditStreamOptions::FromYaml(options).status());
  return std::make_unique<AuditStream>(context);
}

}  // namespace oddverb
