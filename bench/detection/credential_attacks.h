// Stolen credentials that are used for what they may do, where refusals tell
// little: T1 to T15 of docs/detection.md. Each kind is named by its number.
#ifndef ODDVERB_BENCH_DETECTION_CREDENTIAL_ATTACKS_H_
#define ODDVERB_BENCH_DETECTION_CREDENTIAL_ATTACKS_H_

#include <span>
#include <string_view>
#include <vector>

#include "bench/detection/intruder.h"

namespace oddverb {

std::span<const AttackKind> CredentialAttacks();
// Sorted. More than kinds: what is done to people who roam is named apart, when
// it is known whom it is done to.
std::vector<std::string_view> CredentialAttackNames();

// Decoys that a site tells the detector of; nobody honest touches them.
inline constexpr const char* kDecoyUser = "root-backup@corp.example";
inline constexpr const char* kDecoyNamespace = "vault";
inline constexpr const char* kDecoyAccount = "legacy-admin";
inline constexpr const char* kDecoySecret = "root-credentials";

// Where the victim's own program would ask as well: allowed to it.
void AskAllowed(Intruder& i, const Client* client, int count);

// What somebody gives himself: certificates and tokens.
void CertificateOfANode(Intruder& i);
void LongLivedToken(Intruder& i);
void MintedCertificate(Intruder& i);

// T5 to T15 without T7 and T11, which are about pods as T1 to T4 are.
void BootstrapTokenAbuse(Intruder& i);
void LegacyToken(Intruder& i);
void MintingChain(Intruder& i);
void Impersonation(Intruder& i);
void RareOperations(Intruder& i);
void SecretHarvest(Intruder& i);
void AllSecrets(Intruder& i);
void TokenReadInExec(Intruder& i);
void SelfApprovedCertificate(Intruder& i);
void DecoyTouched(Intruder& i);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_CREDENTIAL_ATTACKS_H_
