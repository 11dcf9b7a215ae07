#include "model/finding_state.h"

#include <climits>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {
namespace {

void SaveStrings(const auto& list, StateWriter& out) {
  out.PutU64(list.size());
  for (std::string_view text : list) out.PutString(text);
}

std::vector<std::string> LoadStrings(StateReader& in) {
  std::vector<std::string> list;
  for (uint64_t n = in.GetCount(1); n > 0 && in.status().ok(); --n) {
    list.emplace_back(in.GetString());
  }
  return list;
}

void LoadString(StateReader& in, std::string& out) {
  out = std::string(in.GetString());
}

template <class E>
E LoadEnum(StateReader& in, E last) {
  uint64_t value = in.GetU64();
  if (value <= static_cast<uint64_t>(last)) return static_cast<E>(value);
  in.Fail();
  return E{};
}

int LoadInt(StateReader& in) {
  int64_t value = in.GetI64();
  if (value >= INT_MIN && value <= INT_MAX) return static_cast<int>(value);
  in.Fail();
  return 0;
}

void SaveItem(const auto& evidence, StateWriter& out) {
  out.PutString(evidence.audit_id);
  out.PutTime(evidence.time);
  out.PutString(evidence.verb);
  out.PutString(evidence.uri);
  out.PutI64(evidence.code);
}

template <class F>
void SaveLists(const F& f, StateWriter& out) {
  SaveStrings(f.who.groups, out);
  SaveStrings(f.where.claimed_ips, out);
  SaveStrings(f.what.verbs, out);
  SaveStrings(f.what.resources, out);
  SaveStrings(f.what.namespaces, out);
  SaveStrings(f.what.names, out);
  SaveStrings(f.next, out);
  SaveStrings(f.benign_checks, out);
  SaveStrings(f.attack, out);
  out.PutU64(f.why.size());
  for (const FindingReason& reason : f.why) {
    out.PutString(reason.feature);
    out.PutString(reason.value);
    out.PutDouble(reason.contribution);
  }
  out.PutU64(f.decoded.size());
  for (const DecodedLayer& layer : f.decoded) {
    out.PutString(layer.layer);
    out.PutString(layer.text);
  }
  out.PutU64(f.evidence.size());
  for (const auto& e : f.evidence) SaveItem(e, out);
  out.PutU64(f.practice.size());
  for (int practice : f.practice) out.PutI64(practice);
}

void LoadLists(StateReader& in, Finding& f) {
  f.who.groups = LoadStrings(in);
  f.where.claimed_ips = LoadStrings(in);
  f.what.verbs = LoadStrings(in);
  f.what.resources = LoadStrings(in);
  f.what.namespaces = LoadStrings(in);
  f.what.names = LoadStrings(in);
  f.next = LoadStrings(in);
  f.benign_checks = LoadStrings(in);
  f.attack = LoadStrings(in);
  for (uint64_t n = in.GetCount(3); n > 0 && in.status().ok(); --n) {
    FindingReason& reason = f.why.emplace_back();
    LoadString(in, reason.feature);
    LoadString(in, reason.value);
    reason.contribution = in.GetDouble();
  }
  for (uint64_t n = in.GetCount(2); n > 0 && in.status().ok(); --n) {
    DecodedLayer& layer = f.decoded.emplace_back();
    LoadString(in, layer.layer);
    LoadString(in, layer.text);
  }
  for (uint64_t n = in.GetCount(4); n > 0 && in.status().ok(); --n) {
    f.evidence.push_back(LoadEvidence(in));
  }
  for (uint64_t n = in.GetCount(1); n > 0 && in.status().ok(); --n) {
    f.practice.push_back(LoadInt(in));
  }
}

// The single texts of a finding, in the order of the format.
template <class F, class Visit>
void ForEachText(F& f, Visit visit) {
  for (auto* text :
       {&f.cluster, &f.rule, &f.detector, &f.source, &f.title, &f.summary,
        &f.entity, &f.entity_kind, &f.who.user, &f.who.credential_id,
        &f.who.impersonated, &f.who.pod, &f.who.node, &f.where.source_ip,
        &f.where.user_agent, &f.normal}) {
    visit(*text);
  }
}

template <class F>
void SaveAny(const F& f, StateWriter& out) {
  out.PutFixed64(f.id.high);
  out.PutFixed64(f.id.low);
  ForEachText(f, [&](std::string_view text) { out.PutString(text); });
  out.PutI64(f.rule_version);
  out.PutU64(static_cast<uint64_t>(f.severity));
  out.PutU64(static_cast<uint64_t>(f.state));
  out.PutU64(f.warming ? 1 : 0);
  out.PutDouble(f.confidence);
  out.PutDouble(f.score);
  out.PutDouble(f.threshold);
  out.PutTime(f.time);
  out.PutTime(f.first_seen);
  out.PutTime(f.last_seen);
  out.PutI64(f.count);
  SaveLists(f, out);
}

}  // namespace

void SaveEvidence(const Evidence& evidence, StateWriter& out) {
  SaveItem(evidence, out);
}

Evidence LoadEvidence(StateReader& in) {
  Evidence evidence;
  LoadString(in, evidence.audit_id);
  evidence.time = in.GetTime();
  LoadString(in, evidence.verb);
  LoadString(in, evidence.uri);
  evidence.code = LoadInt(in);
  return evidence;
}

void SaveFinding(const Finding& finding, StateWriter& out) {
  SaveAny(finding, out);
}

void SaveFinding(const OpenedFinding& finding, StateWriter& out) {
  SaveAny(finding, out);
}

Finding LoadFinding(StateReader& in) {
  Finding f;
  f.id.high = in.GetFixed64();
  f.id.low = in.GetFixed64();
  ForEachText(f, [&](std::string& text) { LoadString(in, text); });
  f.rule_version = LoadInt(in);
  f.severity = LoadEnum(in, Severity::kCritical);
  f.state = LoadEnum(in, FindingState::kFinal);
  f.warming = in.GetU64() != 0;
  f.confidence = in.GetDouble();
  f.score = in.GetDouble();
  f.threshold = in.GetDouble();
  f.time = in.GetTime();
  f.first_seen = in.GetTime();
  f.last_seen = in.GetTime();
  f.count = in.GetI64();
  LoadLists(in, f);
  return f;
}

}  // namespace oddverb
