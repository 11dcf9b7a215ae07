// Source of records that a function makes up while they are read, so that a
// stream of any length takes no memory.
#ifndef ODDVERB_TESTS_SUPPORT_GENERATED_SOURCE_H_
#define ODDVERB_TESTS_SUPPORT_GENERATED_SOURCE_H_

#include <functional>
#include <string>
#include <utility>

#include "ingest/source.h"

namespace oddverb {

class GeneratedSource final : public Source {
 public:
  // Writes the next record, without a newline, into its empty argument. False:
  // there are no more.
  using Next = std::function<bool(std::string& record)>;

  explicit GeneratedSource(Next next) : next_(std::move(next)) {}

  // Called before each batch; everything read before it has been judged where
  // the pipeline runs on one thread.
  void OnRead(std::function<void()> call) { on_read_ = std::move(call); }

  absl::Status Read(absl::Time, RawBatch& out) override {
    if (on_read_) on_read_();
    out.Clear();
    while (out.bytes->size() < RawBatch::kTargetBytes) {
      record_.clear();
      if (!next_(record_)) return absl::OutOfRangeError("end");
      out.records.push_back({static_cast<uint32_t>(out.bytes->size()),
                             static_cast<uint32_t>(record_.size())});
      out.positions.push_back(
          {.source = 0, .stream = 0, .offset = count_, .line = count_ + 1});
      ++count_;
      record_ += '\n';
      out.bytes->Append(record_);
      out.source_bytes += record_.size();
    }
    return absl::OkStatus();
  }
  absl::Status Accepted(const Position&) override { return absl::OkStatus(); }
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  std::string Describe(const Position& position) const override {
    return "generated:" + std::to_string(position.line);
  }
  Progress progress() const override { return {}; }

 private:
  Next next_;
  std::function<void()> on_read_;
  std::string record_;
  uint64_t count_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_GENERATED_SOURCE_H_
