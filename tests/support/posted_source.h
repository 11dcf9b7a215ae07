// A source that cannot be read again, as a webhook: each line is a body that
// somebody waits with until it is accepted, and brings again when it is
// refused.
#ifndef ODDVERB_TESTS_SUPPORT_POSTED_SOURCE_H_
#define ODDVERB_TESTS_SUPPORT_POSTED_SOURCE_H_

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ingest/source.h"

namespace oddverb {

class PostedSource final : public Source {
 public:
  explicit PostedSource(const std::vector<std::string>& bodies)
      : bodies_(bodies) {}

  absl::Status Read(absl::Time, RawBatch& out) override {
    out.Clear();
    std::lock_guard<std::mutex> lock(mutex_);
    while (accepted_.contains(next_)) ++next_;
    if (next_ == bodies_.size()) return absl::OutOfRangeError("end");
    if (quiet_) {
      std::this_thread::yield();
      return absl::OkStatus();
    }
    out.records.push_back({0, static_cast<uint32_t>(bodies_[next_].size())});
    out.positions.push_back(
        {.source = 0, .stream = 0, .offset = next_, .line = 0});
    out.bytes->Append(bodies_[next_]);
    out.source_bytes = out.bytes->size();
    return absl::OkStatus();
  }
  absl::Status Accepted(const Position& position) override {
    std::lock_guard<std::mutex> lock(mutex_);
    accepted_.insert(position.offset);
    return absl::OkStatus();
  }
  // Nobody comes again before ComeAgain().
  void Refused(const Position&) override {
    quiet_ = true;
    ++refused_;
  }
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  bool replayable() const override { return false; }
  std::string Describe(const Position&) const override { return "post"; }
  Progress progress() const override { return {}; }

  void ComeAgain() { quiet_ = false; }
  int refused() const { return refused_; }

 private:
  const std::vector<std::string>& bodies_;
  std::mutex mutex_;
  size_t next_ = 0;              // guarded by mutex_
  std::set<uint64_t> accepted_;  // guarded by mutex_
  std::atomic<bool> quiet_{false};
  std::atomic<int> refused_{0};
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_POSTED_SOURCE_H_
