// Finds who makes the audit log say less than happened:
//
//   audit.truncated  events whose bodies the API server cut off because they
//                    were too large (annotation audit.k8s.io/truncated):
//                    padding hides what was sent
//   audit.id_reuse   one auditID for requests that differ. The API server takes
//                    it from the client's Audit-ID header; who removes
//                    duplicates by it sees one of the requests only
//
// What one actor does within an hour of quiet is one case, which counts. The
// part in the correlator (audit_gap.h) finds what is missing from the stream.
//
// State by actor, bounded. One thread.
#ifndef ODDVERB_DETECTORS_AUDIT_STREAM_H_
#define ODDVERB_DETECTORS_AUDIT_STREAM_H_

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/detector.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class AuditStream final : public Detector {
 public:
  static constexpr absl::Duration kQuiet = absl::Hours(1);
  static constexpr absl::Duration kLongestCase = absl::Hours(24);
  // Requests with other IDs between two with the same one; beyond, the reuse is
  // not seen.
  static constexpr size_t kRememberedIds = 4;
  // A client that tries again, and an aggregated API server, which logs what
  // the API server passed on to it, repeat the ID with the same request soon.
  static constexpr absl::Duration kRetrySpan = absl::Minutes(5);
  // Open at once; some 2 KiB each. Beyond, the longest quiet one ends early.
  static constexpr size_t kMaxCases = 256;

  explicit AuditStream(const DetectorContext& context);

  FieldSet fields() const override;
  bool CanPrefetch() const override { return true; }
  void Prefetch(PrefetchStep step, const EntityIds& ids) const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  enum class Rule : uint8_t { kTruncated, kIdReuse, kCount };
  struct Case {
    Finding finding;
    int64_t next_report = 2;  // count at which it is told again
    // The latest stage time that counts: the case ends kQuiet later.
    absl::Time EndsAt() const;
  };
  // A ring of the latest requests. Of 32 bits each, as every actor has one: two
  // IDs of an actor's last four look alike by chance once in a billion
  // requests.
  struct RecentIds {
    struct Request {
      // Of what was asked for, with a key. Made when an ID comes again; 0 = not
      // yet.
      uint32_t hash = 0;
      uint32_t received = 0;  // Unix time in units of 65 ms; wraps
      uint16_t shape = 0;     // of what was asked for, cheap
    };
    std::array<uint32_t, kRememberedIds> ids{};  // hashes; 0 = unused
    std::array<Request, kRememberedIds> requests{};
    uint8_t next = 0;
  };
  struct ActorState {
    RecentIds recent;
    std::array<std::unique_ptr<Case>, static_cast<size_t>(Rule::kCount)> cases;

    bool has_case() const;
  };

  ActorState& StateFor(EntityId actor);
  static void SaveRecent(const RecentIds& recent, bool has_case,
                         StateWriter& out);
  // Whether cases follow.
  static bool LoadRecent(StateReader& in, RecentIds& recent);
  static void LoadWideRecent(StateReader& in, RecentIds& recent);
  bool ReusesId(const AuditEvent& event, const EntityIds& ids);
  void Count(Rule rule, const AuditEvent& event, const EntityIds& ids,
             Emit& out);
  void OpenCase(Rule rule, const AuditEvent& event, const EntityIds& ids,
                Emit& out);
  // Ends the cases of `actor` that end at `now` at the latest.
  void EndCases(EntityId actor, absl::Time now, Emit& out);
  void EndLongestQuiet(Emit& out);
  void Drop(EntityId actor);

  const DetectorContext context_;
  HashInput scratch_;
  std::vector<std::unique_ptr<ActorState>> actors_;  // by EntityId
  std::set<EntityId> open_actors_;                   // that have a case
  size_t case_count_ = 0;
  absl::Time next_end_ = absl::InfiniteFuture();  // no case ends before it
};

absl::StatusOr<std::unique_ptr<Detector>> MakeAuditStream(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_AUDIT_STREAM_H_
