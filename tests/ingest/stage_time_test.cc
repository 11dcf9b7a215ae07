#include "ingest/stage_time.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'795'476'041'296'123);

absl::Time Peek(std::string_view record) {
  TimestampReader reader;
  return PeekStageTime(record, reader);
}

TEST(StageTimeTest, FindsTheTimeOfAnEvent) {
  for (
      std::string_view record : {
          R"({"stageTimestamp":"2026-11-23T23:20:41.296123Z","verb":"get"})",
          R"({"stageTimestamp" : "2026-11-23T23:20:41.296123Z"})",
          R"({"stageTimestamp":"2026-11-24T00:20:41.296123+01:00"})",
          R"({"message":"{\"stageTimestamp\":\"2026-11-23T23:20:41.296123Z\"}"})",
      }) {
    EXPECT_EQ(Peek(record), kTime) << record;
  }
}

TEST(StageTimeTest, TakesTheLastOfSeveral) {
  EXPECT_EQ(Peek(R"([{"stageTimestamp":"2026-01-01T00:00:00.000000Z"},)"
                 R"({"stageTimestamp":"2026-11-23T23:20:41.296123Z"}])"),
            kTime);
}

TEST(StageTimeTest, TextInsideOfAStringDoesNotPassForTheKey) {
  EXPECT_EQ(
      Peek(R"({"stageTimestamp":"2026-11-23T23:20:41.296123Z","annotations":)"
           R"({"a":"\"stageTimestamp\":\"2099-01-01T00:00:00.000000Z\"",)"
           R"("b":"stageTimestamp"}})"),
      kTime);
}

TEST(StageTimeTest, IsInfinitePastWhereThereIsNone) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "\"stageTimestamp\",";
  for (std::string record :
       {std::string(), std::string("{}"),
        std::string(R"({"stageTimestamp":"infinite-future"})"),
        std::string(R"({"stageTimestamp":"2026-13-23T23:20:41.296123Z"})"),
        std::string(R"("stageTimestamp")"), std::string(R"("stageTimestamp":)"),
        std::string(R"("stageTimestamp":"2026)"), many}) {
    EXPECT_EQ(Peek(record), absl::InfinitePast()) << record.substr(0, 100);
  }
}

}  // namespace
}  // namespace oddverb
