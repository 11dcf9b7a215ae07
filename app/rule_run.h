// Rules over the records of one input, one after the other, without the
// pipeline: for people who write rules. Correlations are told at the end, when
// the order of time is known. One thread.
#ifndef ODDVERB_APP_RULE_RUN_H_
#define ODDVERB_APP_RULE_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/time/time.h"
#include "app/record_reader.h"
#include "base/arena.h"
#include "base/keyed_hash.h"
#include "rules/correlation_engine.h"
#include "rules/rule_loader.h"

namespace oddverb {

struct RecordMatch {
  const Rule* rule = nullptr;
  // InputRecord::number; of a correlation that of the match which completed it,
  // or nullopt where the end of a window did.
  std::optional<uint64_t> record;
  absl::Time time;  // InfinitePast(): the record has none
  // The user of an event, the group of a correlation, as logged.
  std::string entity = {};
};

class RuleRun {
 public:
  // Streams of requests that began and have not ended; beyond, all are
  // forgotten, and what then ends is judged a second time.
  static constexpr size_t kMaxOpenRequests = 1'000'000;

  // `loaded` outlives it and what it finds.
  explicit RuleRun(const LoadedRules& loaded);
  RuleRun(const RuleRun&) = delete;
  RuleRun& operator=(const RuleRun&) = delete;

  // Appends the rules that match, but those that only correlations use. A
  // record without a time takes no part in correlations.
  void Judge(const InputRecord& record, std::vector<RecordMatch>& out);
  // Appends what correlations find, by time.
  void Finish(std::vector<RecordMatch>& out);

 private:
  RuleMatcher::Request RequestOf(const AuditEvent& event);

  const LoadedRules& loaded_;
  RuleMatcher matcher_;
  CorrelationEngine engine_;
  std::unordered_set<uint64_t> open_requests_;  // hashes of audit IDs
  KeyedHash hash_;
  Arena arena_;
  std::vector<CorrelationInput> inputs_;
  std::vector<CorrelationAlert> alerts_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_RULE_RUN_H_
