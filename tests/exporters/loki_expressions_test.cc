// The LogQL of dashboards and alerts. There is no Loki in Debian 12, so nothing
// is run: the expressions are held against the part of the grammar that they
// use, and what they ask of a finding against its schema.
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "exporters/finding_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/promql_text.h"
#include "tests/support/shipped_rules.h"

namespace oddverb {
namespace {

using nlohmann::json;

std::vector<ShippedQuery> LokiQueries() {
  std::vector<ShippedQuery> found;
  for (const auto& queries : {DashboardQueries(), GrafanaAlertQueries()}) {
    for (const ShippedQuery& query : queries) {
      if (query.language != ShippedQuery::Language::kLogQl) continue;
      found.push_back(query);
      found.back().expression = WithoutVariables(query.expression);
    }
  }
  return found;
}

// Every match of the first group.
std::vector<std::string> AllOf(const std::string& text, const char* pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end;
       ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

constexpr char kString[] = R"re("(?:[^"\\]|\\.)*")re";

// stream { | stage }, alone or counted over a time and summed up.
std::regex Grammar() {
  const std::string text = kString;
  const std::string stream = R"(\{\w+=)" + text + R"(\})";
  const std::string fields = R"(\w+=)" + text + R"((?:, \w+=)" + text + ")*";
  const std::string stage = R"( \| (?:(?:json|logfmt) )" + fields +
                            R"(|\w+(?:=~|!~|!=|=))" + text + "|line_format " +
                            text + ")";
  const std::string log = stream + "(?:" + stage + ")*";
  const std::string count = R"(count_over_time\()" + log + R"( \[\d+[smh]\]\))";
  const std::string sum =
      R"(sum(?: by \(\w+(?:, \w+)*\) )?\()" + count + R"(\))";
  const std::string top = R"(topk\(\d+, )" + sum + R"(\))";
  return std::regex(log + "|" + sum + "|" + top);
}

TEST(LokiExpressionsTest, AreLogQlAsFarAsCanBeSaidWithoutALoki) {
  const std::regex grammar = Grammar();
  std::vector<ShippedQuery> queries = LokiQueries();
  EXPECT_GE(queries.size(), 8u);
  for (const ShippedQuery& query : queries) {
    EXPECT_TRUE(std::regex_match(query.expression, grammar))
        << query.where << ": " << query.expression;
  }
  // It can say no, too.
  for (const char* bad :
       {"{container=oddverb}", "{container=\"oddverb\"} |",
        "{container=\"oddverb\"} | json rule=\"rule\" severity=\"severity\"",
        "sum(count_over_time({container=\"oddverb\"} [5m])",
        "sum(count_over_time({container=\"oddverb\"}))"}) {
    EXPECT_FALSE(std::regex_match(bad, grammar)) << bad;
  }
}

TEST(LokiExpressionsTest, TakeOnlyKeysThatAFindingHas) {
  const json schema = json::parse(FindingSchemaJson(), /*cb=*/nullptr, false);
  for (const ShippedQuery& query : LokiQueries()) {
    if (query.expression.find("| json ") == std::string::npos) continue;
    const std::string stage =
        AllOf(query.expression, R"(\| json ([^|]*) \|)").at(0);
    for (const std::string& path : AllOf(stage, R"re(\w+="([^"]*)")re")) {
      const json* at = &schema;
      for (const std::string& key : AllOf(path, R"((\w+))")) {
        ASSERT_TRUE(at->contains("properties")) << query.where << ": " << path;
        ASSERT_TRUE((*at)["properties"].contains(key))
            << query.where << ": " << path;
        at = &(*at)["properties"][key];
      }
    }
  }
}

TEST(LokiExpressionsTest, UseOnlyLabelsThatTheyTookBefore) {
  for (const ShippedQuery& query : LokiQueries()) {
    SCOPED_TRACE(query.where + ": " + query.expression);
    std::set<std::string> taken, used;
    for (const std::string& stage :
         AllOf(query.expression, R"(\| (?:json|logfmt) ([^|]*))")) {
      for (const std::string& label : AllOf(stage, R"re((\w+)=")re")) {
        taken.insert(label);
      }
    }
    for (const char* pattern :
         {R"re(\| (\w+)(?:=~|!~|!=|=)")re", R"re(\{\{\.(\w+)\}\})re"}) {
      for (const std::string& label : AllOf(query.expression, pattern)) {
        used.insert(label);
      }
    }
    for (const std::string& by : AllOf(query.expression, R"(by \(([^)]*)\))")) {
      for (const std::string& label : AllOf(by, R"((\w+))")) {
        used.insert(label);
      }
    }
    used.insert(query.labels.begin(), query.labels.end());
    EXPECT_FALSE(used.empty());
    for (const std::string& label : used) {
      EXPECT_EQ(taken.count(label), 1u) << label;
    }
  }
}

}  // namespace
}  // namespace oddverb
