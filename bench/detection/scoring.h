// Holds what several systems say about one log against the truth: which attacks
// each found and how soon, and what it said about honest identities. One
// thread.
#ifndef ODDVERB_BENCH_DETECTION_SCORING_H_
#define ODDVERB_BENCH_DETECTION_SCORING_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/attacks.h"

namespace oddverb {

// One statement of a system. Statements with one id are one finding.
struct Statement {
  std::string id;
  std::string rule;
  std::string user, address;
  Micros first = 0, last = 0;  // of its evidence
  int rank = 0;                // by severity
  double score = 0;            // within the rank
  std::string summary;         // for people; ours only
  // Says where a credential is used: true of a stolen one for ever, also when
  // its owner comes back, if the summary has an address of the thief.
  bool is_of_credential = false;
};

struct Found {
  bool is_found = false;
  size_t requests = 0;  // of the attack, until it was found
  double seconds = 0;   // since its first
};

struct FalseFinding {
  std::string rule, user, address, summary;
  Micros first = 0;
};

struct SystemScore {
  std::vector<Found> found;  // parallel to the attacks
  std::vector<FalseFinding> false_findings;
  double precision_at_20 = 1;
  size_t findings = 0;
};

class Scorer {
 public:
  // Both must outlive it; `attacks` may still be filled.
  explicit Scorer(const std::vector<Attack>& attacks);

  void Say(std::string_view system, const Statement& statement);
  // `log_end`: attacks that end later were cut off and are not asked for.
  std::map<std::string, SystemScore> Finish();
  static bool IsComplete(const Attack& attack, Micros log_end) {
    return attack.end < log_end && !attack.requests.empty() &&
           !attack.shares_victim;
  }

 private:
  struct Kept {
    Statement statement;
    bool is_true = false;
  };
  struct System {
    std::vector<Found> found;
    std::map<std::string, Kept> findings;  // by id
  };
  void Match(const Statement& statement, std::vector<size_t>& out) const;

  const std::vector<Attack>& attacks_;
  std::map<std::string, System, std::less<>> systems_;
};

// The value below which `part` of `values` lie; 0 if there are none.
double Quantile(std::vector<double> values, double part);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_SCORING_H_
