// Conditions of PeerRuleRows(): one function for each rule's own text, and the
// values that they count by.
#ifndef ODDVERB_BENCH_DETECTION_PEER_CONDITIONS_H_
#define ODDVERB_BENCH_DETECTION_PEER_CONDITIONS_H_

#include <string>
#include <string_view>

#include "model/audit_event.h"

namespace oddverb::peers {

// Elastic, prebuilt rules of the Kubernetes integration.
bool ElasticDeniedServiceAccount(const AuditEvent& event);
bool ElasticForbiddenAgent(const AuditEvent& event);
bool ElasticForbiddenCreation(const AuditEvent& event);
bool ElasticSelfReview(const AuditEvent& event);
bool ElasticAnonymousAllowed(const AuditEvent& event);
bool ElasticEndpoints(const AuditEvent& event);
bool ElasticAnonymousEndpoints(const AuditEvent& event);
// Panther, rules/kubernetes_rules.
bool PantherForbiddenPublic(const AuditEvent& event);
bool PantherSecretDenied(const AuditEvent& event);
bool PantherSecretEnumeration(const AuditEvent& event);
// Splunk, Kubernetes Access Scanning.
bool SplunkScanning(const AuditEvent& event);
// SigmaHQ, rules/application/kubernetes/audit.
bool SigmaUnauthorized(const AuditEvent& event);
bool SigmaRulesReview(const AuditEvent& event);
bool SigmaSecretsList(const AuditEvent& event);
// Falco, k8s_audit_rules.yaml.
bool FalcoSecretGetFailed(const AuditEvent& event);
bool FalcoAnonymousAllowed(const AuditEvent& event);

void FirstAddress(const AuditEvent& event, std::string& out);
void UserAndNamespace(const AuditEvent& event, std::string& out);
void UserAndAgent(const AuditEvent& event, std::string& out);
void ObjectName(const AuditEvent& event, std::string& out);

}  // namespace oddverb::peers

#endif  // ODDVERB_BENCH_DETECTION_PEER_CONDITIONS_H_
