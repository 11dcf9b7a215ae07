// Findings for tests of formats and exporters: a typical one, an empty one, and
// many full of what an attacker would write.
#ifndef ODDVERB_TESTS_EXPORTERS_FINDING_SAMPLES_H_
#define ODDVERB_TESTS_EXPORTERS_FINDING_SAMPLES_H_

#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/finding.h"
#include "nlohmann/json.hpp"
#include "tests/support/random_finding.h"

namespace oddverb {

inline Finding TypicalFinding() {
  Finding finding;
  finding.id = {0x0123456789abcdef, 0xfedcba9876543210};
  finding.cluster = "prod-eu/1";
  finding.rule = "token.outside_its_pod";
  finding.detector = "stolen_credential";
  finding.rule_version = 3;
  finding.severity = Severity::kCritical;
  finding.confidence = 0.97;
  finding.score = 14.25;
  finding.threshold = 11.5;
  finding.state = FindingState::kOpen;
  finding.title = "Stolen service account token?";
  finding.summary = "The token of shop/checkout was used from 185.220.101.7";
  finding.time = absl::FromUnixMicros(1'795'476'795'513'983);
  finding.first_seen = finding.time - absl::Seconds(41);
  finding.last_seen = finding.time;
  finding.count = 25;
  finding.entity = "system:serviceaccount:shop:checkout";
  finding.entity_kind = "serviceaccount";
  finding.who.user = finding.entity;
  finding.who.groups = {"system:serviceaccounts", "system:authenticated"};
  finding.who.credential_id = "JTI=a5df8878";
  finding.who.impersonated = "admin";
  finding.who.pod = "checkout-1";
  finding.who.node = "worker-6";
  finding.where = {.source_ip = "185.220.101.7",
                   .user_agent = "curl/8.5",
                   .claimed_ips = {"10.0.0.1", "not an address"}};
  finding.what = {.verbs = {"list"},
                  .resources = {"secrets"},
                  .namespaces = {"shop"},
                  .names = {}};
  finding.why = {{"new address", "185.220.101.7", 9.25},
                 {"new agent", "curl/8.5", 5}};
  finding.normal = "only get configmaps in shop";
  finding.next = {"kubectl -n shop delete pod checkout-1", "look at its log"};
  finding.benign_checks = {"a moved node?"};
  finding.decoded = {{"base64", "id"}};
  finding.evidence = {{"3f0f", finding.time, "list",
                       "/api/v1/namespaces/shop/secrets?limit=500", 200},
                      {"81c2", finding.time, "", "", 0}};
  finding.attack = {"T1528", "T1552.007", "T1552", "from a rule file"};
  finding.practice = {3};
  return finding;
}

// Random ones, and the edges of times and numbers.
inline std::vector<Finding> HostileFindings(int random_count) {
  std::mt19937_64 random(20261126);
  std::vector<Finding> findings = {TypicalFinding(), Finding()};
  for (int i = 0; i < random_count; ++i) {
    findings.push_back(RandomFinding(random));
  }
  Finding edge = TypicalFinding();
  edge.time = edge.first_seen = absl::InfinitePast();
  edge.last_seen = absl::InfiniteFuture();
  edge.count = std::numeric_limits<int64_t>::max();
  edge.score = std::numeric_limits<double>::infinity();
  edge.threshold = edge.confidence = std::numeric_limits<double>::quiet_NaN();
  edge.next = {""};
  edge.what.names = edge.what.resources = edge.who.groups = {"", ""};
  edge.evidence[0].code = std::numeric_limits<int>::max();
  edge.where.source_ip = "fe80::1%eth0";
  findings.push_back(edge);
  Finding huge = TypicalFinding();
  huge.entity = huge.who.user = std::string(1 << 20, '"');
  huge.summary = std::string(1 << 20, '\x01');
  huge.where.user_agent = std::string(1 << 20, '\xff');
  huge.why[0].value = std::string(1 << 20, '\n');
  huge.what.names = {std::string(1 << 20, 'x')};
  findings.push_back(huge);
  edge.time = absl::InfiniteFuture();
  edge.confidence = -1;
  edge.count = -1;
  findings.push_back(edge);
  return findings;
}

// Of tests/exporters/data/.
inline nlohmann::json DataSchema(const std::string& name) {
  std::ifstream file(std::string(ODDVERB_SOURCE_DIR) +
                     "/tests/exporters/data/" + name + ".schema.json");
  return nlohmann::json::parse(file);
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_EXPORTERS_FINDING_SAMPLES_H_
