// Drives forbidden_burst and stolen_credential with their parts in the
// correlator, as the pipeline does with one shard.
#ifndef ODDVERB_TESTS_DETECTORS_CROSS_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_CROSS_STREAM_H_

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "detectors/forbidden_burst.h"
#include "detectors/forbidden_cross.h"
#include "detectors/stolen_credential.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"

namespace oddverb {

class CrossStream {
 public:
  explicit CrossStream(const ForbiddenBurst::Options& options = {})
      : options_(options),
        burst_(context_, options),
        stolen_(context_, StolenCredential::Options()) {
    cross_ = std::make_unique<ForbiddenCross>(context_, options.threshold_fast);
  }

  void Feed(const AuditEvent& event) {
    now_ = std::max(now_, event.stage_time);
    Tick(now_);
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, event);
    ids.actor = IdOf(actors_, ids.keys.actor);
    ids.credential = IdOf(credentials_, ids.keys.unbound_credential());
    ids.pod = IdOf(pods_, ids.keys.pod);
    Emit out;
    out.stream_time = now_;
    burst_.Observe(event, ids, out);
    stolen_.Observe(event, ids, out);
    Keep(out);
    for (const Observation& seen : out.observations) {
      ObservationIds at;
      at.credential = IdOf(cross_credentials_, seen.credential);
      at.source_address =
          seen.source_ip.empty()
              ? kNoEntity
              : IdOf(addresses_, context_.hash.Hash(seen.source_ip));
      Emit answer;
      answer.stream_time = now_;
      cross_->Observe(seen, at, answer);
      Keep(answer);
    }
  }
  void Feed(EventBuilder& event) { Feed(event.Build()); }

  void Tick(absl::Time now) {
    Emit out;
    out.stream_time = now;
    cross_->AdvanceTo(now, out);
    Keep(out);
  }

  // The correlator's part goes on from its saved state.
  void Restart() {
    auto fresh =
        std::make_unique<ForbiddenCross>(context_, options_.threshold_fast);
    for (EntityId id = 0; id < addresses_.size(); ++id) {
      StateWriter saved;
      cross_->Save(EntityKind::kAddress, id, saved);
      if (saved.bytes().empty()) continue;
      StateReader reader(saved.bytes());
      ok_ = ok_ && fresh->Load(EntityKind::kAddress, id, reader).ok() &&
            reader.AtEnd();
    }
    cross_ = std::move(fresh);
  }
  bool restarts_ok() const { return ok_; }
  ForbiddenCross& cross() { return *cross_; }

  std::vector<Finding> Of(std::string_view rule) const {
    std::vector<Finding> some;
    for (const Finding& finding : findings_) {
      if (finding.rule == rule) some.push_back(finding);
    }
    return some;
  }

 private:
  static EntityId IdOf(EntityTable& table, uint64_t key) {
    return key == 0 ? kNoEntity : table.FindOrAdd(key).id;
  }
  void Keep(Emit& out) {
    for (Finding& finding : out.findings) {
      findings_.push_back(std::move(finding));
    }
  }

  DetectorContext context_;
  ForbiddenBurst::Options options_;
  ForbiddenBurst burst_;
  StolenCredential stolen_;
  std::unique_ptr<ForbiddenCross> cross_;
  EntityTable actors_{100'000}, credentials_{100'000}, pods_{1000};
  EntityTable addresses_{10'000}, cross_credentials_{100'000};
  absl::Time now_ = absl::FromUnixSeconds(0);
  std::vector<Finding> findings_;
  bool ok_ = true;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_CROSS_STREAM_H_
