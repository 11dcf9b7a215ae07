// A Checkpoint that keeps everything in memory, for restart tests. The door is
// thread-safe, as it must be; what the test alone calls is for when nobody else
// calls.
#ifndef ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_
#define ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "pipeline/checkpoint.h"

namespace oddverb {

class MemoryCheckpoint final : public Checkpoint {
 public:
  absl::StatusOr<uint64_t> Commit(const CheckpointBatch& batch) override {
    std::lock_guard<std::mutex> guard(mutex_);
    if (!failure_.ok()) return Fail();
    Restored next = restored_.value_or(Restored());
    next.records_judged = batch.records_judged;
    for (const auto& [source, bookmark] : batch.bookmarks) {
      next.bookmarks[source] = bookmark;
    }
    std::map<std::tuple<std::string, int, uint32_t>, StateRow> rows;
    for (StateRow& row : next.state) rows[Key(row)] = std::move(row);
    for (const StateRow& row : batch.state) rows[Key(row)] = row;
    next.state.clear();
    for (auto& [key, row] : rows) next.state.push_back(std::move(row));
    uint64_t first = next_number_;
    for (const Finding& finding : batch.findings) {
      committed_findings_.push_back(finding);
      next.outbox.push_back({next_number_++, finding});
    }
    for (const auto& [source, number] : batch.spool_judged) {
      auto& spool = spool_[source];
      spool.erase(spool.begin(), spool.upper_bound(number));
    }
    for (const DeadLetterRow& row : batch.dead_letters) {
      dead_letters_.push_back(row);
    }
    for (const std::string& message : batch.observations) {
      observations_.push_back(message);
    }
    restored_ = std::move(next);
    ++commits_;
    return first;
  }

  absl::StatusOr<std::optional<Restored>> Restore() override {
    std::lock_guard<std::mutex> guard(mutex_);
    return restored_;
  }

  absl::Status Delivered(uint64_t number) override {
    std::lock_guard<std::mutex> guard(mutex_);
    if (!failure_.ok()) return Fail();
    if (!restored_.has_value()) return absl::OkStatus();
    std::erase_if(restored_->outbox, [&](const OutboxEntry& entry) {
      return entry.number <= number;
    });
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Spool(
      std::string_view source,
      std::span<const std::string_view> bodies) override {
    std::lock_guard<std::mutex> guard(mutex_);
    if (!failure_.ok()) return Fail();
    uint64_t first = next_body_;
    for (std::string_view body : bodies) {
      spool_[std::string(source)][next_body_++] = std::string(body);
    }
    return first;
  }

  absl::StatusOr<std::vector<SpooledBody>> ReadSpool(
      std::string_view source, uint64_t after, size_t max_bytes) override {
    std::lock_guard<std::mutex> guard(mutex_);
    std::vector<SpooledBody> bodies;
    auto& spool = spool_[std::string(source)];
    size_t bytes = 0;
    for (auto it = spool.upper_bound(after); it != spool.end(); ++it) {
      bytes += it->second.size();
      if (!bodies.empty() && bytes > max_bytes) break;
      bodies.push_back({it->first, it->second});
    }
    return bodies;
  }

  // Whatever writes fails with this until it is OK again.
  void FailWith(absl::Status failure) {
    std::lock_guard<std::mutex> guard(mutex_);
    failure_ = std::move(failure);
  }
  // All that was for a correlator, in order.
  const std::vector<std::string>& observations() const { return observations_; }
  int failed_writes() const { return failed_writes_; }

  int commits() const { return commits_; }
  const std::vector<Finding>& committed_findings() const {
    return committed_findings_;
  }
  const std::vector<DeadLetterRow>& dead_letters() const {
    return dead_letters_;
  }
  size_t spooled(const std::string& source) { return spool_[source].size(); }
  // To damage what was saved.
  std::optional<Restored>& restored() { return restored_; }

 private:
  absl::Status Fail() {
    ++failed_writes_;
    return failure_;
  }
  static std::tuple<std::string, int, uint32_t> Key(const StateRow& row) {
    return {row.owner, row.kind, row.id};
  }

  std::mutex mutex_;
  std::optional<Restored> restored_;
  std::vector<Finding> committed_findings_;
  std::vector<std::string> observations_;
  std::vector<DeadLetterRow> dead_letters_;
  std::map<std::string, std::map<uint64_t, std::string>> spool_;
  absl::Status failure_;
  std::atomic<int> failed_writes_{0};
  uint64_t next_number_ = 1;
  uint64_t next_body_ = 1;
  int commits_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_MEMORY_CHECKPOINT_H_
