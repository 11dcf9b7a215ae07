// How many findings of one rule may open in one window of event time; what is
// above is folded into one finding of that rule and window that counts them.
// Who causes ten thousand findings to hide one among them gets one message more
// than who causes sixty.
//
// Findings below high, high ones and critical ones have a budget each, so that
// no number of small ones keeps a grave one back. One thread.
#ifndef ODDVERB_PIPELINE_RATE_LIMIT_H_
#define ODDVERB_PIPELINE_RATE_LIMIT_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

class RateLimit {
 public:
  struct Options {
    // Of each budget. A person reads perhaps one finding in ten seconds.
    uint64_t max_opened = 60;
    absl::Duration window = absl::Minutes(10);
  };
  // Beyond, the entities of a window are counted as "more than".
  static constexpr size_t kMaxEntities = 4096;

  // The summary of rule "a.b" is of the rule "a.b.overflow".
  static constexpr char kSummarySuffix[] = ".overflow";

  explicit RateLimit(const Options& options) : options_(options) {}

  // Event time has reached `now`: the last states of the summaries whose
  // windows have ended, in order of end and rule.
  std::vector<Finding> AdvanceTo(absl::Time now);

  // Whether `finding`, which is to be shown for the first time, may be; counts
  // it in the window where event time stands.
  bool Admit(const Finding& finding);
  // One that was not admitted: the summary with it.
  Finding Fold(const Finding& finding);

  // Windows that changed since the last call, each with its number.
  std::vector<std::pair<uint32_t, std::string>> TakeChanges();
  // Into a new object, in the order of the numbers. DataLoss: damaged.
  absl::Status Load(uint32_t number, StateReader& in);

 private:
  static constexpr size_t kBudgets = 3;

  struct Window {
    uint32_t number = 0;
    bool is_changed = false;
    absl::Time start = absl::InfinitePast();
    std::array<uint64_t, kBudgets> opened{};
    // The entities that were folded: hashes, and the first ones with the number
    // of their findings.
    std::set<uint64_t> entities;
    bool has_more_entities = false;
    std::vector<std::pair<std::string, uint64_t>> first_entities;
    Finding summary;  // what of it is not made of the above; count > 0
  };

  Window& WindowOf(const Finding& finding);
  void Begin(const Finding& finding, Window& window) const;
  Finding Describe(const Window& window) const;

  const Options options_;
  absl::Time now_ = absl::InfinitePast();
  absl::Time next_end_ = absl::InfiniteFuture();
  std::map<std::string, Window> windows_;  // by rule: as many as are configured
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_RATE_LIMIT_H_
