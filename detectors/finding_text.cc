#include "detectors/finding_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {

void AddReason(std::string_view feature, std::string value, double contribution,
               Finding& finding) {
  finding.why.push_back({std::string(feature), std::move(value), contribution});
  finding.score += contribution;
}

std::string Counted(uint64_t n, std::string_view one, std::string_view many) {
  return absl::StrCat(n, " ", A(n == 1 ? one : many));
}

void AddDistinct(std::string_view value, std::vector<std::string>& list) {
  if (value.empty() || list.size() >= Finding::kMaxListed) return;
  if (std::find(list.begin(), list.end(), value) != list.end()) return;
  list.emplace_back(value);
}

}  // namespace oddverb
