#include "detectors/rare_operations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "detectors/site_history.h"
#include "model/finding_state.h"
#include "model/identity.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr double kPeerFactor = 0.2;
// As long as another finding about an identity says something of what it does.
constexpr absl::Duration kSuspicion = absl::Hours(24);
constexpr size_t kMaxOthers = 3;
// People travel, and work elsewhere as at home. Where nothing else says that it
// is somebody else, what is not grave counts half; from the sensitivity of
// roles on it is.
constexpr double kTravelFactor = 0.5;
constexpr double kGraveFrom = 1.2;

// Accounts of one namespace, people of the first group that is no system group:
// they do alike. Empty: nobody's peer.
std::string PeersOf(const Finding& draft) {
  constexpr string_view kAccount = "system:serviceaccount:";
  const string_view user = draft.who.user;
  if (user.starts_with(kAccount)) {
    return std::string(user.substr(0, user.find(':', kAccount.size())));
  }
  for (const std::string& group : draft.who.groups) {
    if (!group.starts_with("system:")) return absl::StrCat("group ", group);
  }
  return {};
}

// An ordinary act of a person of whom nothing is new but the network.
bool MayTravel(const Observation& first,
               const std::vector<FindingReason>& others) {
  const bool is_person =
      first.draft->entity_kind == IdentityClassName(IdentityClass::kHuman);
  return is_person && first.weight < kGraveFrom && !others.empty() &&
         std::all_of(others.begin(), others.end(),
                     [](const FindingReason& other) {
                       return other.feature == kNewNetworkReason;
                     });
}

void Write(Finding& finding) {
  finding.rule = kRareRule;
  finding.detector = "sensitive_acts";
  finding.severity = Severity::kMedium;
  finding.threshold = RareOperations::kThreshold;
  finding.confidence = std::min(0.9, 0.3 + finding.score / 40);
  finding.title = "An identity does what it never did";
  finding.summary = absl::StrCat(
      Named(finding.who.user), " from ", finding.where.source_ip, " did ",
      Counted(static_cast<uint64_t>(finding.count), "kind", "kinds"),
      " of request for the first time within ",
      absl::FormatDuration(RareOperations::kWindow), ".");
  finding.normal =
      "Who is known for days does the same things, or what colleagues do, too.";
  finding.next = {
      absl::StrCat("Ask the owner of ", ShellWord(finding.who.user),
                   " whether it was their work."),
      absl::StrCat("kubectl auth can-i --list --as=",
                   ShellWord(finding.who.user), "   # what else it can do"),
      absl::StrCat("Find what ", ShellWord(finding.where.source_ip), " is.")};
  finding.benign_checks = {"Somebody with a new task, at a new place.",
                           "A new release of a program, in a new network."};
  finding.attack = {"T1078"};
  finding.practice = {9};
}

}  // namespace

void RareOperations::NoteFinding(const Finding& finding) {
  const bool says_much = finding.severity >= Severity::kMedium &&
                         (finding.rule.starts_with("forbidden.") ||
                          finding.rule.starts_with("permission.") ||
                          finding.rule.starts_with("metadata."));
  if (!says_much) return;
  const uint64_t entity = SuspectOf(finding);
  std::erase_if(suspects_, [&](const Suspect& suspect) {
    return suspect.entity == entity;
  });
  if (suspects_.size() >= kMaxSuspects) suspects_.erase(suspects_.begin());
  suspects_.push_back({entity, finding.rule, finding.last_seen});
}

// Who, and from which network: a thief elsewhere says nothing of what the owner
// does at home.
uint64_t RareOperations::SuspectOf(const Finding& finding) const {
  return hash_.Combine(hash_.Hash(finding.entity),
                       SiteOf(hash_, finding.where.source_ip));
}

bool RareOperations::IsUsualAmongPeers(const Observation& first) {
  const std::string peers = PeersOf(*first.draft);
  if (peers.empty()) return false;
  const uint64_t act = hash_.Combine(hash_.Hash(peers), first.subject);
  const bool is_usual = by_three_.Contains(act);
  if (peer_acts_.Add(hash_.Combine(act, first.actor), kMaxPeerActs)) {
    if (!by_one_.Contains(act)) {
      by_one_.Add(act, kMaxPeerActs);
    } else if (!by_two_.Contains(act)) {
      by_two_.Add(act, kMaxPeerActs);
    } else {
      by_three_.Add(act, kMaxPeerActs);
    }
  }
  return is_usual;
}

RareOperations::Actor& RareOperations::ActorOf(uint64_t key) {
  auto it =
      std::find_if(actors_.begin(), actors_.end(),
                   [key](const Actor& actor) { return actor.key == key; });
  if (it != actors_.end()) {
    std::rotate(it, it + 1, actors_.end());
    return actors_.back();
  }
  if (actors_.size() >= kMaxActors) actors_.erase(actors_.begin());
  actors_.emplace_back().key = key;
  return actors_.back();
}

void RareOperations::AddOthers(const Observation& first, Actor& actor) const {
  auto add = [&actor](FindingReason reason) {
    const bool is_known = std::any_of(
        actor.others.begin(), actor.others.end(),
        [&](const FindingReason& o) { return o.feature == reason.feature; });
    if (!is_known && actor.others.size() < kMaxOthers) {
      actor.others.push_back(std::move(reason));
    }
  };
  for (const FindingReason& reason : first.draft->why) add(reason);
  const uint64_t entity = SuspectOf(*first.draft);
  for (const Suspect& suspect : suspects_) {
    if (suspect.entity == entity && first.time - suspect.time <= kSuspicion) {
      add({"there is another finding about it", suspect.rule, 0});
    }
  }
}

void RareOperations::Note(const DetectorContext& context,
                          const Observation& first, Emit& out) {
  if (!first.draft.has_value() || first.novelty < kMinNovelty) return;
  double factor = IsUsualAmongPeers(first) ? kPeerFactor : 1;
  Actor& actor = ActorOf(first.actor);
  std::erase_if(actor.operations, [&](const Operation& operation) {
    return first.time - operation.time >= kWindow;
  });
  if (actor.operations.empty()) actor.others.clear();
  const bool is_known =
      std::any_of(actor.operations.begin(), actor.operations.end(),
                  [&](const Operation& operation) {
                    return operation.kind == first.subject;
                  });
  if (is_known || actor.operations.size() >= kMaxOperations) return;
  AddOthers(first, actor);
  if (MayTravel(first, actor.others)) factor *= kTravelFactor;
  Operation& operation = actor.operations.emplace_back();
  operation.kind = first.subject;
  operation.time = first.time;
  operation.weight = first.novelty * first.weight * factor;
  operation.text = first.draft->summary;
  if (!first.draft->evidence.empty()) {
    operation.evidence = first.draft->evidence.front();
  }
  Judge(context, first, actor, out);
}

void RareOperations::Judge(const DetectorContext& context,
                           const Observation& first, const Actor& actor,
                           Emit& out) {
  double sum = 0;
  for (const Operation& operation : actor.operations) sum += operation.weight;
  if (sum < kThreshold || actor.others.empty()) return;
  Finding finding = *first.draft;
  finding.why.clear();
  finding.score = 0;
  finding.evidence.clear();
  finding.count = static_cast<int64_t>(actor.operations.size());
  for (const Operation& operation : actor.operations) {
    AddReason("never done before by this identity", operation.text,
              operation.weight, finding);
    finding.first_seen = std::min(finding.first_seen, operation.time);
    finding.last_seen = std::max(finding.last_seen, operation.time);
    if (finding.evidence.size() < Finding::kMaxEvidence) {
      finding.evidence.push_back(operation.evidence);
    }
  }
  for (const FindingReason& other : actor.others) {
    AddReason(other.feature, other.value, other.contribution, finding);
  }
  Write(finding);
  finding.id = FindingId(context.id_hash, context.cluster, finding.rule,
                         finding.entity, first.draft->id);
  Finding* open = open_.Find(actor.key);
  if (open == nullptr) {
    open_.Open(actor.key, std::move(finding), out);
    return;
  }
  // Told again at half as much more.
  const bool is_news = finding.score >= 1.5 * open->score;
  if (!is_news) {
    open->last_seen = std::max(open->last_seen, finding.last_seen);
    return;
  }
  finding.id = open->id;
  finding.first_seen = std::min(finding.first_seen, open->first_seen);
  finding.state = FindingState::kUpdate;
  *open = std::move(finding);
  out.Report(*open);
}

void RareOperations::AdvanceTo(absl::Time watermark, Emit& out) {
  open_.AdvanceTo(watermark, out);
}

void RareOperations::Save(StateWriter& out) const {
  out.PutU64(actors_.size());
  for (const Actor& actor : actors_) {
    out.PutFixed64(actor.key);
    out.PutU64(actor.operations.size());
    for (const Operation& operation : actor.operations) {
      out.PutFixed64(operation.kind);
      out.PutTime(operation.time);
      out.PutDouble(operation.weight);
      out.PutString(operation.text);
      SaveEvidence(operation.evidence, out);
    }
    out.PutU64(actor.others.size());
    for (const FindingReason& other : actor.others) {
      out.PutString(other.feature);
      out.PutString(other.value);
    }
  }
  out.PutU64(suspects_.size());
  for (const Suspect& suspect : suspects_) {
    out.PutFixed64(suspect.entity);
    out.PutString(suspect.rule);
    out.PutTime(suspect.time);
  }
  for (const FingerprintSet* set :
       {&peer_acts_, &by_one_, &by_two_, &by_three_}) {
    set->Save(out);
  }
  open_.Save(out);
}

void RareOperations::Load(StateReader& in) {
  auto count = [&in](size_t bytes, size_t most) {
    const uint64_t n = in.GetCount(bytes);
    if (n > most) in.Fail();
    return in.status().ok() ? n : 0;
  };
  actors_.assign(count(10, kMaxActors), {});
  for (Actor& actor : actors_) {
    actor.key = in.GetFixed64();
    actor.operations.resize(count(20, kMaxOperations));
    for (Operation& operation : actor.operations) {
      operation.kind = in.GetFixed64();
      operation.time = in.GetTime();
      operation.weight = in.GetDouble();
      operation.text = std::string(in.GetString());
      operation.evidence = LoadEvidence(in);
    }
    actor.others.resize(count(2, kMaxOthers));
    for (FindingReason& other : actor.others) {
      other.feature = std::string(in.GetString());
      other.value = std::string(in.GetString());
    }
  }
  suspects_.assign(count(10, kMaxSuspects), {});
  for (Suspect& suspect : suspects_) {
    suspect.entity = in.GetFixed64();
    suspect.rule = std::string(in.GetString());
    suspect.time = in.GetTime();
  }
  for (FingerprintSet* set : {&peer_acts_, &by_one_, &by_two_, &by_three_}) {
    set->Load(in);
  }
  open_.Load(in);
}

}  // namespace oddverb
