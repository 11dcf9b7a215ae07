#include "app/service_rules.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string RuleText(const std::string& name, const std::string& condition) {
  return "title: T " + name + "\nname: " + name +
         "\nlogsource: {product: kubernetes, service: audit}\n"
         "detection:\n  sel: {verb: get}\n  condition: " +
         condition + "\n";
}

class ServiceRulesTest : public ::testing::Test {
 protected:
  ServiceRulesTest() : logger_({}, clock_, log_) {
    folder_.Write("r/a.yml", RuleText("a", "sel"));
    folder_.Write("r/b.yml", RuleText("b", "sel"));
    config_.paths = {folder_.path("r")};
  }

  std::unique_ptr<ServiceRules> Started() {
    auto made = ServiceRules::Make(config_, logger_);
    EXPECT_THAT(made, IsOk());
    return made.ok() ? *std::move(made) : nullptr;
  }
  // The names of what is in force, each with a blank behind it.
  static std::string InForce(const ServiceRules& rules) {
    std::string names;
    for (const Rule& rule : rules.live()->Get()->rules->rules()) {
      names += rule.name + " ";
    }
    return names;
  }
  // OK, or why not.
  absl::Status Reload(ServiceRules& rules) {
    absl::StatusOr<RuleFiles> next = rules.Prepare(config_);
    if (next.ok()) rules.Apply(*std::move(next));
    return next.status();
  }
  static std::string MetricsOf(const ServiceRules& rules) {
    Metrics metrics({});
    rules.FillMetrics(metrics);
    return metrics.Serialize();
  }

  TempFolder folder_;
  RulesConfig config_;
  SystemClock clock_;
  std::ostringstream log_;
  Logger logger_;
};

TEST_F(ServiceRulesTest, AReloadPutsOtherRulesInForce) {
  std::unique_ptr<ServiceRules> rules = Started();
  EXPECT_EQ(InForce(*rules), "a b ");
  folder_.Write("r/c.yml", RuleText("c", "sel"));
  folder_.Write("r/a.yml", RuleText("other", "sel"));
  EXPECT_THAT(Reload(*rules), IsOk());
  EXPECT_EQ(InForce(*rules), "other b c ");
  config_.selection.disable = {"b"};
  EXPECT_THAT(Reload(*rules), IsOk());
  EXPECT_EQ(InForce(*rules), "other c ");
  EXPECT_THAT(MetricsOf(*rules),
              AllOf(HasSubstr("oddverb_rules{state=\"in_force\"} 2\n"),
                    HasSubstr("oddverb_rules{state=\"off\"} 1\n"),
                    HasSubstr("oddverb_rule_load_failures_total 0\n")));
}

TEST_F(ServiceRulesTest, AStartLeavesOutWhatIsBrokenAndTellsIt) {
  folder_.Write("r/b.yml", RuleText("b", "sell"));
  config_.paths.push_back(folder_.path("absent"));
  std::unique_ptr<ServiceRules> rules = Started();
  EXPECT_EQ(InForce(*rules), "a ");
  EXPECT_THAT(log_.str(), AllOf(HasSubstr("b.yml:6:14: error: "),
                                HasSubstr("absent: there is no such file"),
                                HasSubstr("1 rule of 2 files, 1 refused")));
  EXPECT_THAT(MetricsOf(*rules),
              AllOf(HasSubstr("oddverb_rules{state=\"refused\"} 1\n"),
                    HasSubstr("oddverb_rule_load_failures_total 1\n")));
}

TEST_F(ServiceRulesTest, StrictRefusesTheStartAndTheReload) {
  config_.strict = true;
  std::unique_ptr<ServiceRules> rules = Started();
  folder_.Write("r/new.yml", RuleText("new", "sell"));
  EXPECT_THAT(Reload(*rules), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("new.yml:6:14: error: ")));
  EXPECT_EQ(InForce(*rules), "a b ");
  EXPECT_THAT(
      ServiceRules::Make(config_, logger_).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\n    ")));
}

TEST_F(ServiceRulesTest, AReloadThatWouldLoseARuleChangesNothing) {
  std::unique_ptr<ServiceRules> rules = Started();
  folder_.Write("r/a.yml", RuleText("other", "sel"));
  folder_.Write("r/b.yml", RuleText("b", "sell"));
  EXPECT_THAT(
      Reload(*rules),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("a rule in force would be lost: \"b\"\n"),
                     HasSubstr("b.yml:6:14: error: no selection"))));
  EXPECT_EQ(InForce(*rules), "a b ");
  EXPECT_THAT(MetricsOf(*rules),
              HasSubstr("oddverb_rule_load_failures_total 1\n"));
}

TEST_F(ServiceRulesTest, ARuleThatWasNeverInForceMayStayBroken) {
  folder_.Write("r/b.yml", RuleText("b", "sell"));
  std::unique_ptr<ServiceRules> rules = Started();
  folder_.Write("r/c.yml", RuleText("c", "sel"));
  EXPECT_THAT(Reload(*rules), IsOk());
  EXPECT_EQ(InForce(*rules), "a c ");
}

TEST_F(ServiceRulesTest, AReloadThatCannotReadAPathChangesNothing) {
  std::unique_ptr<ServiceRules> rules = Started();
  config_.paths.push_back(folder_.path("absent"));
  folder_.Write("r/c.yml", RuleText("c", "sel"));
  EXPECT_THAT(Reload(*rules),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("not all files could be read"),
                             HasSubstr("absent: there is no such file"))));
  EXPECT_EQ(InForce(*rules), "a b ");
}

TEST_F(ServiceRulesTest, AReloadWithoutAnyUsableRuleChangesNothing) {
  config_.paths = {folder_.path("r/a.yml")};
  std::unique_ptr<ServiceRules> rules = Started();
  // Under other names, so that no rule in force is broken.
  folder_.Write("q/x.yml", RuleText("x", "sell"));
  config_.paths = {folder_.path("q")};
  EXPECT_THAT(Reload(*rules), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("no rule could be used")));
  EXPECT_EQ(InForce(*rules), "a ");
}

TEST_F(ServiceRulesTest, RulesMayAllBeTakenAway) {
  std::unique_ptr<ServiceRules> rules = Started();
  config_.paths.clear();
  EXPECT_THAT(Reload(*rules), IsOk());
  EXPECT_EQ(InForce(*rules), "");
}

TEST_F(ServiceRulesTest, TheLogIsNotFilledByAPackOfNonsense) {
  for (int i = 0; i < 200; ++i) {
    folder_.Write("r/bad" + std::to_string(i) + ".yml", "- nonsense\n");
  }
  Started();
  std::string log = log_.str();
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 30);
  EXPECT_THAT(log, HasSubstr("more problems"));
}

TEST_F(ServiceRulesTest, NamesThatNoRuleHasAreToldWithThePlaceOfTheKey) {
  config_.place = "c.yaml:7:3";
  config_.selection.disable = {"bb"};
  Started();
  EXPECT_THAT(log_.str(), AllOf(HasSubstr("c.yaml:7:3: warning: disable: "),
                                Not(HasSubstr("error"))));
}

}  // namespace
}  // namespace oddverb
