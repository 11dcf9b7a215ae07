// Finds a service account that somebody works with by hand.
//
//   serviceaccount.used_by_hand  a program's identity with a person's tools,
//                                without its pod, from outside, asking what it
//                                may do
//
// Of an account that was never used before there are no habits: what its first
// minutes show is told to the correlator, which knows whether it could have
// been used all along (service_account_debut.h).
//
// A program's habits are learned within its first few requests: whether its
// tokens are bound to pods, and its client programs. State: some 100 bytes for
// each service account. One thread.
#ifndef ODDVERB_DETECTORS_SERVICE_ACCOUNT_USE_H_
#define ODDVERB_DETECTORS_SERVICE_ACCOUNT_USE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/detector.h"
#include "detectors/keyed_cases.h"
#include "detectors/recent_clues.h"
#include "detectors/user_agent.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class ServiceAccountUse final : public Detector {
 public:
  static constexpr absl::Duration kWindow = absl::Minutes(15);
  static constexpr absl::Duration kQuiet = absl::Minutes(30);
  static constexpr size_t kMaxCases = 256;
  // Two clues at least, one of them strong.
  static constexpr double kThreshold = 6;
  static constexpr double kHigh = 8;  // two strong ones
  // An account that stays changed so long has new habits.
  static constexpr absl::Duration kPatience = absl::Hours(24);
  // Requests until "never before" means something.
  static constexpr uint16_t kMinBound = 20;
  static constexpr uint16_t kMinUses = 5;
  static constexpr std::string_view kFromOutside =
      "from outside of private networks";

  explicit ServiceAccountUse(const DetectorContext& context)
      : context_(context) {}

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
  enum Clue : uint8_t {
    kUnbound,     // a token without a pod, where all had one
    kTool,        // a person's client, never seen of this account
    kAsksRights,  // SelfSubjectAccessReview and the like
    kOutside,     // from a public address, as never before
    kSensitive,   // secrets, exec, rights
    kClues
  };
  static constexpr std::array<ClueKind, kClues> kClueKinds = {{
      {"a token without a pod, where all before were bound to one", 4},
      {"a person's client, which this account never used", 4},
      {"asks what it may do", 2},
      {"from outside of private networks, as never before", 4},
      {"secrets, code execution or rights", 1.5},
  }};
  struct Doubt {
    RecentClues clues{kClueKinds, kWindow};
    absl::Time since = absl::InfinitePast();
  };
  enum DebutClue : uint8_t {
    kFirstOutside,
    kFirstUnbound,
    kFirstTool,
    kFirstAsksRights,
    kFirstSensitive,
    kDebutClues
  };
  // There is nothing to compare with, so what programs do as well weighs less.
  static constexpr std::array<ClueKind, kDebutClues> kDebutKinds = {{
      {kFromOutside, 4},
      {"a token without a pod, where kubelets mint for pods", 2},
      {"a person's client", 2},
      {"asks what it may do", 2},
      {"secrets, code execution or rights", 1.5},
  }};
  // Of an account.
  struct State {
    uint16_t bound = 0;  // requests, up to the capacity
    uint16_t unbound = 0;
    uint16_t outside = 0;
    uint8_t debut_clues = 0;       // DebutClue as bits
    uint32_t families = 0;         // AgentFamily as bits
    uint32_t first_second = 0;     // of the first request; 0 = none yet
    std::unique_ptr<Doubt> doubt;  // null = no clue so far
  };

  // What an event says by itself of who sent it.
  struct Sender {
    AgentFamily family;
    bool is_outside;
  };

  State& StateFor(EntityId actor);
  void NoteDebut(const AuditEvent& event, const EntityIds& ids,
                 const Sender& sender, TupleHasher& hasher, State& state,
                 Emit& out) const;
  // As bits. Of every request of a young account, so without their texts.
  static uint8_t DebutCluesOf(const AuditEvent& event, const EntityIds& ids,
                              const Sender& sender, TupleHasher& hasher);
  static double DebutWeightOf(uint8_t clues);
  static std::string DebutValueOf(const AuditEvent& event, DebutClue clue);
  // `now`: the clues of this request; `clues`: all so far.
  Finding WriteDebut(const AuditEvent& event, const EntityIds& ids, uint8_t now,
                     uint8_t clues) const;
  // Whether the event has a clue. Learns it.
  bool NoteClues(const AuditEvent& event, const EntityIds& ids,
                 const Sender& sender, TupleHasher& hasher, State& state);
  static bool IsInDoubt(const State& state, absl::Time now);
  static void Weigh(const State& state, absl::Time now, Finding& finding);
  void Judge(const AuditEvent& event, const EntityIds& ids, const State& state,
             Emit& out);
  Finding Write(const AuditEvent& event, const EntityIds& ids,
                const State& state) const;

  const DetectorContext context_;
  std::vector<std::unique_ptr<State>> states_;  // by actor
  KeyedCases cases_{{kQuiet, 1, kMaxCases}};
};

absl::StatusOr<std::unique_ptr<Detector>> MakeServiceAccountUse(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SERVICE_ACCOUNT_USE_H_
