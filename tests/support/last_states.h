// Findings as people end up with them: of all states that were reported.
#ifndef ODDVERB_TESTS_SUPPORT_LAST_STATES_H_
#define ODDVERB_TESTS_SUPPORT_LAST_STATES_H_

#include <algorithm>
#include <vector>

#include "model/finding.h"

namespace oddverb {

// The last state of each finding, in the order of their first ones.
inline std::vector<Finding> LastStates(const std::vector<Finding>& reports) {
  std::vector<Finding> last;
  for (const Finding& report : reports) {
    auto same = std::find_if(last.begin(), last.end(), [&](const Finding& f) {
      return f.id == report.id;
    });
    if (same == last.end()) {
      last.push_back(report);
    } else {
      *same = report;
    }
  }
  return last;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_LAST_STATES_H_
