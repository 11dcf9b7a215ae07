// Where the pods and containers lie in the body of one request, found once for
// all the fields that ask for them: bodies are large, and each way into one is
// a walk over its text. One thread.
#ifndef ODDVERB_RULES_POD_PARTS_H_
#define ODDVERB_RULES_POD_PARTS_H_

#include <span>
#include <vector>

#include "base/arena.h"
#include "model/raw_json.h"
#include "rules/json_path.h"

namespace oddverb {

class PodParts {
 public:
  // Forgets the body before.
  void Clear() { is_known_ = false; }

  // Of pods, of the templates of workloads, of CronJobs. They borrow from
  // `body` and `arena`, and live until the next Clear().
  std::span<const RawJson> Specs(RawJson body, Arena& arena) {
    Find(body, arena);
    return specs_;
  }
  // All kinds of them.
  std::span<const RawJson> Containers(RawJson body, Arena& arena) {
    Find(body, arena);
    return containers_;
  }

 private:
  void Find(RawJson body, Arena& arena);
  void AddObjects(RawJson below, const std::vector<PathStep>& path,
                  Arena& arena, std::vector<RawJson>& out);

  bool is_known_ = false;
  std::vector<RawJson> specs_;
  std::vector<RawJson> containers_;
  std::vector<FieldValue> found_;  // reused memory
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_POD_PARTS_H_
