// A Checkpoint that keeps the last commit in memory, for restart tests.
#ifndef ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_
#define ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_

#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "pipeline/checkpoint.h"

namespace oddverb {

class MemoryCheckpoint final : public Checkpoint {
 public:
  absl::Status Commit(CheckpointBatch batch) override {
    restored_ = Restored{batch.records_judged, std::move(batch.positions),
                         std::move(batch.state)};
    std::move(batch.findings.begin(), batch.findings.end(),
              std::back_inserter(committed_findings_));
    ++commits_;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<Restored>> Restore() override {
    return restored_;
  }

  int commits() const { return commits_; }
  // Test-only: to damage what was saved.
  std::optional<Restored>& restored() { return restored_; }
  const std::vector<Finding>& committed_findings() const {
    return committed_findings_;
  }

 private:
  std::optional<Restored> restored_;
  std::vector<Finding> committed_findings_;
  int commits_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_
