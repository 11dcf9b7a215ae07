// Honest uses of credentials that look like thefts: people behind a VPN, other
// connections of a program, certificates and tokens that are renewed, shared
// credentials of pipelines, nodes that join, tokens for dashboards, acting as
// another.
#ifndef ODDVERB_BENCH_DETECTION_HONEST_CREDENTIALS_H_
#define ODDVERB_BENCH_DETECTION_HONEST_CREDENTIALS_H_

#include "bench/detection/traffic.h"

namespace oddverb {

void StartHonestCredentials(Traffic& traffic, Micros start, Micros end);
// Credentials of pipelines outside; called by the former.
void StartSharedCredentials(Traffic& traffic, Micros start);

// Of kubeadm, as a token of `id`.
Client BootstrapToken(const std::string& id, const std::string& address);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_HONEST_CREDENTIALS_H_
