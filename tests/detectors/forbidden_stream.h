// Drives a ForbiddenBurst as a shard does: ids from a table, a tick at each
// whole second of the watermark.
#ifndef ODDVERB_TESTS_DETECTORS_FORBIDDEN_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_FORBIDDEN_STREAM_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "detectors/forbidden_burst.h"
#include "model/finding.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"

namespace oddverb {

class ForbiddenStream {
 public:
  explicit ForbiddenStream(const ForbiddenBurst::Options& options = {})
      : options_(options) {
    detector_ = std::make_unique<ForbiddenBurst>(context_, options_);
  }

  void Feed(const AuditEvent& event) {
    if (event.stage_time > out_.stream_time) Tick(event.stage_time);
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, event);
    EntityTable::Lookup lookup = actors_.FindOrAdd(ids.keys.actor);
    ids.actor = lookup.id;
    if (lookup.is_reused) Bury(lookup);
    if (lookup.is_new && remains_.contains(ids.keys.actor)) {
      detector_->Recall(EntityKind::kActor, lookup.id,
                        remains_[ids.keys.actor]);
    }
    detector_->Observe(event, ids, out_);
  }
  void Feed(EventBuilder& event) { Feed(event.Build()); }

  void Tick(absl::Time now) {
    out_.stream_time = std::max(out_.stream_time, now);
    detector_->AdvanceTo(absl::FromUnixSeconds(absl::ToUnixSeconds(now)), out_);
  }
  void End() { detector_->AdvanceTo(absl::InfiniteFuture(), out_); }

  // Saves everything, and goes on with a new detector that loads it.
  void Restart() {
    auto fresh = std::make_unique<ForbiddenBurst>(context_, options_);
    for (EntityId id = 0; id < actors_.size(); ++id) {
      StateWriter saved;
      detector_->Save(EntityKind::kActor, id, saved);
      if (saved.bytes().empty()) continue;
      StateReader reader(saved.bytes());
      ok_ = ok_ && fresh->Load(EntityKind::kActor, id, reader).ok() &&
            reader.AtEnd();
    }
    StateWriter shared;
    detector_->SaveShared(shared);
    StateReader reader(shared.bytes());
    ok_ = ok_ && fresh->LoadShared(reader).ok() && reader.AtEnd();
    detector_ = std::move(fresh);
  }
  bool restarts_ok() const { return ok_; }

  // Room for one actor: each new one evicts the other.
  void ShrinkTable() { actors_ = EntityTable(1); }
  // Who is evicted leaves what it would in a shard.
  void RememberSuspects() { remembers_suspects_ = true; }

  const std::vector<Finding>& findings() const { return out_.findings; }
  std::vector<Finding> InState(FindingState state) const {
    std::vector<Finding> some;
    for (const Finding& finding : out_.findings) {
      if (finding.state == state) some.push_back(finding);
    }
    return some;
  }
  ForbiddenBurst& detector() { return *detector_; }
  Emit& out() { return out_; }

 private:
  void Bury(const EntityTable::Lookup& lookup) {
    if (remembers_suspects_) {
      auto left = detector_->RemainsOf(EntityKind::kActor, lookup.id);
      if (left.has_value()) remains_[lookup.forgotten_key] = *left;
    }
    detector_->Forget(EntityKind::kActor, lookup.id);
  }

  DetectorContext context_;
  ForbiddenBurst::Options options_;
  EntityTable actors_{1000};
  std::unique_ptr<ForbiddenBurst> detector_;
  Emit out_;
  bool ok_ = true;
  bool remembers_suspects_ = false;
  std::map<uint64_t, Remains> remains_;  // by the actor's key
};

inline const absl::Time kForbiddenStart = absl::FromUnixSeconds(1'700'000'000);

inline absl::Time After(int seconds) {
  return kForbiddenStart + absl::Seconds(seconds);
}

// Findings of one rule, all states.
inline std::vector<Finding> Of(const ForbiddenStream& stream,
                               std::string_view rule) {
  std::vector<Finding> some;
  for (const Finding& finding : stream.findings()) {
    if (finding.rule == rule) some.push_back(finding);
  }
  return some;
}

// An actor that succeeds once, an hour before kStart: it is not warming.
inline void SeenBefore(ForbiddenStream& stream, EventBuilder& event) {
  stream.Feed(event.Verb("get")
                  .Resource("configmaps")
                  .Ns("home")
                  .Allowed()
                  .At(kForbiddenStart - absl::Hours(1)));
}

// Every text of a finding that comes from the log.
inline std::vector<std::string> TextsOf(const Finding& finding) {
  std::vector<std::string> texts = {
      finding.title,           finding.summary,  finding.normal,
      finding.entity,          finding.who.user, finding.who.credential_id,
      finding.where.user_agent};
  for (const auto* list :
       {&finding.what.verbs, &finding.what.resources, &finding.what.namespaces,
        &finding.what.names, &finding.next, &finding.benign_checks,
        &finding.who.groups}) {
    texts.insert(texts.end(), list->begin(), list->end());
  }
  for (const FindingReason& reason : finding.why) {
    texts.push_back(reason.value);
  }
  for (const Evidence& evidence : finding.evidence) {
    texts.push_back(evidence.uri);
    texts.push_back(evidence.audit_id);
    texts.push_back(evidence.verb);
  }
  return texts;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_FORBIDDEN_STREAM_H_
