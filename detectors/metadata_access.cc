#include "detectors/metadata_access.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/event_finding.h"
#include "detectors/metadata_body.h"
#include "detectors/metadata_finding.h"
#include "model/event_key.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;

// A finding's time: as far as the stream has come, and never back.
absl::Time FindingTime(const Emit& out, absl::Time event_time) {
  bool has_stream_time = out.stream_time != absl::InfinitePast() &&
                         out.stream_time != absl::InfiniteFuture();
  return has_stream_time ? std::max(out.stream_time, event_time) : event_time;
}

bool QuietSinceLonger(const Finding& a, const Finding& b) {
  return std::pair(a.last_seen, a.id) < std::pair(b.last_seen, b.id);
}

// Ends `finding`'s case.
Finding FinalOf(Finding finding, const Emit& out) {
  finding.state = FindingState::kFinal;
  finding.time = std::max(finding.time, FindingTime(out, finding.time));
  return finding;
}

}  // namespace

absl::StatusOr<MetadataAccess::Options> MetadataAccess::Options::FromYaml(
    const YamlNode& node) {
  Options options;
  YamlNode hosts = node.Get("extra_hosts");
  ODDVERB_ASSIGN_OR_RETURN(options.extra_hosts, hosts.AsStrings());
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  if (options.extra_hosts.size() > kMaxExtraHosts) {
    return hosts.Error(
        absl::StrCat("more than ", kMaxExtraHosts, " extra hosts"));
  }
  for (const std::string& host : options.extra_hosts) {
    if (IsHostText(host)) continue;
    return hosts.Error("neither an address nor a host name: \"" +
                       Bounded(host, Finding::kMaxTextBytes) + "\"");
  }
  return options;
}

MetadataAccess::MetadataAccess(const DetectorContext& context,
                               const Options& options)
    : context_(context), targets_(options.extra_hosts) {}

FieldSet MetadataAccess::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kImpersonatedUser,
                 FieldId::kSourceIps, FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kRequestObject,
                 FieldId::kReceivedTimestamp, FieldId::kStageTimestamp});
}

MetadataAccess::ActorState* MetadataAccess::StateOf(EntityId actor) const {
  return actor < actors_.size() ? actors_[actor].get() : nullptr;
}

MetadataAccess::ActorState& MetadataAccess::StateFor(EntityId actor) {
  if (actor >= actors_.size()) actors_.resize(size_t{actor} + 1);
  if (actors_[actor] == nullptr) {
    actors_[actor] = std::make_unique<ActorState>();
  }
  return *actors_[actor];
}

uint64_t MetadataAccess::CaseKey(const MetadataSurface& surface) const {
  HashInput input;
  input.Add(MetadataRule(surface.id))
      .Add(surface.owner_kind)
      .Add(surface.owner_ns)
      .Add(surface.owner_name);
  return context_.hash.Hash(input.bytes());
}

bool MetadataAccess::IsNewRequest(const AuditEvent& event,
                                  ActorState& state) const {
  uint64_t key = RequestKey(context_.hash, context_.cluster, event).low;
  auto& recent = state.recent_requests;
  if (std::find(recent.begin(), recent.end(), key) != recent.end()) {
    return false;
  }
  recent[state.next_request] = key;
  state.next_request =
      static_cast<uint8_t>((state.next_request + 1u) % recent.size());
  return true;
}

std::optional<MetadataAccess::Seen> MetadataAccess::Look(
    const AuditEvent& event) const {
  std::optional<Seen> best;
  auto weigh = [&](MetadataSurface surface, bool exhausted) {
    std::optional<MetadataReading> reading = ReadSurface(surface, targets_);
    if (!reading) return;
    reading->exhausted = reading->exhausted || exhausted;
    MetadataScore score = ScoreOf(surface, *reading, event.response_code);
    if (best && best->score.score >= score.score) return;
    best = Seen{std::move(surface), *std::move(reading), std::move(score)};
  };
  if (HasMetadataSurface(event)) {
    std::optional<MetadataSurface> surface = SurfaceOf(event);
    if (surface) weigh(*std::move(surface), false);
  }
  if (HasMetadataBody(event)) {
    MetadataBody body = ReadMetadataBody(event);
    for (MetadataSurface& text : body.texts) {
      weigh(std::move(text), body.exhausted);
    }
  }
  return best;
}

void MetadataAccess::Observe(const AuditEvent& event, const EntityIds& ids,
                             Emit& out) {
  if (!HasMetadataSurface(event) && !HasMetadataBody(event)) return;
  // The same request's later stages tell more.
  if (event.stage == Stage::kRequestReceived) return;
  if (ids.actor == kNoEntity) return;
  std::optional<Seen> seen = Look(event);
  if (!seen) return;

  EndQuietCases(ids.actor, event.stage_time, out);
  uint64_t key = CaseKey(seen->surface);
  ActorState* state = StateOf(ids.actor);
  Case* open = nullptr;
  if (state != nullptr) {
    auto found = std::find_if(state->cases.begin(), state->cases.end(),
                              [key](const Case& c) { return c.key == key; });
    if (found != state->cases.end()) open = &*found;
  }
  // What is too weak to open a case still belongs to an open one.
  if (open == nullptr && seen->score.severity < Severity::kLow) return;
  state = &StateFor(ids.actor);
  if (!IsNewRequest(event, *state)) return;
  if (open == nullptr && state->cases.size() >= kMaxCasesPerActor) {
    open = &state->cases.front();
  }
  Sighting sighting{event, *seen};
  if (open == nullptr) {
    OpenCase(sighting, ids, key, out);
  } else {
    ExtendCase(sighting, *open, out);
  }
}

void MetadataAccess::OpenCase(const Sighting& sighting, const EntityIds& ids,
                              uint64_t key, Emit& out) {
  if (case_count_ >= kMaxCases) EndLongestQuietCase(out);
  const AuditEvent& event = sighting.event;
  Finding finding = OpenFinding(context_, "metadata_access",
                                MetadataRule(sighting.seen.surface.id), event,
                                ids.keys.identity);
  finding.time = FindingTime(out, event.stage_time);
  DescribeMetadataFinding(event, sighting.seen.surface, sighting.seen.reading,
                          sighting.seen.score, finding);
  out.Report(finding);

  ActorState& state = StateFor(ids.actor);
  if (state.cases.empty()) open_actors_.push_back(ids.actor);
  state.cases.push_back(
      {.key = key, .reported_count = 1, .finding = std::move(finding)});
  ++case_count_;
  next_end_ = std::min(next_end_, event.stage_time + kCaseWindow);
}

void MetadataAccess::ExtendCase(const Sighting& sighting, Case& open,
                                Emit& out) {
  Finding& finding = open.finding;
  const AuditEvent& event = sighting.event;
  ++finding.count;
  finding.first_seen = std::min(finding.first_seen, event.stage_time);
  finding.last_seen = std::max(finding.last_seen, event.stage_time);
  finding.AddEvidence(event);
  bool is_severer = sighting.seen.score.severity > finding.severity;
  if (sighting.seen.score.score > finding.score) {
    DescribeMetadataFinding(event, sighting.seen.surface, sighting.seen.reading,
                            sighting.seen.score, finding);
  }
  if (!is_severer && finding.count < 2 * open.reported_count) return;
  open.reported_count = finding.count;
  finding.state = FindingState::kUpdate;
  finding.time = std::max(finding.time, FindingTime(out, event.stage_time));
  out.Report(finding);
}

void MetadataAccess::EndQuietCases(EntityId actor, absl::Time now, Emit& out) {
  ActorState* state = StateOf(actor);
  if (state == nullptr || state->cases.empty()) return;
  auto is_quiet = [now](const Case& open) {
    return open.finding.last_seen + kCaseWindow <= now;
  };
  auto first_quiet =
      std::stable_partition(state->cases.begin(), state->cases.end(),
                            [&](const Case& c) { return !is_quiet(c); });
  if (first_quiet == state->cases.end()) return;
  for (auto it = first_quiet; it != state->cases.end(); ++it) {
    out.Report(FinalOf(std::move(it->finding), out));
    --case_count_;
  }
  state->cases.erase(first_quiet, state->cases.end());
  out.MarkChanged(EntityKind::kActor, actor);
  if (state->cases.empty()) std::erase(open_actors_, actor);
  NoteNextEnd();
}

void MetadataAccess::EndLongestQuietCase(Emit& out) {
  EntityId quietest = kNoEntity;
  size_t index = 0;
  for (EntityId actor : open_actors_) {
    const std::vector<Case>& cases = actors_[actor]->cases;
    for (size_t i = 0; i < cases.size(); ++i) {
      if (quietest != kNoEntity &&
          !QuietSinceLonger(cases[i].finding,
                            actors_[quietest]->cases[index].finding)) {
        continue;
      }
      quietest = actor;
      index = i;
    }
  }
  if (quietest == kNoEntity) return;
  std::vector<Case>& cases = actors_[quietest]->cases;
  out.Report(FinalOf(std::move(cases[index].finding), out));
  out.MarkChanged(EntityKind::kActor, quietest);
  cases.erase(cases.begin() + static_cast<ptrdiff_t>(index));
  --case_count_;
  if (cases.empty()) std::erase(open_actors_, quietest);
}

void MetadataAccess::NoteNextEnd() {
  next_end_ = absl::InfiniteFuture();
  for (EntityId actor : open_actors_) {
    for (const Case& open : actors_[actor]->cases) {
      next_end_ = std::min(next_end_, open.finding.last_seen + kCaseWindow);
    }
  }
}

void MetadataAccess::AdvanceTo(absl::Time watermark, Emit& out) {
  if (case_count_ == 0 || watermark < next_end_) return;
  size_t first_report = out.findings.size();
  // Copied: the list loses the actors that have no case any more.
  const std::vector<EntityId> actors = open_actors_;
  for (EntityId actor : actors) EndQuietCases(actor, watermark, out);
  NoteNextEnd();
  // In an order that does not depend on ids, which a restart gives out anew.
  std::sort(out.findings.begin() + static_cast<ptrdiff_t>(first_report),
            out.findings.end(), QuietSinceLonger);
}

void MetadataAccess::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  ActorState* state = StateOf(id);
  if (state == nullptr) return;
  case_count_ -= state->cases.size();
  std::erase(open_actors_, id);
  actors_[id].reset();
}

void MetadataAccess::Save(EntityKind kind, EntityId id,
                          StateWriter& out) const {
  if (kind != EntityKind::kActor) return;
  const ActorState* state = StateOf(id);
  if (state == nullptr) return;
  out.PutU64(kStateVersion);
  for (uint64_t request : state->recent_requests) out.PutFixed64(request);
  out.PutU64(state->next_request);
  out.PutU64(state->cases.size());
  for (const Case& open : state->cases) {
    out.PutFixed64(open.key);
    out.PutI64(open.reported_count);
    SaveFinding(open.finding, out);
  }
}

absl::Status MetadataAccess::Load(EntityKind kind, EntityId id,
                                  StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  auto state = std::make_unique<ActorState>();
  uint64_t version = in.GetU64();
  for (uint64_t& request : state->recent_requests) request = in.GetFixed64();
  uint64_t next_request = in.GetU64();
  uint64_t case_count = in.GetCount(1);
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (version != kStateVersion || case_count > kMaxCasesPerActor ||
      next_request >= state->recent_requests.size()) {
    return absl::DataLossError("metadata_access: unknown state");
  }
  state->next_request = static_cast<uint8_t>(next_request);
  state->cases.resize(case_count);
  for (Case& open : state->cases) {
    open.key = in.GetFixed64();
    open.reported_count = in.GetI64();
    open.finding = LoadFinding(in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  Forget(kind, id);
  if (id >= actors_.size()) actors_.resize(size_t{id} + 1);
  if (!state->cases.empty()) open_actors_.push_back(id);
  case_count_ += state->cases.size();
  actors_[id] = std::move(state);
  NoteNextEnd();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeMetadataAccess(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(MetadataAccess::Options parsed,
                           MetadataAccess::Options::FromYaml(options));
  return std::make_unique<MetadataAccess>(context, parsed);
}

}  // namespace oddverb
