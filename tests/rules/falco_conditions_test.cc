// Falco's comparisons and logic, one row for each line of its language.
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

struct Row {
  std::string_view condition;
  std::string_view members;
  bool holds = true;
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(FalcoHolds(row.condition, row.members), row.holds)
        << row.condition << "\n"
        << row.members;
  }
}

constexpr std::string_view kGet =
    R"("verb":"get","requestURI":"/api/v1/Pods?x=1","user":{"username":"jane","groups":["dev","ops"]})";
constexpr std::string_view kNone = "";
constexpr std::string_view kImages =
    R"("requestObject":{"spec":{"containers":[{"image":"a:1"},{"image":"b@sha256:0"}]}})";

TEST(FalcoConditionTest, ComparesTexts) {
  Check({
      {"ka.verb = get", kGet},
      {"ka.verb == get", kGet},
      {"ka.verb=get", kGet},
      {"ka.verb = Get", kGet, false},
      {"ka.verb = \"get\"", kGet},
      {"ka.verb = 'get'", kGet},
      {"ka.verb != list", kGet},
      {"ka.verb != get", kGet, false},
      {"ka.uri contains v1/P", kGet},
      {"ka.uri contains v1/p", kGet, false},
      {"ka.uri icontains V1/pODS", kGet},
      {"ka.uri startswith /api", kGet},
      {"ka.uri startswith /API", kGet, false},
  });
}

TEST(FalcoConditionTest, TakesQuotedTextsWithEscapes) {
  Check({
      {"ka.uri endswith \"x=1\"", kGet},
      {R"(ka.user.name = "a\"b")", R"("user":{"username":"a\"b"})"},
      {R"(ka.user.name = 'a\'b')", R"("user":{"username":"a'b"})"},
      {R"(ka.user.name = "a\tb")", R"("user":{"username":"a\tb"})"},
      {R"(ka.user.name = "a\\b")", R"("user":{"username":"a\\b"})"},
      {"ka.uri contains \"\"", kGet},
      {"ka.uri contains \"\"", kNone, false},
      {"ka.uri = \"\"", kGet, false},
  });
}

TEST(FalcoConditionTest, MatchesPatterns) {
  Check({
      {"ka.uri glob \"/api/*\"", kGet},
      {"ka.uri glob \"/API/*\"", kGet, false},
      {"ka.uri iglob \"/API/*\"", kGet},
      {"ka.uri glob \"/api/v?/*\"", kGet},
      {"ka.uri glob \"/api/v[0-9]/*\"", kGet},
      {"ka.uri glob \"/api/v[!0-9]/*\"", kGet, false},
      {"ka.uri iglob \"/API/v[0-9]/*\"", kGet},
      {"ka.uri glob \"/api\"", kGet, false},
      {"ka.uri glob \"*[?]x=1\"", kGet},
      {R"(ka.uri glob "*\\?x=1")", kGet},
      {R"(ka.uri glob "/ap\\*")", kGet, false},
      {"ka.uri regex \"/api/.*\"", kGet},
      {"ka.uri regex \"api\"", kGet, false},  // of the whole text
      {"ka.verb regex \"get|list\"", kGet},
      {"ka.verb regex \"GET\"", kGet, false},
      {"ka.uri pmatch (/api)", kGet},
      {"ka.uri pmatch (/ap)", kGet, false},
      {"ka.uri pmatch (/apis, /api/v1)", kGet},
      {"ka.uri pmatch (/api/*)", kGet},
      {"ka.uri pmatch (\"/api/v?\")", kGet},
      {"ka.uri pmatch (/a*/x)", kGet, false},
      {"ka.uri pmatch (/api/v1/Pods/more)", kGet, false},
      {"ka.uri pmatch (/)", kGet},
      {"ka.uri pmatch (\"/api/v[.1]/\")", kGet},
  });
}

TEST(FalcoConditionTest, ComparesNumbers) {
  constexpr std::string_view k403 = R"("responseStatus":{"code":403})";
  Check({
      {"ka.response.code = 403", k403},
      {"ka.response.code = 403.0", k403, false},  // texts
      {"ka.response.code >= 400", k403},
      {"ka.response.code > 403", k403, false},
      {"ka.response.code <= 403", k403},
      {"ka.response.code < 404", k403},
      {"ka.response.code < 404", kNone, false},
      {"ka.response.code > 404", kNone, false},
      {"ka.response.code startswith 4", k403},
      {"ka.response.code in (401, 403)", k403},
      // Texts are compared by letters, as in Falco.
      {"ka.target.name < 1000", R"("objectRef":{"name":"99"})", false},
      {"ka.target.name > 1000", R"("objectRef":{"name":"99"})"},
      {"len(ka.verb) < 10", kGet},
      {"len(ka.verb) = 3", kGet},
      {"len(ka.verb) != 3", kGet, false},
      {"len(ka.verb) != 3", kNone, false},
      {"len(ka.user.groups) in (1, 2)", kGet},
      {"len(ka.user.groups) >= 3", kGet, false},
      {"evt.rawtime > 0", kGet},
      {"evt.rawtime.s = 1767323045", kGet},
  });
}

TEST(FalcoConditionTest, HasTwoValuesWhereAFieldIsAbsent) {
  Check({
      {"ka.target.name = x", kGet, false},
      {"ka.target.name != x", kGet, false},
      {"not ka.target.name = x", kGet},
      {"not ka.target.name != x", kGet},
      {"ka.target.name exists", kGet, false},
      {"not ka.target.name exists", kGet},
      {"ka.target.name in (x)", kGet, false},
      {"not ka.target.name in (x)", kGet},
      {"ka.target.name startswith x", kGet, false},
      {"not ka.target.name glob *", kGet},
      {"ka.auth.reason exists",
       R"("annotations":{"authorization.k8s.io/reason":""})"},
      {"ka.auth.reason = \"\"",
       R"("annotations":{"authorization.k8s.io/reason":""})"},
  });
}

TEST(FalcoConditionTest, ComparesListsWithSets) {
  Check({
      {"ka.user.groups in (dev, ops, more)", kGet},
      {"ka.user.groups in (dev)", kGet, false},
      {"ka.user.groups in ()", kGet, false},
      {"ka.user.groups in (dev)", kNone, false},
      {"not ka.user.groups in (dev)", kNone},
      {"ka.user.groups intersects (dev)", kGet},
      {"ka.user.groups intersects (no, Dev)", kGet, false},
      {"ka.user.groups intersects ()", kGet, false},
      {"ka.user.groups exists", kGet},
      {"ka.user.groups exists", R"("user":{"groups":[]})", false},
      {"ka.user.groups in (dev)", R"("user":{"groups":[]})", false},
      {"ka.verb in (get, list)", kGet},
      {"ka.verb intersects (get, list)", kGet},
      {"ka.verb in ()", kGet, false},
      {"not ka.verb in ()", kGet},
      {"ka.req.pod.containers.image.repository in (a, b)", kImages},
      {"ka.req.pod.containers.image.repository in (a)", kImages, false},
      {"ka.req.pod.containers.image.repository intersects (a)", kImages},
      {"ka.req.pod.containers.image.repository[1] in (b)", kImages},
      {"ka.req.pod.containers.image intersects (a:1)", kImages},
  });
}

TEST(FalcoConditionTest, TakesModifiersOfComparisons) {
  Check({
      {"ka.verb = anyof (get, list)", kGet},
      {"ka.verb != allof (list, watch)", kGet},
      {"ka.verb != allof (list, get)", kGet, false},
      {"ka.uri contains allof (api, v1)", kGet},
      {"ka.uri contains allof (api, v2)", kGet, false},
      {"ka.uri contains anyof(api, v2)", kGet},
      {"ka.uri startswith oneof (/api, /x)", kGet},
      {"ka.uri startswith oneof (/api, /a)", kGet, false},
      {"ka.uri startswith anyof ()", kGet, false},
      {"ka.uri startswith allof ()", kGet, false},
      {"ka.verb = anyof", R"("verb":"anyof")"},  // a word like any other
  });
}

TEST(FalcoConditionTest, AppliesFunctions) {
  Check({
      {"tolower(ka.uri) contains pods", kGet},
      {"toupper(ka.verb) = GET", kGet},
      {"basename(ka.uri) = \"Pods?x=1\"", kGet},
      {"toupper(basename(ka.uri)) startswith PODS", kGet},
      {"b64(ka.user.name) = admin", R"("user":{"username":"YWRtaW4="})"},
      {"b64(ka.user.name) = admin", R"("user":{"username":"YWRtaW4"})"},
      {"b64(ka.user.name) exists", R"("user":{"username":"?"})", false},
      {"toupper(ka.user.groups) intersects (OPS)", kGet},
      {"join(\",\", ka.user.groups) = \"dev,ops\"", kGet},
      {"concat(ka.user.name, \"@\", ka.verb) = jane@get", kGet},
      {"concat(ka.user.name, ka.target.name) exists", kGet, false},
      {"tolower(ka.target.name) exists", kGet, false},
      {"ka.user.name = val(ka.user.name)", kGet},
      {"ka.user.name = val(ka.verb)", kGet, false},
      {"ka.user.name != val(ka.verb)", kGet},
      {"ka.user.name != val(ka.target.name)", kGet, false},
      {"ka.target.name != val(ka.user.name)", kGet, false},
      {"toupper(ka.verb) = toupper(ka.verb)", kGet},
      {"ka.uri endswith val(ka.target.name)",
       R"("requestURI":"/a/b","objectRef":{"name":"b"})"},
      {"ka.uri contains val(ka.target.name)",
       R"("requestURI":"/a/b","objectRef":{"name":"A"})", false},
      {"ka.uri icontains val(ka.target.name)",
       R"("requestURI":"/a/b","objectRef":{"name":"A"})"},
      {"ka.user.name in val(ka.user.groups)",
       R"("user":{"username":"a","groups":["b","a"]})"},
  });
}

TEST(FalcoConditionTest, BindsNotThenAndThenOr) {
  Check({
      {"ka.verb=x or ka.verb=get and ka.user.name=jane", kGet},
      {"(ka.verb=x or ka.verb=get) and ka.user.name=no", kGet, false},
      {"ka.verb=get or ka.verb=x and ka.user.name=no", kGet},
      {"not ka.verb=x and ka.user.name=jane", kGet},
      {"not ka.verb=get or ka.user.name=jane", kGet},
      {"not(ka.verb=get)", kGet, false},
      {"not not ka.verb=get", kGet},
      {"not not(ka.verb=get)", kGet},
      {"ka.verb=get and(ka.user.name=jane)", kGet},
      {"ka.verb=x or(ka.user.name=jane)", kGet},
      {"ka.verb=x or not (ka.user.name=no)", kGet},
      {"( ka.verb = get )", kGet},
  });
}

TEST(FalcoConditionTest, ReadsPointers) {
  constexpr std::string_view kIngress =
      R"("stage":"Panic","requestObject":{"spec":{"tls":[],"a/b":{"c~d":1.50},"n":null,"t":true,"o":{"k" : [1, "x y"]}}},"annotations":{"k.l/m":"v"},"user":{"groups":["a"],"extra":{"x/y":["z"]}})";
  Check({
      {"jevt.value[/stage] in (Panic)", kIngress},
      {"jevt.value[stage]=Panic", kIngress},
      {"json.value[/stage]=Panic", kIngress},
      {"jevt.value[/requestObject/spec/tls] exists", kIngress},
      {"jevt.value[/requestObject/spec/none] exists", kIngress, false},
      {"jevt.value[/requestObject/spec/a~1b/c~0d] = 1.50", kIngress},
      {"jevt.value[/requestObject/spec/n] = null", kIngress},
      {"jevt.value[/requestObject/spec/t] = true", kIngress},
      {"jevt.value[/requestObject/spec/o/k/1] = \"x y\"", kIngress},
      {"jevt.value[/requestObject/spec/o/k/2] exists", kIngress, false},
      {"jevt.value[/requestObject/spec/o/k/-1] exists", kIngress, false},
      {R"(jevt.value[/requestObject/spec/o] = '{"k":[1,"x y"]}')", kIngress},
      {"jevt.value[/annotations/k.l~1m] = v", kIngress},
      {"jevt.value[/user/extra/x~1y/0] = z", kIngress},
      {R"(jevt.value[/user/groups] = '["a"]')", kIngress},
      {"jevt.value[\"/stage\"] = Panic", kIngress},
      {"jevt.rawtime exists", kIngress},
      {"jevt.rawtime = 0", kIngress, false},
      {"jevt.rawtime = 1767323045678901000", kIngress},
  });
}

}  // namespace
}  // namespace oddverb
