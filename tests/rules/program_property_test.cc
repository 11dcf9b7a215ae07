// Programs and the index against a naive evaluator, on random predicates and
// random events. A failure names its seed.
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "rules/rule_set.h"
#include "tests/support/decoded_text.h"
#include "tests/support/naive_rules.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;

// Few fields and few values, so that tests hit and miss about equally.
const std::vector<std::string> kJsonFields = {"a", "b",   "a.b", "a.b.c",
                                              "d", "d.e", "f"};
const std::vector<std::string> kEventFields = {
    "verb",
    "objectRef.resource",
    "objectRef.subresource",
    "objectRef.namespace",
    "objectRef.name",
    "responseStatus.code",
    "user.groups",
    "user.username",
    "sourceIPs",
    "requestURI",
    "requestObject.x",
    "requestObject.list.y",
    "annotations.authorization.k8s.io/decision",
    "annotations.k.l",
    "nothing"};
const std::vector<std::string> kTexts = {
    "",    "x",    "X",       "xy",       "yx1",      "pods",     "secrets",
    "1",   "2.50", "403",     "true",     "null",     "äß",       "ÄSS",
    "*",   "a\\b", "default", "10.1.2.3", "10.9.9.9", "get",      "list",
    "1e2", "-7",   "allow",   "forbid",   "create",   "/api/v1/x"};

class RandomPrograms {
 public:
  explicit RandomPrograms(uint32_t seed) : engine_(seed) {}
  size_t Below(size_t n) { return engine_() % n; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  const std::string& Of(const std::vector<std::string>& list) {
    return list[Below(list.size())];
  }

 private:
  std::mt19937 engine_;
};

json RandomScalar(RandomPrograms& random) {
  switch (random.Below(8)) {
    case 0:
      return nullptr;
    case 1:
      return random.OneIn(2);
    case 2:
      return static_cast<int>(random.Below(5)) - 2;
    case 3:
      return 403;
    case 4:
      return 2.5;
    default:
      return random.Of(kTexts);
  }
}

json RandomJson(RandomPrograms& random, int depth) {
  size_t kind = depth == 0 ? 0 : random.Below(5);
  if (kind < 2) return RandomScalar(random);
  if (kind == 2) {
    json list = json::array();
    for (size_t i = random.Below(4); i > 0; --i) {
      list.push_back(RandomJson(random, depth - 1));
    }
    return list;
  }
  static const std::vector<std::string> keys = {"a", "b",   "c",   "d",
                                                "e", "a.b", "b.c", "f"};
  json object = json::object();
  for (size_t i = random.Below(5); i > 0; --i) {
    object[random.Of(keys)] = RandomJson(random, depth - 1);
  }
  return object;
}

json RandomEvent(RandomPrograms& random) {
  auto text = [&] {
    std::string picked = random.Of(kTexts);
    return picked.empty() ? "e" : picked;  // the API server omits empty ones
  };
  json event = {{"kind", "Event"},
                {"apiVersion", "audit.k8s.io/v1"},
                {"auditID", "id"},
                {"stage", "ResponseComplete"},
                {"verb", text()},
                {"requestURI", "/" + text() + "?q=" + text()},
                {"user", {{"username", text()}, {"groups", json::array()}}}};
  for (size_t i = random.Below(4); i > 0; --i) {
    event["user"]["groups"].push_back(text());
    event["sourceIPs"].push_back(text());
  }
  if (event["user"]["groups"].empty()) event["user"].erase("groups");
  for (const char* key : {"resource", "namespace", "name", "subresource"}) {
    if (!random.OneIn(3)) event["objectRef"][key] = text();
  }
  if (random.OneIn(2))
    event["responseStatus"]["code"] = random.OneIn(2) ? 403 : 1;
  if (random.OneIn(2)) {
    event["requestObject"] = {
        {"x", RandomJson(random, 2)},
        {"list",
         {{{"y", RandomScalar(random)}}, {{"y", RandomScalar(random)}}}}};
  }
  if (random.OneIn(2)) {
    event["annotations"]["authorization.k8s.io/decision"] =
        random.OneIn(2) ? "allow" : "forbid";
    event["annotations"]["k.l"] = random.Of(kTexts);
  }
  return event;
}

Predicate RandomPredicate(RandomPrograms& random,
                          const std::vector<std::string>& fields, int depth);

std::string RandomGlob(RandomPrograms& random) {
  static const std::vector<std::string> pieces = {"*", "?",   "x", "y", "o",
                                                  "s", "\\*", "ä", "1"};
  std::string glob;
  for (size_t i = 1 + random.Below(5); i > 0; --i) glob += random.Of(pieces);
  return glob;
}

Predicate RandomTest(RandomPrograms& random,
                     const std::vector<std::string>& fields, int depth) {
  static const std::vector<std::string> regexes = {"^x", "x$", "[0-9]+", "s.*s",
                                                   "o|y"};
  static const std::vector<std::string> networks = {"10.0.0.0/8", "10.1.2.3",
                                                    "10.1.0.0/16"};
  static const std::vector<std::string> numbers = {"1", "-1", "2.5", "403"};
  auto comparison = static_cast<Comparison>(
      random.Below(static_cast<size_t>(Comparison::kElement) + 1));
  if (random.OneIn(3)) comparison = Comparison::kEquals;
  Test test{.field = random.OneIn(12)
                         ? Field::Everything()
                         : *Field::Compile(random.Of(fields),
                                           Field::Brackets::kLiteral),
            .comparison = comparison};
  test.cased = random.OneIn(4);
  if (random.OneIn(6) && !ComparesFields(comparison) &&
      comparison != Comparison::kElement) {
    test.quantifier = Quantifier::kEvery;
  }
  if (comparison == Comparison::kElement) {
    static const std::vector<std::string> inner = {"a", "b", "y", "."};
    test.body = std::make_shared<const Predicate>(
        RandomPredicate(random, inner, std::min(depth, 1)));
    return Predicate::Of(test);
  }
  if (comparison == Comparison::kExists || comparison == Comparison::kNull) {
    return Predicate::Of(test);
  }
  for (size_t i = 1 + random.Below(3); i > 0; --i) {
    test.values.push_back(
        comparison == Comparison::kGlob    ? RandomGlob(random)
        : comparison == Comparison::kRegex ? random.Of(regexes)
        : comparison == Comparison::kCidr  ? random.Of(networks)
        : ComparesNumbers(comparison)      ? random.Of(numbers)
        : ComparesFields(comparison)       ? random.Of(fields)
                                           : random.Of(kTexts));
  }
  return Predicate::Of(test);
}

Predicate RandomPredicate(RandomPrograms& random,
                          const std::vector<std::string>& fields, int depth) {
  size_t kind = depth == 0 ? 0 : random.Below(6);
  if (kind < 2) return RandomTest(random, fields, depth);
  if (kind == 2) {
    return Predicate::Not(RandomPredicate(random, fields, depth - 1));
  }
  std::vector<Predicate> parts;
  for (size_t i = 1 + random.Below(4); i > 0; --i) {
    parts.push_back(RandomPredicate(random, fields, depth - 1));
  }
  return kind == 3 ? Predicate::Or(parts) : Predicate::And(parts);
}

std::shared_ptr<const RuleSet> RandomRules(
    RandomPrograms& random, const std::vector<std::string>& fields,
    size_t count) {
  std::vector<Rule> rules(count);
  for (Rule& rule : rules) rule.predicate = RandomPredicate(random, fields, 3);
  auto set = RuleSet::Build(std::move(rules));
  EXPECT_THAT(set, IsOk());
  return *std::move(set);
}

void ExpectSame(const RuleSet& set, std::span<const Rule* const> matches,
                const json& record, uint32_t seed) {
  std::vector<bool> matched(set.rules().size(), false);
  for (const Rule* rule : matches) {
    matched[static_cast<size_t>(rule - set.rules().data())] = true;
  }
  for (size_t i = 0; i < matched.size(); ++i) {
    const Predicate& predicate = set.rules()[i].predicate;
    ASSERT_EQ(matched[i], NaiveMatches(predicate, record))
        << "seed " << seed << "\n"
        << predicate.ToString() << "\n"
        << record.dump();
  }
}

TEST(ProgramPropertyTest, AgreesWithTheNaiveEvaluatorOnAnyJson) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    RandomPrograms random(seed);
    auto set = RandomRules(random, kJsonFields, 150);
    RuleMatcher matcher(set);
    for (int i = 0; i < 60; ++i) {
      json record = RandomJson(random, 4);
      if (!record.is_object()) continue;
      std::string text = record.dump();
      ExpectSame(*set, matcher.Match(RawJson{text}), record, seed);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(ProgramPropertyTest, AgreesWithTheNaiveEvaluatorOnAuditEvents) {
  size_t matched = 0;
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    RandomPrograms random(seed);
    auto set = RandomRules(random, kEventFields, 200);
    RuleMatcher matcher(set);
    for (int i = 0; i < 60; ++i) {
      json record = RandomEvent(random);
      std::unique_ptr<EventBatch> batch = DecodeLines(record.dump());
      ASSERT_EQ(batch->events.size(), 1u);
      auto matches = matcher.Match(batch->events[0],
                                   RuleMatcher::Request::kFirstWithStatus);
      matched += matches.size();
      ExpectSame(*set, matches, record, seed);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(matched, 10'000u);  // the comparison is of something
}

// As text of which nothing is decoded, with lists, nulls and empty texts where
// an audit event has none.
TEST(ProgramPropertyTest, AgreesWithTheNaiveEvaluatorOnOddEvents) {
  static const std::vector<std::string> fields(kEventFields.begin(),
                                               kEventFields.begin() + 6);
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    RandomPrograms random(seed);
    auto set = RandomRules(random, fields, 150);
    RuleMatcher matcher(set);
    for (int i = 0; i < 60; ++i) {
      json record = RandomEvent(random);
      record["verb"] = RandomJson(random, 2);
      record["objectRef"]["resource"] = RandomJson(random, 2);
      record["responseStatus"]["code"] = RandomJson(random, 1);
      std::string text = record.dump();
      ExpectSame(*set, matcher.Match(RawJson{text}), record, seed);
      if (HasFatalFailure()) return;
    }
  }
}

// The same tests put together in another order, with another nesting, are the
// same predicate.
TEST(ProgramPropertyTest, PredicatesAreCanonical) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    RandomPrograms random(seed);
    std::vector<Predicate> parts;
    for (int i = 0; i < 6; ++i) {
      parts.push_back(RandomTest(random, kJsonFields, 1));
    }
    using P = Predicate;
    const auto& p = parts;
    EXPECT_EQ(P::And({p[0], P::And({p[1], p[2]}), p[3]}),
              P::And({P::And({p[3], p[2]}), p[1], p[0], p[2]}));
    EXPECT_EQ(P::Or({p[0], P::Or({p[1], p[2]}), p[3]}),
              P::Or({P::Or({p[3], p[1]}), p[2], p[0]}));
    EXPECT_EQ(P::Not(P::And({p[0], P::Not(P::Or({p[1], p[4]}))})),
              P::Or({P::Not(p[0]), p[4], p[1]}));
    P any = P::And({P::Or({p[0], p[1]}), P::Or({P::Not(p[2]), p[5]})});
    EXPECT_EQ(P::Not(P::Not(any)), any);
    EXPECT_EQ(P::And({any, any, P::True()}), any);
    EXPECT_EQ(P::Or({any, P::False()}), any);
    EXPECT_EQ(P::And({p[0], P::Not(p[0])}), P::False());
    EXPECT_EQ(any.ToString() == p[0].ToString(), any == p[0]);
  }
}

}  // namespace
}  // namespace oddverb
