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

std::string SpanText(absl::Time first, absl::Time last) {
  absl::Duration span = last - first;
  if (span < absl::Seconds(1)) return "one second";
  absl::Duration unit =
      span < absl::Minutes(10) ? absl::Seconds(1) : absl::Minutes(1);
  std::string text = absl::FormatDuration(absl::Trunc(span, unit));
  if (unit == absl::Minutes(1) && text.ends_with("m0s")) {
    text.resize(text.size() - 2);
  }
  return text;
}

void AddDistinct(std::string_view value, std::vector<std::string>& list) {
  if (value.empty() || list.size() >= Finding::kMaxListed) return;
  if (std::find(list.begin(), list.end(), value) != list.end()) return;
  list.emplace_back(value);
}

}  // namespace oddverb
