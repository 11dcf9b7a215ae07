#include "detectors/metadata_guards.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr uint8_t kPolicyRow = 0;
// As for what a policy lets through (metadata.network_policy).
constexpr double kWeight = 2;
constexpr double kConfidence = 0.7;
constexpr double kConfidenceInPatch = 0.5;
constexpr size_t kMaxHosts = 4;  // named in a sentence

std::string HostsText(const std::vector<std::string_view>& hosts) {
  const size_t named = std::min(hosts.size(), kMaxHosts);
  std::vector<std::string> first;
  for (size_t i = 0; i < named; ++i) first.emplace_back(hosts[i]);
  std::string text = absl::StrJoin(first, ", ");
  if (hosts.size() > named) {
    absl::StrAppend(&text, " and ", hosts.size() - named, " more");
  }
  return text;
}

}  // namespace

void MetadataGuards::Loss::Add(uint64_t lost, absl::Time known_since) {
  if (lost == 0) return;
  targets |= lost;
  ++policies;
  since = std::min(since, known_since);
}

void MetadataGuards::Observe(const Observation& observation,
                             const ObservationIds&, Emit& out) {
  if (observation.kind != ObservationKind::kPolicyChanged ||
      !observation.policy.has_value()) {
    return;
  }
  const Loss loss = Apply(*observation.policy, observation);
  if (loss.policies > 0 && observation.draft.has_value()) {
    Tell(loss, observation, out);
  }
}

MetadataGuards::Loss MetadataGuards::Apply(const PolicyChange& change,
                                           const Observation& observation) {
  Loss loss;
  if (change.policy == 0) {
    for (auto it = guards_.lower_bound({change.ns, 0});
         it != guards_.end() && it->first.first == change.ns;) {
      ApplyTo(it++, change, observation, loss);
    }
    return loss;
  }
  auto it = guards_.find({change.ns, change.policy});
  if (it != guards_.end()) {
    ApplyTo(it, change, observation, loss);
    return loss;
  }
  loss.Add(change.before & ~change.excepted, observation.time);
  if (change.excepted != 0) Remember(change, observation);
  return loss;
}

void MetadataGuards::ApplyTo(Guards::iterator it, const PolicyChange& change,
                             const Observation& observation, Loss& loss) {
  Guard& guard = it->second;
  const bool is_old = guard.seen + kRemembered < observation.time;
  const uint64_t had = (is_old ? 0 : guard.targets) | change.before;
  const uint64_t has = (had & change.blocked) | change.excepted;
  const bool is_trial = guard.maker != 0 && guard.maker == observation.actor &&
                        observation.time <= guard.since + kTrial;
  if (!is_trial) loss.Add(had & ~has, guard.since);
  if (has == 0) {
    Erase(it);
    return;
  }
  guard.targets = has;
  guard.seen = std::max(guard.seen, observation.time);
  numbers_.MarkChanged(guard.row);
}

void MetadataGuards::Remember(const PolicyChange& change,
                              const Observation& observation) {
  if (guards_.size() >= kMaxPolicies &&
      !MakeRoomFor(change, observation.time)) {
    return;
  }
  Guard guard{.targets = change.excepted,
              .maker = change.is_created ? observation.actor : 0,
              .since = observation.time,
              .seen = observation.time,
              .row = numbers_.Take()};
  rows_.resize(numbers_.size(), nullptr);
  const uint32_t row = guard.row;
  auto [it, is_new] =
      guards_.emplace(PolicyKey(change.ns, change.policy), guard);
  rows_[row] = &*it;
  ++sizes_[change.ns];
}

bool MetadataGuards::MakeRoomFor(const PolicyChange& change, absl::Time now) {
  auto largest = std::max_element(
      sizes_.begin(), sizes_.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  auto own = sizes_.find(change.ns);
  const uint32_t own_size = own == sizes_.end() ? 0 : own->second;
  if (own_size + 1 >= largest->second) {
    auto oldest = std::min_element(guards_.begin(), guards_.end(),
                                   [](const auto& a, const auto& b) {
                                     return a.second.seen < b.second.seen;
                                   });
    if (oldest->second.seen + kRemembered >= now) return false;
    Erase(oldest);
    return true;
  }
  // The newest: what was there before a flood stays.
  auto newest = guards_.lower_bound({largest->first, 0});
  for (auto it = newest;
       it != guards_.end() && it->first.first == largest->first; ++it) {
    if (it->second.since > newest->second.since) newest = it;
  }
  Erase(newest);
  return true;
}

void MetadataGuards::Erase(Guards::iterator it) {
  auto size = sizes_.find(it->first.first);
  if (--size->second == 0) sizes_.erase(size);
  rows_[it->second.row] = nullptr;
  numbers_.Free(it->second.row);
  guards_.erase(it);
}

void MetadataGuards::Tell(const Loss& loss, const Observation& observation,
                          Emit& out) {
  const Finding& draft = *observation.draft;
  if (auto open = cases_.find(observation.actor); open != cases_.end()) {
    Case& known = open->second;
    Finding& finding = known.finding;
    ++finding.count;
    finding.last_seen = std::max(finding.last_seen, draft.last_seen);
    for (const std::string& name : draft.what.names) {
      AddDistinct(name, finding.what.names);
    }
    for (const std::string& ns : draft.what.namespaces) {
      AddDistinct(ns, finding.what.namespaces);
    }
    for (const Evidence& evidence : draft.evidence) {
      if (finding.evidence.size() >= Finding::kMaxEvidence) break;
      finding.evidence.push_back(evidence);
    }
    if (finding.count < 2 * known.reported_count) return;
    known.reported_count = finding.count;
    finding.state = FindingState::kUpdate;
    out.Report(finding);
    return;
  }
  if (cases_.size() >= kMaxCases) EndLongestQuiet(out);
  Finding finding = draft;
  const std::string hosts = HostsText(targets_.HostsOf(loss.targets));
  const bool is_deletion = observation.policy->is_deleted;
  const bool is_patch = draft.what.verbs == std::vector<std::string>{"patch"};
  AddReason(
      is_deletion ? "deleted what held back" : "lets through what it held back",
      hosts, kWeight, finding);
  absl::StrAppend(&finding.summary, ", which kept pods from ", hosts);
  if (loss.policies > 1) {
    absl::StrAppend(&finding.summary, " (", loss.policies, " policies)");
  }
  if (loss.since < observation.time) {
    absl::StrAppend(&finding.summary, "; known for ",
                    SpanText(loss.since, observation.time));
  }
  finding.threshold = kWeight;
  finding.severity = Severity::kLow;
  finding.confidence = is_patch ? kConfidenceInPatch : kConfidence;
  cases_[observation.actor] = {finding, 1};
  out.Report(std::move(finding));
}

void MetadataGuards::EndLongestQuiet(Emit& out) {
  auto longest = std::min_element(
      cases_.begin(), cases_.end(), [](const auto& a, const auto& b) {
        return std::tuple(a.second.finding.last_seen, a.first) <
               std::tuple(b.second.finding.last_seen, b.first);
      });
  longest->second.finding.state = FindingState::kFinal;
  out.Report(std::move(longest->second.finding));
  cases_.erase(longest);
}

void MetadataGuards::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto it = cases_.begin(); it != cases_.end();) {
    Finding& finding = it->second.finding;
    if (finding.last_seen + kCaseWindow > watermark) {
      ++it;
      continue;
    }
    finding.state = FindingState::kFinal;
    out.Report(std::move(finding));
    it = cases_.erase(it);
  }
}

void MetadataGuards::SaveShared(StateWriter& out) const {
  out.PutVersion(kStateVersion);
  out.PutU64(cases_.size());
  for (const auto& [actor, open] : cases_) {
    out.PutFixed64(actor);
    out.PutI64(open.reported_count);
    SaveFinding(open.finding, out);
  }
}

absl::Status MetadataGuards::LoadShared(StateReader& in) {
  if (in.GetVersion(kStateVersion) != kStateVersion) in.Fail();
  uint64_t count = in.GetCount(16);
  if (count > kMaxCases) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Case& open = cases_[in.GetFixed64()];
    open.reported_count = in.GetI64();
    open.finding = LoadFinding(in);
  }
  return in.status();
}

void MetadataGuards::TakeRows(std::vector<DetectorRow>& out) {
  for (uint32_t number : numbers_.TakeChanged()) {
    StateWriter state;
    if (rows_[number] != nullptr) {
      const auto& [key, guard] = *rows_[number];
      state.PutFixed64(key.first);
      state.PutFixed64(key.second);
      state.PutFixed64(guard.targets);
      state.PutFixed64(guard.maker);
      state.PutTime(guard.since);
      state.PutTime(guard.seen);
    }
    out.push_back({kPolicyRow, number, state.Release()});
  }
}

absl::Status MetadataGuards::LoadRow(uint8_t kind, uint32_t number,
                                     std::string_view bytes) {
  if (kind != kPolicyRow || number >= kMaxPolicies ||
      !numbers_.Append(number)) {
    return absl::DataLossError("metadata_access: a policy is missing");
  }
  rows_.push_back(nullptr);
  if (bytes.empty()) return absl::OkStatus();
  StateReader in(bytes);
  PolicyKey key;
  key.first = in.GetFixed64();
  key.second = in.GetFixed64();
  Guard guard;
  guard.targets = in.GetFixed64();
  guard.maker = in.GetFixed64();
  guard.since = in.GetTime();
  guard.seen = in.GetTime();
  guard.row = number;
  ODDVERB_RETURN_IF_ERROR(in.status());
  auto [it, is_new] = guards_.emplace(key, guard);
  if (!is_new) {
    return absl::DataLossError("metadata_access: a policy stands twice");
  }
  numbers_.TakeBack(number);
  rows_[number] = &*it;
  ++sizes_[key.first];
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeMetadataGuards(
    const DetectorContext&, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(MetadataAccess::Options parsed,
                           MetadataAccess::Options::FromYaml(options));
  return std::make_unique<MetadataGuards>(parsed);
}

}  // namespace oddverb
