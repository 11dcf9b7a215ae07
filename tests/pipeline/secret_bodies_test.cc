#include "pipeline/secret_bodies.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/child_process.h"
#include "tests/support/corpus.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "c2VjcmV0LWJ5dGVz";

// An event about `reference`, both of whose bodies hold kSecret.
std::string EventOn(const std::string& reference) {
  return absl::StrCat(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":)"
      R"("RequestResponse","auditID":"a-1","stage":"ResponseComplete",)"
      R"("requestURI":"/api/v1/x","verb":"get","user":{"username":"alice"},)",
      reference.empty() ? "" : absl::StrCat("\"objectRef\":", reference, ","),
      R"("requestObject": {"data":{"a":")", kSecret,
      R"(","b":"}]\""}} ,"responseObject":{"data":[")", kSecret,
      R"("]},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"})");
}

std::string Stripped(const std::string& event) {
  return absl::StrReplaceAll(
      event, {{absl::StrCat(R"({"data":{"a":")", kSecret, R"(","b":"}]\""}})"),
               "null"},
              {absl::StrCat(R"({"data":[")", kSecret, R"("]})"), "null"}});
}

TEST(SecretBodiesTest, TakesThemOutOfEventsThatMayHoldOne) {
  for (const char* reference :
       {R"({"resource":"secrets","namespace":"a","name":"b"})",
        R"({"resource":"secrets","apiVersion":"v1"})",
        R"({"resource" : "\u0073ecrets"})", R"({"res\u006furce":"secrets"})",
        R"({"resource":"pods","resource":"secrets"})",
        R"({"resource":"secrets","resource":"pods"})",
        R"({"resource":"serviceaccounts","name":"d","subresource":"token"})",
        R"({"resource":"tokenrequests"})",
        R"({"resource":"tokenreviews","apiGroup":"authentication.k8s.io"})",
        // What is not told may be a secret.
        R"({"namespace":"a"})", R"({"resource":7})", "{}", "null", "[]", ""}) {
    std::string event = EventOn(reference);
    EXPECT_EQ(WithoutSecretBodies(event), Stripped(event)) << reference;
    EXPECT_THAT(WithoutSecretBodies(event), Not(HasSubstr(kSecret)));
  }
}

TEST(SecretBodiesTest, LeavesEveryOtherByte) {
  for (const char* reference :
       {R"({"resource":"pods","namespace":"a","name":"secrets"})",
        R"({"resource":"configmaps"})", R"({"resource":"serviceaccounts"})",
        R"({"resource":"pods","subresource":"token"})",
        R"({"resource":"secretsx","apiGroup":"example.org"})"}) {
    std::string event = EventOn(reference);
    EXPECT_EQ(WithoutSecretBodies(event), event);
  }
}

TEST(SecretBodiesTest, WalksListsAndArrays) {
  std::string secret = EventOn(R"({"resource":"secrets"})");
  std::string pod = EventOn(R"({"resource":"pods"})");
  auto list = [](const std::string& a, const std::string& b) {
    return absl::StrCat(" {\"items\" : [ ", a, " , ", b,
                        "],\n\"kind\":\"EventList\"} \n");
  };
  EXPECT_EQ(WithoutSecretBodies(list(pod, secret)),
            list(pod, Stripped(secret)));
  EXPECT_EQ(WithoutSecretBodies(list(secret, pod)),
            list(Stripped(secret), pod));
  std::string array = absl::StrCat("[", list(secret, pod), ",", secret, "]");
  EXPECT_EQ(WithoutSecretBodies(array),
            absl::StrCat("[", list(Stripped(secret), pod), ",",
                         Stripped(secret), "]"));
  EXPECT_EQ(WithoutSecretBodies("[]"), "[]");
}

// A shipper's envelope hides an event where nobody looks.
TEST(SecretBodiesTest, LeavesNothingOfWhatIsNoEvent) {
  std::string hidden = absl::StrReplaceAll(EventOn(R"({"resource":"secrets"})"),
                                           {{"\\", "\\\\"}, {"\"", "\\\""}});
  std::string envelope = absl::StrCat(R"({"log":")", hidden, "\"}");
  EXPECT_EQ(WithoutSecretBodies(envelope), "{}");
  EXPECT_EQ(WithoutSecretBodies(
                absl::StrCat("{\"kind\":\"EventList\",\"items\":[", envelope,
                             ",\"", hidden, "\",[", envelope, "]]}")),
            R"({"kind":"EventList","items":[{},null,null]})");
}

TEST(SecretBodiesTest, LeavesNothingOfWhatIsNoWholeJson) {
  std::string event = EventOn(R"({"resource":"secrets"})");
  for (size_t length = 1; length < event.size(); ++length) {
    EXPECT_EQ(WithoutSecretBodies(event.substr(0, length)), "{") << length;
  }
  for (const std::string& text :
       {event + event, event + "]", event + "x", "[" + event, "x" + event,
        std::string("\"") + kSecret + "\"", std::string(kSecret)}) {
    EXPECT_EQ(WithoutSecretBodies(text), "{") << text;
  }
  // As deep as it likes.
  EXPECT_EQ(WithoutSecretBodies(std::string(1'000'000, '[')), "{");
  std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(WithoutSecretBodies(deep), "[null]");
}

TEST(SecretBodiesTest, NoDamageShowsASecretThatWasTaken) {
  std::string pod = EventOn(R"({"resource":"pods"})");
  std::string list = absl::StrCat("{\"kind\":\"EventList\",\"items\":[",
                                  EventOn(R"({"resource":"secrets"})"), "]}");
  std::mt19937_64 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = list;
    // Not inside of the bodies and not in the names that are looked for: there
    // the event is another one.
    size_t at = random() % damaged.find("\"objectRef\"");
    damaged[at] = "{}[],:\" x"[random() % 9];
    std::string result = WithoutSecretBodies(damaged);
    EXPECT_EQ(result.find(kSecret), std::string::npos) << damaged;
  }
}

// With a real log: the JSON is the same but for those bodies.
TEST(SecretBodiesTest, ChangesNothingElseOfARealLog) {
  std::optional<std::string> path = CorpusPath("mixed.log.gz");
  if (!path.has_value()) GTEST_SKIP() << "no corpus";
  // Its policy logs no bodies of secrets: let them be other ones.
  std::string log = absl::StrReplaceAll(
      ReadMaybeGzip(*path),
      {{R"("resource":"pods")", R"("resource":"secrets")"}});
  int stripped = 0;
  for (const std::string& line : LinesOf(log)) {
    std::string result = WithoutSecretBodies(line);
    nlohmann::json before = nlohmann::json::parse(line);
    nlohmann::json after = nlohmann::json::parse(result);
    nlohmann::json reference = before.value("objectRef", nlohmann::json());
    bool secret = reference.is_null() ||
                  reference.value("resource", "") == "secrets" ||
                  reference.value("subresource", "") == "token" ||
                  reference.value("resource", "") == "tokenreviews";
    for (const char* body : {"requestObject", "responseObject"}) {
      if (!secret || !before.contains(body)) continue;
      before[body] = nullptr;
      ++stripped;
    }
    ASSERT_EQ(before, after);
  }
  EXPECT_GT(stripped, 0);
}

}  // namespace
}  // namespace oddverb
