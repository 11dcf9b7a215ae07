// SigmaHQ's rules for the Kubernetes audit log on the shared corpus, judged by
// the rule set and by the naive evaluator.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"
#include "tests/support/naive_rules.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

// Empty where the shared data is absent.
std::vector<std::string> SigmaFiles() {
  std::vector<std::string> files;
  std::optional<std::string> corpus = CorpusPath("truth.json");
  if (!corpus.has_value()) return files;
  std::filesystem::path folder =
      std::filesystem::path(*corpus).parent_path().parent_path() / "sigma";
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

LoadedRules LoadSigmaHq() {
  RuleLoader loader({});
  for (const std::string& file : SigmaFiles()) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    loader.Add(std::filesystem::path(file).filename().string(), text.str());
  }
  return std::move(loader).Finish();
}

TEST(SigmaCorpusTest, LoadsAllOfSigmaHqAndSaysWhichAreDead) {
  if (SigmaFiles().empty()) GTEST_SKIP() << "no shared data";
  LoadedRules loaded = LoadSigmaHq();
  EXPECT_EQ(loaded.rules->rules().size(), 16u);
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  // The two that the rules' own defects call for, and no more.
  EXPECT_EQ(loaded.diagnostics.warnings(), 2u) << Messages(loaded);
  EXPECT_THAT(Messages(loaded),
              HasSubstr("kubernetes_audit_potential_enumeration_activity.yml:1:"
                        "1: warning: dead rule"));
  EXPECT_THAT(Messages(loaded),
              HasSubstr("kubernetes_audit_exec_into_container.yml:1:1: warning:"
                        " misses what kubectl 1.30"));
}

TEST(SigmaCorpusTest, MatchesWhatTheNaiveEvaluatorMatches) {
  std::optional<std::string> log = CorpusPath("mixed.log.gz");
  if (SigmaFiles().empty() || !log.has_value()) {
    GTEST_SKIP() << "no shared data";
  }
  LoadedRules loaded = LoadSigmaHq();
  // The evaluator knows no short names: give it what they stand for.
  std::map<std::string, std::string> spelled = {
      {"apiGroup", "objectRef.apiGroup"},
      {"hostPath", "requestObject.spec.volumes.hostPath.path"},
      {"capabilities",
       "requestObject.spec.containers.securityContext.capabilities.add"}};
  std::vector<Predicate> predicates;
  for (const Rule& rule : loaded.rules->rules()) {
    std::vector<Predicate> parts(rule.predicate.parts().begin(),
                                 rule.predicate.parts().end());
    if (parts.empty()) parts.push_back(rule.predicate);
    for (Predicate& part : parts) {
      if (part.kind() != Predicate::Kind::kTest) continue;
      auto it = spelled.find(part.test().field.name());
      if (it == spelled.end()) continue;
      oddverb::Test test = part.test();
      test.field = *Field::Compile(it->second, Field::Brackets::kLiteral);
      part = Predicate::Of(test);
    }
    predicates.push_back(Predicate::And(parts));
  }

  RuleMatcher matcher(loaded.rules);
  std::map<std::string, int> counts;
  std::unique_ptr<EventBatch> batch = DecodeLines(ReadMaybeGzip(*log));
  ASSERT_GT(batch->events.size(), 10'000u);
  for (const AuditEvent& event : batch->events) {
    nlohmann::json record = nlohmann::json::parse(event.raw.text);
    std::vector<std::string> wanted, got;
    for (size_t i = 0; i < predicates.size(); ++i) {
      if (NaiveMatches(predicates[i], record)) {
        wanted.push_back(loaded.rules->rules()[i].title);
      }
    }
    for (const Rule* rule :
         matcher.Match(event, RuleMatcher::Request::kFirstWithStatus)) {
      got.push_back(rule->title);
      ++counts[rule->title];
    }
    ASSERT_EQ(got, wanted) << event.raw.text.substr(0, 2000);
    // The same event as text of which nothing is decoded.
    ASSERT_EQ(matcher.Match(event.raw).size(), wanted.size());
  }
  EXPECT_GE(counts.size(), 12u);
  for (const auto& [title, count] : counts) {
    std::printf("%6d  %s\n", count, title.c_str());
  }
}

}  // namespace
}  // namespace oddverb
