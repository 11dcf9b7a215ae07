// Random conditions on random events, against an evaluator that is written
// from the description of Falco's language alone and knows no predicates.
//
// Long because: the generator and what it holds its conditions against belong
// side by side.
#include <fnmatch.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

using nlohmann::json;
using Values = std::vector<std::string>;

class RandomFalco {
 public:
  explicit RandomFalco(uint32_t seed) : engine_(seed) {}
  size_t Below(size_t n) { return engine_() % n; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <class T>
  const T& Of(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

 private:
  std::mt19937 engine_;
};

const Values kFalcoWords = {"get",  "list", "pods", "a",   "ab",      "b/c",
                            "/a/b", "Ab",   "x*y",  "403", "default", "1000"};

// What a field has, no values = absent.
struct NaiveField {
  std::string name;
  bool is_list = false;
  std::function<Values(const json&)> read;
};

std::string TextOf(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::function<Values(const json&)> At(const std::string& pointer) {
  return [pointer](const json& event) -> Values {
    json::json_pointer at(pointer);
    if (!event.contains(at)) return {};
    return {TextOf(event[at])};
  };
}

std::function<Values(const json&)> Items(const std::string& pointer) {
  return [pointer](const json& event) {
    Values values;
    json::json_pointer at(pointer);
    if (!event.contains(at) || !event[at].is_array()) return values;
    for (const json& item : event[at]) values.push_back(TextOf(item));
    return values;
  };
}

Values ImagesOf(const json& event) {
  Values images;
  json::json_pointer at("/requestObject/spec/containers");
  if (!event.contains(at)) return {};
  for (const json& container : event[at]) {
    if (!container.contains("image")) return {};
    images.push_back(container["image"]);
  }
  return images;
}

Values PrivilegedOf(const json& event) {
  Values values;
  json::json_pointer at("/requestObject/spec/containers");
  if (!event.contains(at)) return {};
  for (const json& container : event[at]) {
    json::json_pointer below("/securityContext/privileged");
    if (container.contains(below)) values.push_back(TextOf(container[below]));
  }
  return values;
}

const std::vector<NaiveField>& NaiveFields() {
  static const auto& fields = *new std::vector<NaiveField>{
      {"ka.verb", false, At("/verb")},
      {"ka.uri", false, At("/requestURI")},
      {"ka.user.name", false, At("/user/username")},
      {"ka.target.name", false, At("/objectRef/name")},
      {"ka.target.resource", false, At("/objectRef/resource")},
      {"ka.response.code", false, At("/responseStatus/code")},
      {"jevt.value[/objectRef/namespace]", false, At("/objectRef/namespace")},
      {"jevt.value[/requestObject/spec/x]", false, At("/requestObject/spec/x")},
      {"ka.req.service.type", false, At("/requestObject/spec/type")},
      {"ka.user.groups", true, Items("/user/groups")},
      {"ka.req.role.rules", true, Items("/requestObject/rules")},
      {"ka.req.pod.containers.image", true, ImagesOf},
      {"ka.req.pod.containers.privileged", true, PrivilegedOf},
  };
  return fields;
}

struct Expression {
  std::string text;
  std::function<bool(const json&)> holds;
};

std::string QuotedFalco(const std::string& word) { return "\"" + word + "\""; }

using Compare = std::function<bool(const std::string&, const std::string&)>;
struct NaiveOperator {
  std::string name;
  Compare holds;
};

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

bool IsPathPrefix(const std::string& path, const std::string& prefix) {
  auto split = [](const std::string& text) {
    Values parts;
    std::string part;
    for (char c : text + "/") {
      if (c != '/') {
        part += c;
      } else if (!part.empty()) {
        parts.push_back(std::exchange(part, ""));
      }
    }
    return parts;
  };
  Values of_path = split(path), of_prefix = split(prefix);
  if (of_prefix.size() > of_path.size()) return false;
  for (size_t i = 0; i < of_prefix.size(); ++i) {
    if (fnmatch(of_prefix[i].c_str(), of_path[i].c_str(), 0) != 0) return false;
  }
  return true;
}

const std::vector<NaiveOperator>& TextOperators() {
  using S = const std::string&;
  static const auto& operators = *new std::vector<NaiveOperator>{
      {"=", [](S a, S b) { return a == b; }},
      {"!=", [](S a, S b) { return a != b; }},
      {"contains", [](S a, S b) { return a.find(b) != a.npos; }},
      {"icontains", [](S a, S b) { return Lower(a).find(Lower(b)) != a.npos; }},
      {"startswith", [](S a, S b) { return a.rfind(b, 0) == 0; }},
      {"endswith",
       [](S a, S b) {
         return a.size() >= b.size() && a.substr(a.size() - b.size()) == b;
       }},
      {"glob", [](S a, S b) { return fnmatch(b.c_str(), a.c_str(), 0) == 0; }},
      {"iglob",
       [](S a, S b) {
         return fnmatch(Lower(b).c_str(), Lower(a).c_str(), 0) == 0;
       }},
      {"regex", [](S a, S b) { return std::regex_match(a, std::regex(b)); }},
  };
  return operators;
}

const Values kFalcoPatterns = {"a*",  "*b",  "?", "[a-c]*", "*[!x]", "/a/*",
                               "x?y", "get", "*", "A*",     "[g]et"};
const Values kFalcoRegexes = {"a.*", "get|list", "[0-9]+", "",
                              ".*",  "/a(/b)?",  "A?b*"};

class Generator {
 public:
  explicit Generator(RandomFalco& random) : random_(random) {}

  Expression Any(int depth) {
    switch (depth == 0 ? 0 : random_.Below(4)) {
      case 1: {
        Expression inner = Any(depth - 1);
        return {"not (" + inner.text + ")",
                [inner](const json& e) { return !inner.holds(e); }};
      }
      case 2:
        return Joined(depth, true);
      case 3:
        return Joined(depth, false);
      default:
        return Check();
    }
  }

 private:
  Expression Joined(int depth, bool is_and) {
    Expression a = Any(depth - 1), b = Any(depth - 1);
    return {"(" + a.text + (is_and ? " and " : " or ") + b.text + ")",
            [a, b, is_and](const json& e) {
              return is_and ? a.holds(e) && b.holds(e)
                            : a.holds(e) || b.holds(e);
            }};
  }

  Expression Check() {
    NaiveField field = random_.Of(NaiveFields());
    if (random_.OneIn(10)) {
      return {field.name + " exists",
              [field](const json& e) { return !field.read(e).empty(); }};
    }
    if (field.is_list) return random_.OneIn(5) ? Length(field) : Set(field);
    switch (random_.Below(7)) {
      case 0:
        return Set(field);
      case 1:
        return Order(field);
      case 2:
        return Paths(field);
      case 3:
        return Modified(field);
      case 4:
        return Upper(field);
      case 5:
        return Fields(field);
      default:
        return Texts(field);
    }
  }

  Expression Texts(const NaiveField& field) {
    const NaiveOperator& op = random_.Of(TextOperators());
    bool is_glob = op.name == "glob" || op.name == "iglob";
    std::string word = is_glob              ? random_.Of(kFalcoPatterns)
                       : op.name == "regex" ? random_.Of(kFalcoRegexes)
                                            : random_.Of(kFalcoWords);
    return {field.name + " " + op.name + " " + QuotedFalco(word),
            [field, op, word](const json& e) {
              Values values = field.read(e);
              return !values.empty() && op.holds(values[0], word);
            }};
  }

  Expression Upper(const NaiveField& field) {
    std::string word = random_.Of(kFalcoWords);
    return {"tolower(" + field.name + ") = " + QuotedFalco(word),
            [field, word](const json& e) {
              Values values = field.read(e);
              return !values.empty() && Lower(values[0]) == word;
            }};
  }

  Expression Fields(const NaiveField& field) {
    NaiveField other = random_.Of(NaiveFields());
    if (other.is_list) return Texts(field);
    bool is_equal = random_.OneIn(2);
    return {
        field.name + (is_equal ? " = " : " != ") + "val(" + other.name + ")",
        [field, other, is_equal](const json& e) {
          Values a = field.read(e), b = other.read(e);
          return !a.empty() && !b.empty() && (a[0] == b[0]) == is_equal;
        }};
  }

  Expression Length(const NaiveField& field) {
    size_t length = random_.Below(3);
    return {"len(" + field.name + ") > " + std::to_string(length),
            [field, length](const json& e) {
              Values values = field.read(e);
              return !values.empty() && values.size() > length;
            }};
  }

  Expression Order(const NaiveField& field) {
    int sign = random_.OneIn(2) ? 1 : -1;
    bool or_equal = random_.OneIn(2);
    std::string op = sign > 0 ? ">" : "<";
    std::string number = random_.OneIn(2) ? "403" : "1000";
    return {field.name + " " + op + (or_equal ? "= " : " ") + number,
            [=](const json& e) {
              Values values = field.read(e);
              if (values.empty()) return false;
              int order = values[0].compare(number);
              return order == 0 ? or_equal : (order > 0) == (sign > 0);
            }};
  }

  Values Words() {
    Values words;
    for (size_t i = random_.Below(4); i > 0; --i) {
      words.push_back(random_.Of(kFalcoWords));
    }
    return words;
  }
  static std::string ListOf(const Values& words) {
    std::string text = "(";
    for (const std::string& word : words) {
      if (text.size() > 1) text += ", ";
      text += QuotedFalco(word);
    }
    return text + ")";
  }

  Expression Set(const NaiveField& field) {
    Values words = Words();
    bool every = random_.OneIn(2);
    return {field.name + (every ? " in " : " intersects ") + ListOf(words),
            [field, words, every](const json& e) {
              Values values = field.read(e);
              auto is_word = [&](const std::string& value) {
                return std::find(words.begin(), words.end(), value) !=
                       words.end();
              };
              if (values.empty()) return false;
              return every ? std::all_of(values.begin(), values.end(), is_word)
                           : std::any_of(values.begin(), values.end(), is_word);
            }};
  }

  Expression Paths(const NaiveField& field) {
    Values paths;
    for (size_t i = 1 + random_.Below(2); i > 0; --i) {
      paths.push_back(
          random_.Of(Values{"/", "/a", "a", "/a/b", "/*", "b/?", "/a/[bc]/"}));
    }
    return {field.name + " pmatch " + ListOf(paths),
            [field, paths](const json& e) {
              Values values = field.read(e);
              return !values.empty() &&
                     std::any_of(paths.begin(), paths.end(),
                                 [&](const std::string& path) {
                                   return IsPathPrefix(values[0], path);
                                 });
            }};
  }

  Expression Modified(const NaiveField& field) {
    const NaiveOperator& op = TextOperators()[random_.Below(6)];
    std::string modifier = random_.Of(Values{"oneof", "anyof", "allof"});
    Values words = Words();
    return {field.name + " " + op.name + " " + modifier + " " + ListOf(words),
            [=](const json& e) {
              Values values = field.read(e);
              if (values.empty() || words.empty()) return false;
              auto count = std::count_if(words.begin(), words.end(),
                                         [&](const std::string& word) {
                                           return op.holds(values[0], word);
                                         });
              return modifier == "oneof"   ? count == 1
                     : modifier == "anyof" ? count > 0
                                           : count == std::ssize(words);
            }};
  }

  RandomFalco& random_;
};

json RandomFalcoEvent(RandomFalco& random) {
  json event = {{"kind", "Event"},
                {"apiVersion", "audit.k8s.io/v1"},
                {"auditID", "id"},
                {"stage", "ResponseComplete"},
                {"verb", random.Of(kFalcoWords)},
                {"requestURI", random.Of(kFalcoWords)},
                {"user", {{"username", random.Of(kFalcoWords)}}}};
  for (size_t i = random.Below(4); i > 0; --i) {
    event["user"]["groups"].push_back(random.Of(kFalcoWords));
  }
  for (const char* key : {"resource", "namespace", "name"}) {
    if (!random.OneIn(3)) event["objectRef"][key] = random.Of(kFalcoWords);
  }
  if (!random.OneIn(3)) {
    event["responseStatus"]["code"] = random.OneIn(2) ? 403 : 201;
  }
  if (random.OneIn(3)) return event;
  json& body = event["requestObject"];
  for (const char* key : {"x", "type"}) {
    if (random.OneIn(2)) continue;
    body["spec"][key] = random.OneIn(2) ? json(random.Of(kFalcoWords))
                                        : json::array({1, nullptr, true});
  }
  for (size_t i = random.Below(3); i > 0; --i) {
    body["rules"].push_back(random.OneIn(2) ? json(random.Of(kFalcoWords))
                                            : json{{"k", 1.5}});
  }
  for (size_t i = random.Below(3); i > 0; --i) {
    json container = json::object();
    if (!random.OneIn(4)) container["image"] = random.Of(kFalcoWords);
    if (random.OneIn(2)) {
      container["securityContext"]["privileged"] = random.OneIn(2);
    }
    body["spec"]["containers"].push_back(container);
  }
  return event;
}

TEST(FalcoPropertyTest, AgreesWithANaiveEvaluator) {
  size_t checked = 0, held = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    RandomFalco random(seed);
    std::vector<Expression> expressions;
    std::string text;
    for (int i = 0; i < 60; ++i) {
      expressions.push_back(Generator(random).Any(3));
      text += FalcoRuleOf(expressions.back().text, std::to_string(i));
    }
    LoadedRules loaded = LoadFalco(text);
    ASSERT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
    ASSERT_EQ(loaded.rules->rules().size(), expressions.size());
    RuleMatcher matcher(loaded.rules);
    for (int i = 0; i < 40; ++i) {
      json event = RandomFalcoEvent(random);
      std::string line = event.dump();
      std::unique_ptr<EventBatch> batch = DecodeLines(line + "\n");
      ASSERT_EQ(batch->events.size(), 1u) << line;
      std::vector<bool> matched(expressions.size());
      for (const Rule* rule : matcher.Match(
               batch->events[0], RuleMatcher::Request::kFirstWithStatus)) {
        matched[std::stoul(rule->title)] = true;
      }
      for (size_t k = 0; k < expressions.size(); ++k) {
        ++checked;
        held += matched[k];
        ASSERT_EQ(matched[k], expressions[k].holds(event))
            << "seed " << seed << "\n"
            << expressions[k].text << "\n"
            << line;
      }
      ASSERT_EQ(
          matcher.Match(RawJson{line}).size(),
          static_cast<size_t>(std::count(matched.begin(), matched.end(), true)))
          << line;
    }
  }
  EXPECT_GT(held, checked / 10);
  EXPECT_LT(held, checked * 9 / 10);
}

}  // namespace
}  // namespace oddverb
