// A Source of given lines, cut into batches of a given number of records.
#ifndef ODDVERB_TESTS_SUPPORT_MEMORY_SOURCE_H_
#define ODDVERB_TESTS_SUPPORT_MEMORY_SOURCE_H_

#include <string>
#include <utility>
#include <vector>

#include "ingest/source.h"

namespace oddverb {

class MemorySource final : public Source {
 public:
  // Skips the first `skip` lines, as a source that seeks to a checkpoint.
  MemorySource(const std::vector<std::string>& lines, size_t records_per_batch,
               size_t skip = 0)
      : lines_(lines), records_per_batch_(records_per_batch), next_(skip) {}

  // Its index in the run.
  void SetIndex(size_t index) { index_ = static_cast<uint32_t>(index); }

  // Fails with this once `after` records were read.
  void FailAfter(size_t after, absl::Status status) {
    fail_after_ = after;
    failure_ = std::move(status);
  }
  // Ends the input early, as a killed process would.
  void EndAfter(size_t after) { end_after_ = after; }

  absl::Status Read(absl::Time, RawBatch& out) override {
    out.Clear();
    if (next_ >= fail_after_) return failure_;
    std::vector<std::pair<size_t, size_t>> spans;
    for (size_t n = 0; n < records_per_batch_ && next_ < End(); ++n, ++next_) {
      const std::string& line = lines_[next_];
      out.records.push_back({static_cast<uint32_t>(out.bytes->size()),
                             static_cast<uint32_t>(line.size())});
      out.positions.push_back(
          {.source = index_, .stream = 0, .offset = next_, .line = next_ + 1});
      out.bytes->Append(line);
      out.bytes->Append("\n");
    }
    out.source_bytes = out.bytes->size();
    out.bookmark = std::to_string(next_);
    return next_ >= End() ? absl::OutOfRangeError("end") : absl::OkStatus();
  }

  absl::Status Resume(std::string_view bookmark) override {
    next_ = std::stoul(std::string(bookmark));
    return absl::OkStatus();
  }
  absl::Status Accepted(const Position&) override { return absl::OkStatus(); }
  absl::Status Commit(const Position& position) override {
    committed_ = position;
    return absl::OkStatus();
  }
  std::string Describe(const Position& position) const override {
    return "memory:" + std::to_string(position.line);
  }
  Progress progress() const override { return {}; }

  const Position& committed() const { return committed_; }

 private:
  size_t End() const { return std::min(end_after_, lines_.size()); }

  const std::vector<std::string>& lines_;
  size_t records_per_batch_;
  size_t next_;
  uint32_t index_ = 0;
  size_t fail_after_ = ~size_t{0};
  size_t end_after_ = ~size_t{0};
  absl::Status failure_;
  Position committed_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_MEMORY_SOURCE_H_
