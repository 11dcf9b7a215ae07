#include "app/stream_meters.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(1'000'000); }
};

// Two sources, at a standing clock.
class StreamMetersTest : public ::testing::Test {
 protected:
  // A batch of events of a source that are so old; less than 0 is the future.
  void Judge(uint32_t source, const std::vector<absl::Duration>& ages,
             absl::Duration since_read = absl::Milliseconds(2)) {
    std::vector<AuditEvent> events;
    for (absl::Duration age : ages) {
      events.emplace_back().stage_time = clock_.Now() - age;
      events.back().position.source = source;
    }
    meters_.NoteJudged({.events = events, .since_read = since_read});
  }

  std::string Text() const {
    Metrics metrics({});
    meters_.Fill(metrics);
    return metrics.Serialize();
  }

  SetClock clock_;
  StreamMeters meters_{{{"audit", nullptr}, {"webhook", nullptr}}, clock_};
};

constexpr char kLast[] = "oddverb_source_last_event_timestamp_seconds{source=";

TEST_F(StreamMetersTest, CountsTheAgeOfEveryEvent) {
  Judge(0, {absl::Milliseconds(50), absl::Seconds(3)});
  Judge(1, {absl::Hours(2)});
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("oddverb_event_lag_seconds_bucket{le=\"0.1\"} 1"),
                    HasSubstr("oddverb_event_lag_seconds_bucket{le=\"5\"} 2"),
                    HasSubstr("oddverb_event_lag_seconds_count 3"),
                    HasSubstr("oddverb_event_lag_seconds_sum 7203.05")));
}

TEST_F(StreamMetersTest, CountsTheTimeOfEveryBatch) {
  Judge(0, {}, absl::Milliseconds(20));
  Judge(0, {}, absl::Seconds(2));
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("oddverb_batch_seconds_bucket{le=\"0.05\"} 1"),
                    HasSubstr("oddverb_batch_seconds_count 2"),
                    HasSubstr("oddverb_batch_seconds_sum 2.02")));
}

TEST_F(StreamMetersTest, KnowsTheNewestEventOfEachSource) {
  Judge(0, {absl::Seconds(20), absl::Seconds(10)});
  Judge(0, {absl::Seconds(15)});
  EXPECT_THAT(Text(), AllOf(HasSubstr(std::string(kLast) + "\"audit\"} 999990"),
                            HasSubstr(std::string(kLast) + "\"webhook\"} 0")));
  Judge(1, {absl::Seconds(5)});
  EXPECT_THAT(Text(),
              AllOf(HasSubstr(std::string(kLast) + "\"audit\"} 999990"),
                    HasSubstr(std::string(kLast) + "\"webhook\"} 999995")));
}

// A client's clock or a forged line must not hide that a source is silent.
TEST_F(StreamMetersTest, EventsOfTheFarFutureAreNoNews) {
  Judge(0, {absl::Seconds(10), -StreamMeters::kMaxSkew - absl::Seconds(1)});
  EXPECT_THAT(Text(), HasSubstr(std::string(kLast) + "\"audit\"} 999990"));
  Judge(0, {-StreamMeters::kMaxSkew});
  EXPECT_THAT(Text(),
              AllOf(HasSubstr(std::string(kLast) + "\"audit\"} 1000060"),
                    HasSubstr("oddverb_event_lag_seconds_count 2\n"),
                    HasSubstr("oddverb_event_lag_seconds_sum 10\n")));
}

TEST_F(StreamMetersTest, EventsWithoutATimeHaveNoAge) {
  std::vector<AuditEvent> events(1);
  events[0].stage_time = absl::InfinitePast();
  meters_.NoteJudged({.events = events, .since_read = {}});
  EXPECT_THAT(Text(), AllOf(HasSubstr("oddverb_event_lag_seconds_count 0\n"),
                            HasSubstr(std::string(kLast) + "\"audit\"} 0\n")));
}

}  // namespace
}  // namespace oddverb
