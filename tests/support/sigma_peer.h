// pySigma and its SQLite backend, which are not ours, as another opinion on
// what Sigma rules mean: tests/peers/sigma/match.py. They translate a rule to
// SQL and SQLite judges the events, so not even the ways are alike.
#ifndef ODDVERB_TESTS_SUPPORT_SIGMA_PEER_H_
#define ODDVERB_TESTS_SUPPORT_SIGMA_PEER_H_

#include <nlohmann/json.hpp>
#include <string>

namespace oddverb {

// Why it cannot be asked; empty if it can. Where $CI is "true", that fails.
std::string WhyNoSigmaPeer();

// What match.py writes for what it reads; null, and a failure, if it ends
// otherwise. REQUIRES: WhyNoSigmaPeer() is empty.
nlohmann::json AskSigmaPeer(const nlohmann::json& question);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SIGMA_PEER_H_
