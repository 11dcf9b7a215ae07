// What rules would have matched in a log, counted: how often, how often a day,
// and by whom, so that a person sees it before a rule is switched on. One
// thread.
#ifndef ODDVERB_APP_RULE_BACKTEST_H_
#define ODDVERB_APP_RULE_BACKTEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "app/list_text.h"
#include "app/record_reader.h"
#include "app/rule_run.h"

namespace oddverb {

class RuleBacktest {
 public:
  // Names in the log are anybody's: so many are told apart for each rule, what
  // others do is counted together.
  static constexpr size_t kMaxEntities = 10'000;
  static constexpr size_t kShownEntities = 3;

  // `loaded` outlives it.
  explicit RuleBacktest(const LoadedRules& loaded);

  void AddRecord(const InputRecord& record);
  void AddMatch(const RecordMatch& match);

  // The busiest rule first, then those that match nothing, by name.
  std::string Text() const;
  std::string Json() const;  // an array of one object a rule

 private:
  struct Row {
    const Rule* rule = nullptr;
    uint64_t matches = 0;
    uint64_t other_entities = 0;  // matches of entities beyond kMaxEntities
    std::unordered_map<std::string, uint64_t> entities = {};
  };
  using Top = std::vector<std::pair<std::string_view, uint64_t>>;

  std::vector<const Row*> Sorted() const;
  static Top TopEntities(const Row& row);
  double Days() const;
  std::string Head() const;

  std::map<const Rule*, Row> rows_;
  uint64_t records_ = 0;
  absl::Time first_ = absl::InfiniteFuture();
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace oddverb

#endif  // ODDVERB_APP_RULE_BACKTEST_H_
