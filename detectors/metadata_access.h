// Finds requests to a cloud's instance metadata service, which hands the
// credentials of a node (or of its pods) to whoever can reach it (ATT&CK
// T1552.005): commands run by exec, requests through the proxy subresources,
// and bodies that make pods, routes, webhooks or policies of it, in whatever
// spelling or encoding.
//
// One event is enough. What one actor does to one pod, service or node within
// half an hour is one case: its first event opens the finding, the finding is
// repeated as it grows, and the case's end gives the full count. What could not
// be read to its end (metadata.undecoded) is one case of an actor, and what
// Kubernetes Events say of an object (metadata.event) one of that object.
//
// What network policies hold back is told to MetadataGuards.
//
// Blind: what is typed into an interactive shell, and what a running program
// does, is not in the audit log.
#ifndef ODDVERB_DETECTORS_METADATA_ACCESS_H_
#define ODDVERB_DETECTORS_METADATA_ACCESS_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/detector.h"
#include "detectors/keyed_cases.h"
#include "detectors/metadata_reading.h"
#include "detectors/metadata_surface.h"
#include "detectors/metadata_target.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class MetadataAccess final : public Detector {
 public:
  struct Options {
    // Further metadata services: addresses or names, in canonical spelling.
    std::vector<std::string> extra_hosts;
    static constexpr size_t kMaxExtraHosts = 256;

    static absl::StatusOr<Options> FromYaml(const YamlNode& node);
  };

  // A case ends after this much quiet.
  static constexpr absl::Duration kCaseWindow = absl::Minutes(30);
  // Further objects of an actor are counted in its oldest case.
  static constexpr size_t kMaxCasesPerActor = 16;
  // Some 4 KiB each. Beyond it, the longest quiet case ends early.
  static constexpr size_t kMaxCases = 256;
  // Of metadata.undecoded, of which an actor has one.
  static constexpr size_t kMaxUndecoded = 64;
  // Of metadata.event, of all actors.
  static constexpr size_t kMaxEventCases = 64;

  MetadataAccess(const DetectorContext& context, const Options& options);

  FieldSet fields() const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  // Only actors that reached for a target have one.
  struct ActorState {
    // Requests counted already, so that a session's end is not a second
    // finding. A ring; 0 = unused.
    std::array<uint64_t, 32> recent_requests{};
    uint8_t next_request = 0;
  };
  // What weighs most in an event.
  struct Seen {
    MetadataSurface surface;
    MetadataReading reading;
    MetadataScore score;
  };
  struct Sighting {
    const AuditEvent& event;
    const Seen& seen;
  };

  struct Look {
    std::optional<Seen> best;
    bool exhausted = false;  // not all of the event could be read or decoded
    // It was so by more than loops and the size of honest configuration.
    bool is_suspicious = false;
  };

  Look LookAt(const AuditEvent& event) const;
  // False if it is too weak to be told.
  bool TakeUp(const Sighting& sighting, const EntityIds& ids, Emit& out);
  KeyedCases& CasesFor(const MetadataSurface& surface);
  void TellOfPolicy(const AuditEvent& event, const EntityIds& ids,
                    Emit& out) const;
  void TakeUpUndecoded(const AuditEvent& event, const EntityIds& ids,
                       Emit& out);
  ActorState* StateOf(EntityId actor) const;
  ActorState& StateFor(EntityId actor);
  uint64_t CaseKey(const MetadataSurface& surface) const;
  bool IsNewRequest(const AuditEvent& event, ActorState& state) const;
  void OpenCase(const Sighting& sighting, const EntityIds& ids, uint64_t key,
                Emit& out);
  static void ExtendCase(const Sighting& sighting, KeyedCases::Case& open,
                         Emit& out);

  const DetectorContext context_;
  const MetadataTargets targets_;
  std::vector<std::unique_ptr<ActorState>> actors_;  // by EntityId
  KeyedCases cases_{{kCaseWindow, kMaxCasesPerActor, kMaxCases}};
  // Apart, so that a flood of these ends no other.
  KeyedCases undecoded_{{kCaseWindow, 1, kMaxUndecoded}};
  KeyedCases events_{{kCaseWindow, kMaxCasesPerActor, kMaxEventCases}};
};

absl::StatusOr<std::unique_ptr<Detector>> MakeMetadataAccess(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_ACCESS_H_
