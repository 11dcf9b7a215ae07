// What the control plane and kubelets log of pods: made, scheduled, ready with
// their addresses, their tokens minted and renewed, ended. One thread.
#ifndef ODDVERB_BENCH_DETECTION_POD_LIFE_H_
#define ODDVERB_BENCH_DETECTION_POD_LIFE_H_

#include <string>

#include "bench/detection/traffic.h"

namespace oddverb {

// A TokenRequest for `account` of `ns` that is answered with `credential`.
// `pod` is what it is bound to; null = nothing. A kubelet asks for an hour.
inline constexpr int kTokenSeconds = 3607;
Question MintingOf(const std::string& ns, const std::string& account,
                   const std::string& credential, const Client* pod,
                   int seconds = kTokenSeconds);
// The account's name in a user name of Kubernetes.
std::string AccountName(const std::string& user);

// Made, scheduled, started; its program may call from the time returned on.
Micros LogPodStart(Traffic& traffic, const Client& pod, Micros now);
// Deleted; calls for some seconds yet; and is gone.
void LogPodEnd(Traffic& traffic, const Client& pod, Micros now);
// Its kubelet tells where it is.
void LogPodStatus(Traffic& traffic, const Client& pod, Micros at);
// Its kubelet (for controllers: the controller manager) gets it another token.
void RenewPodToken(Traffic& traffic, Client& pod, Micros now);

// Renews the tokens of a pod, or of a controller, as long as the log lasts.
enum class PodBirth : uint8_t { kBeforeTheLog, kInTheLog };
void StartPodKeeper(Traffic& traffic, Client* pod, Micros at, PodBirth birth);

// The keepers of all pods that are there at the start, releases, and nodes that
// start again.
void StartPodLife(Traffic& traffic, Micros start);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_POD_LIFE_H_
