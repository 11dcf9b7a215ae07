// A StateLog in memory, which fails as it is told. Thread-safe in what
// LogCheckpoint calls; what the test calls is for when nobody else does.
#ifndef ODDVERB_TESTS_SUPPORT_MEMORY_STATE_LOG_H_
#define ODDVERB_TESTS_SUPPORT_MEMORY_STATE_LOG_H_

#include <map>
#include <string>
#include <vector>

#include "pipeline/state_log.h"

namespace oddverb {

class MemoryStateLog final : public StateLog {
 public:
  enum class Outcome : uint8_t {
    kThere,
    kNotThere,           // aborted, and it is known
    kUndecidedThere,     // Settle() finds it
    kUndecidedNotThere,  // Settle() does not
    kStillUndecided,     // of Settle()
    kReplaced,
  };
  // Of the next Write() or Settle().
  void FailNext(Outcome outcome) { next_ = outcome; }

  std::map<std::string, std::string>& content() { return content_; }
  const std::vector<std::string>& findings() const { return findings_; }
  const std::vector<std::string>& dead_letters() const { return letters_; }
  const std::vector<std::string>& observations() const { return observations_; }
  const std::map<std::string, std::string>& bookmarks() const {
    return bookmarks_;
  }

  absl::Status Read(const Each& each) override {
    for (const auto& [key, value] : content_) {
      absl::Status status = each(key, value);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Write(const StateLogWrite& write) override {
    const Outcome outcome = std::exchange(next_, Outcome::kThere);
    if (outcome == Outcome::kReplaced) {
      return absl::FailedPreconditionError("replaced");
    }
    if (outcome == Outcome::kThere || outcome == Outcome::kUndecidedThere) {
      Apply(write);
    }
    if (outcome == Outcome::kThere) return absl::OkStatus();
    is_undecided_ = outcome != Outcome::kNotThere;
    is_there_ = outcome == Outcome::kUndecidedThere;
    return absl::UnavailableError("no broker answers");
  }
  bool is_undecided() const override { return is_undecided_; }
  absl::Status Settle() override {
    if (std::exchange(next_, Outcome::kThere) == Outcome::kStillUndecided) {
      return absl::UnavailableError("no broker answers");
    }
    is_undecided_ = false;
    return is_there_ ? absl::OkStatus() : absl::AbortedError("not there");
  }

 private:
  void Apply(const StateLogWrite& write) {
    for (const StateLogRecord& record : write.records) {
      content_.erase(record.key);
      if (record.value.has_value()) content_[record.key] = *record.value;
    }
    for (const Finding& finding : write.findings) {
      findings_.push_back(finding.id.ToHex());
    }
    for (const DeadLetterRow& row : write.dead_letters) {
      letters_.push_back(row.place);
    }
    for (const std::string& message : write.observations) {
      observations_.push_back(message);
    }
    for (const auto& [source, bookmark] : write.bookmarks) {
      bookmarks_[source] = bookmark;
    }
  }

  std::map<std::string, std::string> content_, bookmarks_;
  std::vector<std::string> findings_, letters_, observations_;
  Outcome next_ = Outcome::kThere;
  bool is_undecided_ = false, is_there_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_MEMORY_STATE_LOG_H_
