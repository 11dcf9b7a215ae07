#include "telemetry/histogram_counts.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string TextOf(const HistogramCounts& counts) {
  Metrics metrics({});
  metrics.Add(counts);
  return metrics.Serialize();
}

TEST(HistogramCountsTest, AValueAtABoundBelongsBelowIt) {
  HistogramCounts counts(MetricId::kEventLag);
  for (double value : {0.1, 0.1000001, 3600.0, 3601.0, 1e12}) {
    counts.Observe(value);
  }
  EXPECT_THAT(TextOf(counts),
              AllOf(HasSubstr("_seconds_bucket{le=\"0.1\"} 1\n"),
                    HasSubstr("_seconds_bucket{le=\"0.25\"} 2\n"),
                    HasSubstr("_seconds_bucket{le=\"900\"} 2\n"),
                    HasSubstr("_seconds_bucket{le=\"3600\"} 3\n"),
                    HasSubstr("_seconds_bucket{le=\"+Inf\"} 5\n"),
                    HasSubstr("_seconds_count 5\n")));
}

TEST(HistogramCountsTest, SumsWhatItCounts) {
  HistogramCounts counts(MetricId::kEventLag);
  counts.Observe(0.5);
  counts.Observe(2);
  counts.Observe(0);
  EXPECT_EQ(counts.sum(), 2.5);
  EXPECT_THAT(TextOf(counts), HasSubstr("_seconds_sum 2.5\n"));
}

TEST(HistogramCountsTest, ThreadsLoseNoValue) {
  HistogramCounts counts(MetricId::kBatchSeconds);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counts] {
      for (int j = 0; j < 10'000; ++j) counts.Observe(1);
    });
  }
  for (int i = 0; i < 10; ++i) TextOf(counts);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts.sum(), 40'000);
}

}  // namespace
}  // namespace oddverb
