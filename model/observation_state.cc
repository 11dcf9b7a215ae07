#include "model/observation_state.h"

#include <string>
#include <vector>

#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kPodBound = 1, kDraft = 2, kStream = 4, kPolicy = 8,
                   kDualStack = 16;

template <class E>
E LoadEnum(StateReader& in, E count) {
  const uint64_t value = in.GetU64();
  if (value < static_cast<uint64_t>(count)) return static_cast<E>(value);
  in.Fail();
  return E{};
}

void SaveStrings(const std::vector<std::string>& list, StateWriter& out) {
  out.PutU64(list.size());
  for (const std::string& text : list) out.PutString(text);
}

std::vector<std::string> LoadStrings(StateReader& in) {
  std::vector<std::string> list;
  for (uint64_t n = in.GetCount(1); n > 0; --n) {
    list.emplace_back(in.GetString());
  }
  return list;
}

void SaveMatch(const CorrelationInput& match, StateWriter& out) {
  out.PutU64(match.correlation);
  out.PutU64(match.member);
  out.PutTime(match.time);
  out.PutFixed64(match.request);
  SaveStrings(match.group, out);
  out.PutU64(match.values.size());
  for (uint64_t value : match.values) out.PutFixed64(value);
  out.PutU64(match.numbers.size());
  for (double number : match.numbers) out.PutDouble(number);
  out.PutFixed64(match.fingerprint);
  SaveStrings(match.samples, out);
}

CorrelationInput LoadMatch(StateReader& in) {
  CorrelationInput match;
  match.correlation = static_cast<uint32_t>(in.GetU64());
  match.member = static_cast<uint32_t>(in.GetU64());
  match.time = in.GetTime();
  match.request = in.GetFixed64();
  match.group = LoadStrings(in);
  for (uint64_t n = in.GetCount(8); n > 0; --n) {
    match.values.push_back(in.GetFixed64());
  }
  for (uint64_t n = in.GetCount(8); n > 0; --n) {
    match.numbers.push_back(in.GetDouble());
  }
  match.fingerprint = in.GetFixed64();
  match.samples = LoadStrings(in);
  return match;
}

void SaveStream(const StreamBreak& seen, StateWriter& out) {
  out.PutString(seen.source);
  out.PutString(seen.place);
  out.PutString(seen.place_before);
  out.PutTime(seen.before);
  out.PutTime(seen.after);
  out.PutTime(seen.since);
  out.PutU64(seen.events);
  out.PutU64(static_cast<uint64_t>(seen.reason));
  out.PutU64(seen.records);
  out.PutU64(seen.bytes);
  out.PutU64(seen.offset);
  out.PutU64(seen.is_event ? 1 : 0);
  out.PutString(seen.detail);
}

StreamBreak LoadStream(StateReader& in) {
  StreamBreak seen;
  seen.source = in.GetString();
  seen.place = in.GetString();
  seen.place_before = in.GetString();
  seen.before = in.GetTime();
  seen.after = in.GetTime();
  seen.since = in.GetTime();
  seen.events = in.GetU64();
  seen.reason = LoadEnum(in, RejectReason::kCount);
  seen.records = in.GetU64();
  seen.bytes = in.GetU64();
  seen.offset = in.GetU64();
  seen.is_event = in.GetU64() != 0;
  seen.detail = in.GetString();
  return seen;
}

void SavePolicy(const PolicyChange& change, StateWriter& out) {
  const auto& [ns, policy, is_created, is_deleted, before, excepted, blocked] =
      change;
  out.PutFixed64(ns);
  out.PutFixed64(policy);
  out.PutU64((is_created ? 1U : 0U) | (is_deleted ? 2U : 0U));
  out.PutU64(before);
  out.PutU64(excepted);
  out.PutU64(blocked);
}

PolicyChange LoadPolicy(StateReader& in) {
  PolicyChange change;
  change.ns = in.GetFixed64();
  change.policy = in.GetFixed64();
  const uint64_t what = in.GetU64();
  if (what > 3) in.Fail();
  change.is_created = (what & 1) != 0;
  change.is_deleted = (what & 2) != 0;
  change.before = in.GetU64();
  change.excepted = in.GetU64();
  change.blocked = in.GetU64();
  return change;
}

}  // namespace

// By name, so that a member that is new does not compile until it is saved.
void SaveObservation(const Observation& observation, StateWriter& out) {
  const auto& [kind, time, credential, pod_bound, may_be_dual_stack, actor,
               account, pod_name, weight, novelty, subject, minted, source_ip,
               other_ip, draft, stream, matches, policy] = observation;
  out.PutU64(static_cast<uint64_t>(kind));
  out.PutU64((pod_bound ? kPodBound : 0) | (draft.has_value() ? kDraft : 0) |
             (stream.has_value() ? kStream : 0) |
             (policy.has_value() ? kPolicy : 0) |
             (may_be_dual_stack ? kDualStack : 0));
  out.PutTime(time);
  for (uint64_t key : {credential, actor, account, pod_name, subject, minted}) {
    out.PutFixed64(key);
  }
  out.PutDouble(weight);
  out.PutDouble(novelty);
  out.PutString(source_ip);
  out.PutString(other_ip);
  if (draft.has_value()) draft.Save(out);
  if (stream.has_value()) SaveStream(*stream, out);
  if (policy.has_value()) SavePolicy(*policy, out);
  out.PutU64(matches.size());
  for (const CorrelationInput& match : matches) SaveMatch(match, out);
}

Observation LoadObservation(StateReader& in) {
  Observation observation;
  observation.kind = LoadEnum(in, ObservationKind::kCount);
  const uint64_t parts = in.GetU64();
  if (parts > (kPodBound | kDraft | kStream | kPolicy | kDualStack)) in.Fail();
  observation.pod_bound = (parts & kPodBound) != 0;
  observation.may_be_dual_stack = (parts & kDualStack) != 0;
  observation.time = in.GetTime();
  for (uint64_t* key :
       {&observation.credential, &observation.actor, &observation.account,
        &observation.pod_name, &observation.subject, &observation.minted}) {
    *key = in.GetFixed64();
  }
  observation.weight = in.GetDouble();
  observation.novelty = in.GetDouble();
  observation.source_ip = in.GetString();
  observation.other_ip = in.GetString();
  if ((parts & kDraft) != 0) observation.draft = LoadFinding(in);
  if ((parts & kStream) != 0) observation.stream = LoadStream(in);
  if ((parts & kPolicy) != 0) observation.policy = LoadPolicy(in);
  for (uint64_t n = in.GetCount(20); n > 0 && in.status().ok(); --n) {
    observation.matches.push_back(LoadMatch(in));
  }
  return observation;
}

}  // namespace oddverb
