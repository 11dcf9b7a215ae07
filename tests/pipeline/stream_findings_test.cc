// Findings about the stream itself, through the whole pipeline: a log with a
// silence, broken records, cut bodies and an audit ID used twice gives the same
// bytes for any threads, batches and restarts.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/merged_source.h"
#include "ingest/tail_source.h"
#include "tests/support/input_files.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/rotating_log.h"
#include "tests/support/tail_reading.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

constexpr int kStart = 1'700'000'000;

std::string EventLine(double seconds, const std::string& user,
                      const std::string& id, const std::string& uri,
                      const std::string& more = "") {
  std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ",
                       absl::FromUnixSeconds(kStart) + absl::Seconds(seconds),
                       absl::UTCTimeZone());
  return absl::StrCat(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
      R"("auditID":")", id, R"(","stage":"ResponseComplete","requestURI":")",
      uri, R"(","verb":"get","user":{"username":")", user,
      R"(","groups":["system:authenticated"]},"sourceIPs":["10.0.0.1"],)",
      R"("responseStatus":{"metadata":{},"code":200},)",
      R"("requestReceivedTimestamp":")", time, R"(","stageTimestamp":")", time,
      R"(","annotations":{"authorization.k8s.io/decision":"allow")", more,
      "}}");
}

// A quarter of an hour of leases, a hole, and some more.
std::vector<std::string> QuietLog() {
  std::vector<std::string> lines;
  for (int i = 0; i < 1200; ++i) {
    double at = i < 900 ? i : i + 200;
    lines.push_back(EventLine(at, absl::StrCat("node", i % 7),
                              absl::StrCat("id", i), "/apis/leases/a"));
  }
  return lines;
}

std::vector<std::string> DamagedLog() {
  std::vector<std::string> lines = QuietLog();
  for (size_t i = 0; i < 30; ++i) {
    lines[400 + 3 * i] =
        EventLine(400 + 3 * static_cast<double>(i), "mallory", "fixed",
                  absl::StrCat("/api/v1/secrets/", i));
    lines[600 + i] = lines[600 + i].substr(0, 100 + i);
    lines[1000 + 2 * i] = "E0102 no event";
  }
  lines[800] = EventLine(800, "eve", "big", "/api/v1/pods",
                         R"(,"audit.k8s.io/truncated":"true")");
  return lines;
}

std::vector<std::string> RulesOf(const std::string& ndjson) {
  std::vector<std::string> rules;
  for (absl::string_view line :
       absl::StrSplit(ndjson, '\n', absl::SkipEmpty())) {
    size_t at = line.find("\"rule\":\"") + 8;
    rules.emplace_back(line.substr(at, line.find('"', at) - at));
  }
  return rules;
}

TEST(StreamFindingsTest, FindsWhatIsWrongWithTheLog) {
  std::string findings = FindingsOf(DamagedLog(), {});
  EXPECT_THAT(RulesOf(findings),
              UnorderedElementsAre("audit.gap", "audit.gap", "audit.gap",
                                   "audit.id_reuse", "audit.truncated"));
  EXPECT_THAT(
      findings,
      AllOf(HasSubstr("no events between 2023-11-14 22:28:19 and 2023-11-14 "
                      "22:31:40 UTC (3m21s)"),
            HasSubstr("30 records could not be read as events between "
                      "2023-11-14 22:23:19 and 2023-11-14 22:23:50 UTC (31s); "
                      "the first is at memory:601"),
            HasSubstr("30 lines are no audit events"),
            HasSubstr("mallory used audit IDs again for 29 other requests")));
}

TEST(StreamFindingsTest, ThreadsBatchesAndKeysChangeNothing) {
  std::vector<std::string> lines = DamagedLog();
  std::string expected = FindingsOf(lines, {});
  for (size_t size : {1, 2, 7, 31, 100, 5000}) {
    for (int threads : {1, 4}) {
      EXPECT_EQ(
          FindingsOf(lines, {.threads = threads, .records_per_batch = size}),
          expected)
          << size << " records a batch, " << threads << " threads";
    }
  }
  EXPECT_EQ(FindingsOf(lines, {.hash = KeyedHash(1, 2)}), expected);
}

// Runs a pipeline that keeps its state, and shows findings at once.
std::string RunOn(Source& source, Checkpoint* checkpoint, int threads,
                  const std::atomic<bool>& stop,
                  EventOrder order = EventOrder::kArrival) {
  PipelineOptions options;
  options.threads = threads;
  options.order = order;
  options.checkpoint_bytes = 20'000;
  options.checkpoint_pause = absl::ZeroDuration();
  auto pipeline = Pipeline::Make(options, AllParts(), checkpoint);
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  (void)(*pipeline)->Run(
      {{"lines", &source}}, delivery, [](size_t, const Rejected&) {}, stop);
  return exporter.Ndjson();
}

TEST(StreamFindingsTest, RestartsChangeNothing) {
  std::vector<std::string> lines = DamagedLog();
  std::atomic<bool> stop{false};
  MemorySource whole(lines, 190);
  std::string expected = RunOn(whole, nullptr, 1, stop);
  EXPECT_THAT(RulesOf(expected), SizeIs(testing::Ge(6u)));
  for (int threads : {1, 3}) {
    MemoryCheckpoint checkpoint;
    std::string shown;
    for (size_t killed_at = 90;; killed_at += 90) {
      auto restored = checkpoint.Restore();
      size_t skip = *restored ? (*restored)->records_judged : 0;
      MemorySource source(lines, 11 + killed_at % 7, skip);
      bool last = killed_at >= lines.size();
      if (!last) source.FailAfter(killed_at, absl::AbortedError("killed"));
      shown += RunOn(source, &checkpoint, threads, stop);
      if (last) break;
    }
    EXPECT_EQ(shown, expected) << threads << " threads";
  }
}

// Also what stands at the end of the log, behind events that are held.
TEST(StreamFindingsTest, OrderedByEventTimeTheSameIsFound) {
  std::vector<std::string> lines = DamagedLog();
  for (int i = 0; i < 30; ++i) lines.push_back(lines.back().substr(0, 90));
  std::atomic<bool> stop{false};
  MemorySource arriving(lines, 50);
  const std::string expected = RunOn(arriving, nullptr, 1, stop);
  EXPECT_THAT(expected, HasSubstr("60 records could not be read"));
  for (size_t size : {1, 50, 5000}) {
    MemorySource source(lines, size);
    EXPECT_THAT(
        RulesOf(RunOn(source, nullptr, 1, stop, EventOrder::kEventTime)),
        UnorderedElementsAreArray(RulesOf(expected)))
        << size << " records a batch";
  }
}

TEST(StreamFindingsTest, TwoLogsOfDifferentDaysAreOneLowFinding) {
  TempFolder folder;
  std::string monday, thursday;
  for (int i = 0; i < 900; ++i) {
    std::string user = absl::StrCat("node", i % 5);
    std::string id = absl::StrCat("id", i);
    absl::StrAppend(&monday, EventLine(i, user, id, "/apis/leases/a"), "\n");
    absl::StrAppend(&thursday,
                    EventLine(3 * 86'400 + i, user, "x" + id, "/apis/leases/a"),
                    "\n");
  }
  folder.Write("b-monday.log", monday);
  folder.Write("a-thursday.log", thursday);
  auto source = OpenFiles(
      {folder.path("a-thursday.log"), folder.path("b-monday.log")}, {});
  ASSERT_TRUE(source.ok());
  std::atomic<bool> stop{false};
  std::string findings = RunOn(**source, nullptr, 1, stop);
  EXPECT_THAT(RulesOf(findings), ElementsAre("audit.gap"));
  EXPECT_THAT(findings, AllOf(HasSubstr(R"("severity":"low")"),
                              HasSubstr("neither at the end of " +
                                        folder.path("b-monday.log") +
                                        " nor at the start of " +
                                        folder.path("a-thursday.log"))));
}

// Reads what is there, then ends.
class TailOnce final : public Source {
 public:
  explicit TailOnce(const TailOptions& options) : tail_(options) {}

  absl::Status Read(absl::Time deadline, RawBatch& out) override {
    absl::Status status = tail_.Read(deadline, out);
    if (status.ok() && out.empty() && ++idle_ > 3) {
      return absl::OutOfRangeError("all is read");
    }
    return status;
  }
  absl::Status Accepted(const Position& at) override {
    return tail_.Accepted(at);
  }
  absl::Status Commit(const Position& at) override { return tail_.Commit(at); }
  absl::Status Resume(std::string_view bookmark) override {
    return tail_.Resume(bookmark);
  }
  std::string Describe(const Position& at) const override {
    return tail_.Describe(at);
  }
  Progress progress() const override { return tail_.progress(); }

 private:
  TailSource tail_;
  int idle_ = 0;
};

TEST(StreamFindingsTest, ALogThatIsEmptiedOrDeletedIsAFindingOfTheService) {
  TempFolder folder;
  RotatingLog log(folder.path());
  std::vector<std::string> lines = QuietLog();
  auto append = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) log.Append(lines[i] + "\n");
  };
  MemoryCheckpoint checkpoint;
  // Ends of the input end cases, stops do not.
  std::atomic<bool> stop{false};
  auto follow = [&] {
    TailOptions options = TailOptionsFor(log.path());
    options.source_index = 0;
    TailOnce source(std::move(options));
    return RunOn(source, &checkpoint, 1, stop);
  };
  append(0, 50);
  EXPECT_EQ(follow(), "");
  append(50, 60);
  std::string rotated = log.Rotate();
  append(60, 70);
  std::filesystem::remove(rotated);
  std::string findings = follow();
  // Opened, and its last state at the end of the input.
  EXPECT_THAT(RulesOf(findings), ElementsAre("audit.gap", "audit.gap"));
  EXPECT_THAT(findings,
              AllOf(HasSubstr(R"("severity":"high")"),
                    HasSubstr("deleted or emptied before it was read; events "
                              "after 2023-11-14 22:14:09 UTC may be missing")));
  EXPECT_EQ(follow(), "");

  std::filesystem::resize_file(log.path(), lines[60].size() + 1);
  append(70, 71);
  findings = follow();
  EXPECT_THAT(RulesOf(findings), ElementsAre("audit.gap", "audit.gap"));
  EXPECT_THAT(findings, HasSubstr("audit.log was emptied in place"));
}

}  // namespace
}  // namespace oddverb
