// Gathers the mistakes of a configuration, so that a person sees all of them
// in one run. One thread.
#ifndef ODDVERB_APP_MISTAKES_H_
#define ODDVERB_APP_MISTAKES_H_

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace oddverb {

class Mistakes {
 public:
  // Each line of the message is a mistake; one that is there already is not
  // told again.
  void Add(const absl::Status& status) {
    if (status.ok()) return;
    std::vector<std::string> lines = absl::StrSplit(status.message(), '\n');
    for (std::string& line : lines) {
      if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) {
        lines_.push_back(std::move(line));
      }
    }
  }
  // Each is one mistake, whose lines stay together.
  void AddTexts(std::vector<std::string> texts) {
    std::move(texts.begin(), texts.end(), std::back_inserter(lines_));
  }
  // The value, or `fallback` after a mistake.
  template <class T>
  T ValueOf(absl::StatusOr<T> value, T fallback) {
    Add(value.status());
    return value.ok() ? *std::move(value) : std::move(fallback);
  }

  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }
  // InvalidArgument, one mistake a line; OK if there is none.
  absl::Status status() const {
    if (lines_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  std::vector<std::string> lines_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_MISTAKES_H_
