// A histogram of the table that is counted where the values arise and handed
// to a Metrics when somebody asks. Thread-safe, without locks: a reader may see
// a value counted whose amount is not in the sum yet.
#ifndef ODDVERB_TELEMETRY_HISTOGRAM_COUNTS_H_
#define ODDVERB_TELEMETRY_HISTOGRAM_COUNTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "telemetry/metric_names.h"

namespace oddverb {

class HistogramCounts {
 public:
  // REQUIRES: `id` is a histogram.
  explicit HistogramCounts(MetricId id)
      : id_(id), bounds_(NameOf(id).buckets), counts_(bounds_.size() + 1) {}

  MetricId id() const { return id_; }

  void Observe(double value) {
    counts_[BucketOf(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  // How many values are in each bucket alone, the unbounded one last.
  std::vector<double> counts() const {
    std::vector<double> counts;
    for (const std::atomic<uint64_t>& count : counts_) {
      counts.push_back(static_cast<double>(count.load()));
    }
    return counts;
  }
  double sum() const { return sum_; }

 private:
  // A bound belongs to its bucket ("le"). There are few: no search is faster.
  size_t BucketOf(double value) const {
    size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    return bucket;
  }

  const MetricId id_;
  const std::span<const double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_HISTOGRAM_COUNTS_H_
