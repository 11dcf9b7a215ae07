#include "detectors/open_cases.h"

#include <algorithm>
#include <utility>

#include "model/finding_state.h"

namespace oddverb {
namespace {

void End(Finding finding, Emit& out) {
  finding.state = FindingState::kFinal;
  out.Report(std::move(finding));
}

}  // namespace

Finding* OpenCases::Find(uint64_t key) {
  auto it = std::find_if(cases_.begin(), cases_.end(),
                         [key](const Case& c) { return c.key == key; });
  return it == cases_.end() ? nullptr : &it->finding;
}

void OpenCases::Open(uint64_t key, Finding finding, Emit& out) {
  if (cases_.size() >= most_) {
    End(std::move(cases_.front().finding), out);
    cases_.erase(cases_.begin());
  }
  out.Report(finding);
  cases_.push_back({key, std::move(finding)});
}

void OpenCases::AdvanceTo(absl::Time watermark, Emit& out) {
  for (size_t i = 0; i < cases_.size();) {
    if (cases_[i].finding.last_seen + quiet_ > watermark) {
      ++i;
      continue;
    }
    End(std::move(cases_[i].finding), out);
    cases_.erase(cases_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void OpenCases::Save(StateWriter& out) const {
  out.PutU64(cases_.size());
  for (const Case& open : cases_) {
    out.PutFixed64(open.key);
    SaveFinding(open.finding, out);
  }
}

void OpenCases::Load(StateReader& in) {
  cases_.clear();
  uint64_t count = in.GetCount(8);
  if (count > most_) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Case& open = cases_.emplace_back();
    open.key = in.GetFixed64();
    open.finding = LoadFinding(in);
  }
}

}  // namespace oddverb
