#include "app/rule_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

namespace fs = std::filesystem;

std::string SigmaRule(const std::string& title) {
  return "title: " + title +
         "\nlogsource: {product: kubernetes, service: audit}\n"
         "detection:\n  sel: {verb: get}\n  condition: sel\n";
}

std::string FalcoRule(const std::string& title) {
  return "- rule: " + title +
         "\n  desc: d\n  condition: ka.verb = get\n  output: o\n"
         "  priority: INFO\n  source: k8s_audit\n";
}

std::vector<std::string> Complaints(const RuleFiles& files) {
  std::vector<std::string> all = RuleErrors(files);
  for (std::string& warning : RuleWarnings(files)) {
    all.push_back(std::move(warning));
  }
  return all;
}

std::vector<std::string> TitlesOf(const RuleFiles& files) {
  std::vector<std::string> titles;
  for (const Rule& rule : files.loaded.rules->rules()) {
    titles.push_back(rule.title);
  }
  return titles;
}

class RuleFilesTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    return folder_.Write(name, text);
  }
  std::string Root() const { return folder_.path("r"); }

  TempFolder folder_;
};

TEST_F(RuleFilesTest, FoldersAreReadWithTheirSubFoldersInTheOrderOfNames) {
  Write("r/c.yml", SigmaRule("last"));
  Write("r/a.yaml", SigmaRule("first"));
  Write("r/b/inner.yml", SigmaRule("middle"));
  RuleFiles files = LoadRuleFiles({.paths = {Root()}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("first", "middle", "last"));
  EXPECT_EQ(files.files, 3u);
  EXPECT_FALSE(files.has_errors());
  EXPECT_THAT(Complaints(files), IsEmpty());
}

TEST_F(RuleFilesTest, SigmaAndFalcoAreToldApartByTheirText) {
  Write("r/falco.yaml", FalcoRule("F"));
  Write("r/sigma.yml", SigmaRule("S"));
  RuleFiles files = LoadRuleFiles({.paths = {Root()}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("S", "F"));
  EXPECT_EQ(files.loaded.rules->rules()[1].language, RuleLanguage::kFalco);
}

TEST_F(RuleFilesTest, OnlyAFileThatIsNamedMayHaveAnotherEnding) {
  Write("r/README.md", "no rule");
  std::string named = Write("r/rules.txt", SigmaRule("named"));
  Write("r/rules.yml", SigmaRule("found"));
  EXPECT_THAT(TitlesOf(LoadRuleFiles({.paths = {Root()}})),
              ElementsAre("found"));
  EXPECT_THAT(TitlesOf(LoadRuleFiles({.paths = {named, Root()}})),
              ElementsAre("named", "found"));
}

// As the kubelet mounts a ConfigMap.
TEST_F(RuleFilesTest, AConfigMapIsReadOnce) {
  Write("r/..2026_01_01/a.yml", SigmaRule("a"));
  fs::create_directory_symlink("..2026_01_01", Root() + "/..data");
  fs::create_symlink("..data/a.yml", Root() + "/a.yml");
  RuleFiles files = LoadRuleFiles({.paths = {Root()}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("a"));
  EXPECT_THAT(Complaints(files), IsEmpty());
}

TEST_F(RuleFilesTest, LinksThatLeadBackAreFollowedOnce) {
  std::string path = Write("r/in/a.yml", SigmaRule("a"));
  fs::create_directory_symlink("..", Root() + "/in/up");
  fs::create_symlink("a.yml", Root() + "/in/b.yml");
  RuleFiles files = LoadRuleFiles({.paths = {Root(), path}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("a"));
  EXPECT_THAT(Complaints(files), IsEmpty());
}

TEST_F(RuleFilesTest, ABrokenRuleIsToldWithItsPlaceAndCostsNoOther) {
  Write("r/a.yml", SigmaRule("good") + "---\n" +
                       "title: bad\nlogsource: {product: kubernetes}\n"
                       "detection:\n  sel: {verb: get}\n  condition: sell\n");
  Write("r/b.yml", "title: [\n");
  Write("r/c.yml", SigmaRule("also good"));
  RuleFiles files = LoadRuleFiles({.paths = {Root()}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("good", "also good"));
  EXPECT_TRUE(files.has_errors());
  EXPECT_EQ(files.loaded.refused, 2u);
  EXPECT_THAT(
      Complaints(files),
      ElementsAre(AllOf(StartsWith(Root() + "/a.yml:11:14: error: "),
                        HasSubstr("did you mean \"sel\""), HasSubstr("\n    ")),
                  StartsWith(Root() + "/b.yml:2:1: error: ")));
}

TEST_F(RuleFilesTest, WhatCannotBeReadIsToldAndCostsNothingElse) {
  Write("r/good.yml", SigmaRule("good"));
  fs::create_symlink("nowhere", Root() + "/dangling.yml");
  ASSERT_EQ(mkfifo((Root() + "/pipe.yml").c_str(), 0600), 0);
  RuleFiles files = LoadRuleFiles({.paths = {folder_.path("absent"), Root()}});
  EXPECT_THAT(TitlesOf(files), ElementsAre("good"));
  EXPECT_TRUE(files.has_errors());
  EXPECT_THAT(
      files.unreadable.lines(),
      ElementsAre(folder_.path("absent") + ": there is no such file or folder",
                  Root() + "/dangling.yml: there is no such file or folder",
                  StartsWith(Root() + "/pipe.yml: is no file")));
}

TEST_F(RuleFilesTest, AFolderWithoutRulesIsTold) {
  fs::create_directories(Root());
  RuleFiles files = LoadRuleFiles({.paths = {Root()}});
  EXPECT_FALSE(files.has_errors());
  EXPECT_TRUE(files.loaded.rules->rules().empty());
  EXPECT_THAT(Complaints(files), ElementsAre(HasSubstr("holds no rules")));
}

TEST_F(RuleFilesTest, OneLoadIsBounded) {
  struct Case {
    RuleFileLimits limits;
    std::string complaint;
  };
  for (int i = 0; i < 4; ++i) {
    Write("r/" + std::to_string(i) + ".yml", SigmaRule(std::to_string(i)));
  }
  Write("r/5/6/7.yml", SigmaRule("7"));
  const std::vector<Case> cases = {
      {{.files = 3}, "/3.yml: not read, nor what comes after it: more than 3"},
      {{.bytes = 270}, "/2.yml: not read"},
      {{.depth = 1}, "/5/6: not read, nor what comes after it: more than 1"},
  };
  for (const Case& c : cases) {
    RuleFiles files =
        LoadRuleFiles({.paths = {Root(), Root()}}, {}, {}, c.limits);
    EXPECT_THAT(files.unreadable.lines(), ElementsAre(HasSubstr(c.complaint)));
    EXPECT_FALSE(files.loaded.rules->rules().empty());
  }
  EXPECT_THAT(Complaints(LoadRuleFiles({.paths = {Root()}})), IsEmpty());
}

TEST_F(RuleFilesTest, NamesOfFilesCannotSteerTheTerminal) {
  RuleFiles files = LoadRuleFiles({.paths = {folder_.path("\x1b[2J.yml")}});
  EXPECT_THAT(Complaints(files), ElementsAre(HasSubstr("\\x1b[2J")));
}

}  // namespace
}  // namespace oddverb
