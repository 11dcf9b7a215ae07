// From findings to exporters: filters by severity, keeps one state per id, and
// counts. One thread at a time.
#ifndef ODDVERB_PIPELINE_DELIVERY_H_
#define ODDVERB_PIPELINE_DELIVERY_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "exporters/exporter.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"

namespace oddverb {

enum class DeliveryPolicy : uint8_t {
  // A finite input: each finding once, in its last state, sorted by time then
  // id, when the input has ended (or kMaxHeld are waiting).
  kOnceAtEnd,
  // A stream: each finding when it opens, and again when its severity rises.
  kAtOnce,
};

class Delivery {
 public:
  struct Options {
    DeliveryPolicy policy = DeliveryPolicy::kOnceAtEnd;
    Severity min_severity = Severity::kInfo;
  };
  // Findings held back by kOnceAtEnd; beyond, the older half goes out early,
  // in the state it has, so that memory stays bounded.
  static constexpr size_t kMaxHeld = 65'536;

  // Exporters must outlive the delivery.
  Delivery(const Options& options, std::vector<Exporter*> exporters);

  // Takes findings in the order in which they were made: Send(Choose()).
  absl::Status Deliver(std::vector<Finding> findings);

  // Which of `findings` are to be shown now, by the policy; remembers them. A
  // service commits those before it sends them.
  std::vector<Finding> Choose(std::vector<Finding> findings);
  // Hands findings that Choose() returned to the exporters.
  absl::Status Send(const std::vector<Finding>& findings);

  // The input has ended: sends what is held and finishes the exporters.
  absl::Status Finish();

  // What Choose() remembers, as rows of a checkpoint: those that changed since
  // the last call.
  void TakeChanges(std::vector<StateRow>& out);
  // From all rows of a checkpoint, into a new delivery.
  absl::Status Load(const std::vector<StateRow>& rows);

  // Distinct findings by severity (of their last state), filtered ones not
  // counted.
  std::array<uint64_t, 5> counts() const { return counts_; }
  // Distinct findings by (detector, severity).
  const std::map<std::pair<std::string, Severity>, uint64_t>& by_detector()
      const {
    return by_detector_;
  }
  uint64_t sent() const { return sent_; }

 private:
  using SortKey = std::pair<absl::Time, Hash128>;
  // Findings that may still change. Beyond this many the oldest is forgotten,
  // and a later state of it would be shown as if it were new.
  static constexpr uint32_t kMaxKnown = 65'536;
  struct Known {
    Hash128 id;
    absl::Time time;  // of the opening state
    Severity severity = Severity::kInfo;
    bool is_changed = false;
  };

  // Index in known_, and whether it was added now.
  std::pair<uint32_t, bool> Know(const Finding& finding);
  void MarkChanged(uint32_t index);
  std::vector<Finding> TakeOldest(size_t count);
  void Count(const Finding& finding, Severity severity, int by);

  Options options_;
  std::vector<Exporter*> exporters_;
  std::map<SortKey, Finding> held_;
  std::vector<Known> known_;  // a ring once it is full
  uint32_t next_known_ = 0;
  std::map<Hash128, uint32_t> known_index_;
  std::vector<uint32_t> changed_;
  std::array<uint64_t, 5> counts_{};
  std::map<std::pair<std::string, Severity>, uint64_t> by_detector_;
  uint64_t sent_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_DELIVERY_H_
