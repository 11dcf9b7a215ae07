// The scenarios again, with what real logs and attackers put on, before and
// between the events: the findings stay the same. Only audit_stream, which is
// about the log itself, may say more.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scenario.h"

namespace oddverb {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;
using Found = std::map<std::string, Severity>;

// Members in front of those of `line`, which come behind and win.
std::string WithFirst(const std::string& members, const std::string& line) {
  return absl::StrCat("{", members, ",", line.substr(1));
}

std::string Nested(size_t depth) {
  return absl::StrCat(std::string(depth, '['), std::string(depth, ']'));
}

// A request of somebody else that has nothing to do with it.
std::string Stranger(const std::string& line, const std::string& uri) {
  json event = json::parse(line);
  json stranger;
  for (const char* same :
       {"stageTimestamp", "requestReceivedTimestamp", "level"}) {
    stranger[same] = event[same];
  }
  stranger["kind"] = "Event";
  stranger["apiVersion"] = "audit.k8s.io/v1";
  stranger["auditID"] = "stranger";
  stranger["stage"] = "ResponseComplete";
  stranger["verb"] = "get";
  stranger["user"] = {{"username", "stranger"}};
  stranger["sourceIPs"] = {"10.99.99.99"};
  stranger["requestURI"] = uri;
  stranger["responseStatus"] = {{"code", 200}};
  return stranger.dump();
}

// The line that an API server writes when a request arrives.
std::string Received(const std::string& line) {
  json event = json::parse(line);
  event["stage"] = "RequestReceived";
  event.erase("responseStatus");
  event.erase("responseObject");
  event.erase("annotations");
  return event.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct Disturbance {
  const char* name;
  std::function<Lines(const Lines&)> apply;
};

Lines ForEach(const Lines& lines,
              const std::function<void(const std::string&, Lines&)>& write) {
  Lines disturbed;
  for (const std::string& line : lines) write(line, disturbed);
  return disturbed;
}

const std::vector<Disturbance>& Disturbances() {
  static const std::vector<Disturbance> kAll = {
      {"a_stage_of_arrival_before_each",
       [](const Lines& lines) {
         return ForEach(lines, [](const std::string& line, Lines& out) {
           out.push_back(Received(line));
           out.push_back(line);
         });
       }},
      {"unknown_and_deep_members",
       [](const Lines& lines) {
         return ForEach(lines, [](const std::string& line, Lines& out) {
           out.push_back(WithFirst(
               absl::StrCat("\"future\":", Nested(500), ",\"more\":{\"a\":1}"),
               line));
         });
       }},
      {"members_that_stand_twice",
       [](const Lines& lines) {
         return ForEach(lines, [](const std::string& line, Lines& out) {
           out.push_back(WithFirst(
               R"("verb":"get","requestURI":"/healthz","auditID":"x")", line));
         });
       }},
      {"a_mebibyte_between",
       [](const Lines& lines) {
         Lines disturbed = lines;
         const size_t middle = lines.size() / 2;
         disturbed.insert(
             disturbed.begin() + static_cast<std::ptrdiff_t>(middle),
             Stranger(lines[middle],
                      "/api?x=" + std::string(size_t{1} << 20, '9')));
         return disturbed;
       }},
      {"other_bytes_between",
       [](const Lines& lines) {
         Lines disturbed = lines;
         const size_t middle = lines.size() / 2;
         auto place = disturbed.begin() + static_cast<std::ptrdiff_t>(middle);
         place = disturbed.insert(place, "\xff\xfe{\"kind\":\"Event\xc3(");
         disturbed.insert(place, "E0101 something of the API server's own");
         return disturbed;
       }},
      {"deep_brackets_between",
       [](const Lines& lines) {
         Lines disturbed = lines;
         disturbed.insert(disturbed.begin(), Nested(100'000));
         disturbed.insert(disturbed.begin(), std::string(100'000, '{'));
         return disturbed;
       }},
  };
  return kAll;
}

Found WithoutAuditStream(Found found) {
  std::erase_if(found, [](const auto& entry) {
    return entry.first.starts_with("audit.");
  });
  return found;
}

// All of it is done by one thread.
class DisturbanceTest : public ::testing::TestWithParam<Disturbance> {
 protected:
  void SetUp() override {
    if (UnderThreadSanitizer()) GTEST_SKIP();
  }
};

TEST_P(DisturbanceTest, ChangesNoFinding) {
  for (const auto& path : ScenarioFiles()) {
    const Scenario scenario = ReadScenario(path);
    const Lines lines = LinesAt(scenario, kAuditLevels.back());
    EXPECT_EQ(WithoutAuditStream(FoundIn(GetParam().apply(lines))),
              WithoutAuditStream(FoundIn(lines)))
        << scenario.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, DisturbanceTest, ::testing::ValuesIn(Disturbances()),
    [](const ::testing::TestParamInfo<Disturbance>& disturbance) {
      return std::string(disturbance.param.name);
    });

// A partition that is read again makes no second attack of one. (A service
// knows its place; what counts, such as questions for rights, counts twice.)
TEST(ReplayTest, AnAttackReadTwiceGivesNoOtherRuleFromMediumOn) {
  if (UnderThreadSanitizer()) GTEST_SKIP();
  for (const auto& path : ScenarioFiles()) {
    const Scenario scenario = ReadScenario(path);
    if (scenario.kind == "negative") continue;
    const Lines lines = LinesAt(scenario, kAuditLevels.back());
    Lines twice = lines;
    twice.insert(twice.end(), lines.begin(), lines.end());
    const Found once = WithoutAuditStream(FoundIn(lines));
    for (const auto& [rule, severity] : WithoutAuditStream(FoundIn(twice))) {
      if (severity < Severity::kMedium) continue;
      EXPECT_EQ(once.count(rule), 1) << scenario.name << " " << rule;
    }
  }
}

}  // namespace
}  // namespace oddverb
