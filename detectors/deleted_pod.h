// token.deleted_pod: the token of a pod is used after the pod is gone, so
// somebody kept a copy. The API server refuses such tokens by itself a minute
// later, unless it runs with --service-account-lookup=false or has not heard of
// the end. Words of the finding. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_DELETED_POD_H_
#define ODDVERB_DETECTORS_DELETED_POD_H_

#include <string_view>

#include "absl/time/time.h"
#include "model/finding.h"

namespace oddverb {

inline constexpr std::string_view kDeletedPodRule = "token.deleted_pod";
// Containers call until the kubelet has stopped them, for as long as the grace
// period allows; what comes this long behind the kubelet's own delete is none
// of theirs. As long as the API server itself lets a token live on
// (kubernetes: pkg/serviceaccount/claims.go, 60 s).
inline constexpr absl::Duration kAfterEnd = absl::Seconds(60);

// `used` is the draft of kPodTokenUsed, at `now`.
void WriteDeletedPod(absl::Time gone, absl::Time now, Finding& used);
// The same as a reason of a finding about the token elsewhere.
void AddReasonDeletedPod(absl::Time gone, absl::Time now, Finding& finding);
// Whether AddReasonDeletedPod() was called for it.
bool TellsOfDeletedPod(const Finding& finding);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_DELETED_POD_H_
