#include "detectors/read_tokens.h"

#include <algorithm>
#include <utility>

#include "detectors/actor_act.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr absl::Duration kSpan = absl::Hours(24);
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

}  // namespace

uint64_t ReadTokens::Key(std::string_view ns, std::string_view pod) const {
  HashInput input;
  input.Add(ns).Add(pod);
  return hash_.Hash(input.bytes());
}

void ReadTokens::Note(const Finding& finding) {
  if (finding.rule != kCredentialReadRule || finding.evidence.empty() ||
      finding.state == FindingState::kFinal || finding.what.names.empty() ||
      finding.what.namespaces.empty()) {
    return;
  }
  // What was added last, where one finding tells of several pods.
  Read read;
  read.pod = Key(finding.what.namespaces.back(), finding.what.names.back());
  read.who = finding.entity;
  read.evidence = finding.evidence.back();
  std::erase_if(reads_, [&](const Read& r) { return r.pod == read.pod; });
  if (reads_.size() >= kMaxReads) reads_.erase(reads_.begin());
  reads_.push_back(std::move(read));
}

const ReadTokens::Read* ReadTokens::Of(const Finding& stolen) const {
  std::string_view user = stolen.who.user;
  if (stolen.who.pod.empty() || !user.starts_with(kAccountPrefix)) {
    return nullptr;
  }
  user.remove_prefix(kAccountPrefix.size());
  const uint64_t pod = Key(user.substr(0, user.find(':')), stolen.who.pod);
  auto read = std::find_if(reads_.begin(), reads_.end(), [&](const Read& r) {
    return r.pod == pod && r.evidence.time <= stolen.last_seen &&
           r.evidence.time + kSpan >= stolen.last_seen;
  });
  return read == reads_.end() ? nullptr : &*read;
}

void ReadTokens::Save(StateWriter& out) const {
  out.PutU64(reads_.size());
  for (const Read& read : reads_) {
    out.PutFixed64(read.pod);
    out.PutString(read.who);
    SaveEvidence(read.evidence, out);
  }
}

void ReadTokens::Load(StateReader& in) {
  reads_.clear();
  uint64_t count = in.GetCount(10);
  if (count > kMaxReads) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Read& read = reads_.emplace_back();
    read.pod = in.GetFixed64();
    read.who = std::string(in.GetString());
    read.evidence = LoadEvidence(in);
  }
  if (!in.status().ok()) reads_.clear();
}

}  // namespace oddverb
