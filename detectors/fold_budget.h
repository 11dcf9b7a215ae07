// What computing the constants of one event's texts may cost in all: the texts
// are an attacker's. Work is counted in bytes looked at or produced, so that it
// is the same on every machine.
#ifndef ODDVERB_DETECTORS_FOLD_BUDGET_H_
#define ODDVERB_DETECTORS_FOLD_BUDGET_H_

#include <cstddef>

namespace oddverb {

struct FoldBudget {
  // Some 2 ms. A command of a person takes a hundredth of it.
  static constexpr size_t kDefaultWork = 256 * 1024;

  size_t work = kDefaultWork;  // left
  bool exhausted = false;      // something was left out

  // False if there is not that much left.
  bool Take(size_t amount) {
    if (amount > work) {
      work = 0;
      exhausted = true;
      return false;
    }
    work -= amount;
    return true;
  }
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FOLD_BUDGET_H_
