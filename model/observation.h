// What a detector learned that concerns more than one actor, or the pipeline
// about a source. Small, and owned but for a draft that may borrow from its
// event (model/finding_draft.h): a copy outlives its batch, and may cross
// processes. The correlator's detectors see Observations as shard detectors see
// AuditEvents, in event order.
#ifndef ODDVERB_MODEL_OBSERVATION_H_
#define ODDVERB_MODEL_OBSERVATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/boxed_optional.h"
#include "model/correlation_input.h"
#include "model/finding_draft.h"
#include "model/raw_batch.h"

namespace oddverb {

enum class ObservationKind : uint8_t {
  // A credential came from an address for the first time; `draft` says who.
  // `subject` is the node that a pod's token names, or whose kubelet it is.
  kCredentialAtAddress,
  // The token of one pod is used from a further address; `draft` is set.
  kPodTokenMoved,
  // One unbound credential goes back and forth between addresses; `draft` is
  // set.
  kCredentialAlternates,
  // More from an address that an earlier draft named; `draft` holds only its
  // evidence and count.
  kSuspectContinues,
  // A service account's token was minted; `credential` is the new one. `draft`
  // says by whom and for which account, but not for the tokens that kubelets
  // and the control plane mint.
  kTokenMinted,
  // A service account's token is used for the first time; `draft` says who.
  kTokenFirstUsed,
  // The token of a pod is in use: told behind each pause, and now and then;
  // `draft` says by whom.
  kPodTokenUsed,
  // Somebody wants a pod to end, or its kubelet says that it has ended:
  // `pod_name`, and `credential` where the log names the pod's uid.
  kPodDeleteAsked,
  kPodGone,
  // The kubelet of a pod reports one of its addresses, `source_ip`.
  kPodAddress,
  // A service account that may never have been used before is used in a way
  // that is a clue to a person; `draft` is weighed by what is new. Its first
  // request is told without a clue, too, and then without a draft.
  kAccountDebuts,
  // Failed authentications from an address are a surge; `draft` holds them.
  kAuthenticationFails,
  // An actor was refused what it never did before; `weight` and `draft` are
  // set.
  kRefusedFirst,
  // Of the pipeline, with `stream`: a source had records that nobody judged,
  kRecordsRejected,
  // its event time went on by more than StreamBreak::kLeastJump at once,
  kTimeJumped,
  // or the first event came behind rejected records.
  kStreamGoesOn,
  // An event matched rules that correlations refer to; `matches` is set.
  kRuleMatches,
  // A network policy was written or deleted; `policy` is set, and `draft` says
  // who did it unless a controller cleaned up.
  kPolicyChanged,
  // An actor did what it never did before, and few do or it is grave: `subject`
  // is the kind of request, `weight` its sensitivity. `novelty` is 0, and there
  // is no `draft`, while little is known of the actor.
  kFirstSuccess,
  // Somebody mints a token of an account for the first time: `subject` is the
  // account's actor key, `novelty` that of the two; `draft` is set, and
  // `minted` the token's key if the log tells it.
  kMintedFirst,
  // A client certificate was signed: `credential` is what it will be seen as,
  // `draft` names the request and for whom.
  kCertificateIssued,
  kCount
};

// What is missing from the events of one source.
struct StreamBreak {
  // A shorter silence is of interest to nobody: a quiet cluster's API server
  // has an event every ten seconds at the latest, when kubelets renew leases.
  static constexpr absl::Duration kLeastJump = absl::Seconds(20);

  std::string source;  // its name in configuration
  std::string place;   // "FILE:LINE" of the first record behind `before`
  // Where a jump has its other side in another file: the last record there.
  std::string place_before;
  absl::Time before =
      absl::InfinitePast();                 // last event of the source; or none
  absl::Time after = absl::InfinitePast();  // first one behind; none yet
  // Of the source: its first event, and how many it had until now.
  absl::Time since = absl::InfinitePast();
  uint64_t events = 0;

  // Of rejected records. Neighbours for one reason may come as one, or as
  // several: nothing may depend on how they are cut.
  RejectReason reason = RejectReason::kNotJson;
  uint64_t records = 0;
  uint64_t bytes = 0;     // as far as known
  uint64_t offset = 0;    // of the first
  bool is_event = false;  // it was written as a JSON value, or is NUL bytes
  std::string detail;     // of the first
};

// What one request does to a network policy, as seen from the metadata
// service: sets of its addresses, in the bits of MetadataTargets. A policy that
// held `had` back holds (had & blocked) | excepted back from now on.
struct PolicyChange {
  uint64_t ns = 0;  // keyed hash of the namespace
  uint64_t policy =
      0;  // keyed hash of group, namespace and name; 0 = all of it
  bool is_created = false;
  bool is_deleted = false;
  uint64_t before = 0;    // what the answer shows that it held back
  uint64_t excepted = 0;  // now held back by an `except`
  uint64_t blocked = 0;   // not let through now, or not touched by the request
};

struct Observation {
  ObservationKind kind = ObservationKind::kCredentialAtAddress;
  absl::Time time;
  // Keyed hash of the bound pod, else of the credential; 0 = none.
  uint64_t credential = 0;
  bool pod_bound = false;
  // kPodTokenMoved: to what may be its pod's address of the other family;
  // kCredentialAlternates: with an address of it, with the same client.
  bool may_be_dual_stack = false;
  uint64_t actor = 0;  // keyed hash; 0 = not told
  // As an actor: the service account that a token is of; 0 = not told.
  uint64_t account = 0;
  // Keyed hash of a pod's namespace and name; 0 = not told.
  uint64_t pod_name = 0;
  double weight = 0;
  double novelty = 0;
  uint64_t subject = 0;   // keyed hash; 0 = none
  uint64_t minted = 0;    // keyed hash of a credential; 0 = none
  std::string source_ip;  // the address in question
  std::string other_ip;   // the one it is compared with, if any
  // A finding that lacks only what the correlator knows.
  FindingDraft draft;
  // Nearly all observations are of tokens and addresses, which have none.
  BoxedOptional<StreamBreak> stream;
  std::vector<CorrelationInput> matches;
  BoxedOptional<PolicyChange> policy;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_OBSERVATION_H_
