#include "detectors/next_steps.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// What a real shell makes of `command`.
std::string OutputOf(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"),
                                             &pclose);
  if (pipe == nullptr) return "no shell";
  std::string output;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe.get())) > 0;) {
    output.append(buffer, n);
  }
  return output;
}

// The words as `sh -c "printf ..."` (popen) prints them, one a line.
std::vector<std::string> ThroughShell(const std::vector<std::string>& words) {
  std::string command = "printf '%s\\n'";
  for (const std::string& word : words) absl::StrAppend(&command, " ", word);
  std::vector<std::string> lines = absl::StrSplit(OutputOf(command), '\n');
  if (!lines.empty()) lines.pop_back();
  return lines;
}

std::string RandomPrintableBytes(std::mt19937_64& random) {
  static const std::string kSpecial = "'\"\\$`!*?[]{}()<>|&;#~=% -";
  std::string text;
  for (size_t n = random() % 40; n > 0; --n) {
    if (random() % 2 == 0) {
      text += kSpecial[random() % kSpecial.size()];
      continue;
    }
    unsigned char byte = static_cast<unsigned char>(random());
    if (byte >= 0x20 && byte != 0x7f) text += static_cast<char>(byte);
  }
  return text;
}

TEST(ShellWordTest, LeavesHarmlessNamesAlone) {
  for (const char* name :
       {"web", "system:serviceaccount:web:shop", "alice@corp.example",
        "10.0.0.1", "2001:db8::1", "a=b", "a/b,c+d_e-f"}) {
    EXPECT_EQ(ShellWord(name), name);
  }
}

TEST(ShellWordTest, QuotesTheRest) {
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("$(id)"), "'$(id)'");
  EXPECT_EQ(ShellWord("a'b"), "'a'\\''b'");
  EXPECT_EQ(ShellWord("*"), "'*'");
  EXPECT_EQ(ShellWord("~root"), "'~root'");
  EXPECT_EQ(ShellWord("=ls"), "'=ls'");
  EXPECT_EQ(ShellWord("a\nb\x1b[2J\x7f"), "'ab[2J'");
}

TEST(ShellWordTest, SurvivesARealShell) {
  std::mt19937_64 random(1);
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<std::string> texts = {"", "'", "''", "\\", "$(touch x)", "-n"};
    while (texts.size() < 100) texts.push_back(RandomPrintableBytes(random));
    std::vector<std::string> words;
    for (const std::string& text : texts) words.push_back(ShellWord(text));
    ASSERT_EQ(ThroughShell(words), texts);
  }
}

TEST(ShellWordTest, IsBounded) {
  std::string plain(100'000, 'x');
  EXPECT_EQ(ShellWord(plain).size(), Finding::kMaxTextBytes);
  std::string quotes(100'000, '\'');
  std::string word = ShellWord(quotes);
  EXPECT_LE(word.size(), 4 * Finding::kMaxTextBytes + 2);
  EXPECT_THAT(ThroughShell({word}), ElementsAre(Bounded(quotes, 256)));
}

TEST(NameWordTest, StandsAloneOnACommandLine) {
  EXPECT_EQ(NameWord("shop-1", "POD"), "shop-1");
  EXPECT_EQ(NameWord("a b", "POD"), "'a b'");
  EXPECT_EQ(NameWord("", "POD"), "POD");
  EXPECT_EQ(NameWord("--all", "POD"), "POD");
  // Quotes do not make an option a name, nor does a byte that is dropped.
  EXPECT_EQ(NameWord("--selector=a b", "POD"), "POD");
  EXPECT_EQ(NameWord("\x01--all", "POD"), "POD");
  EXPECT_EQ(NameWord("\n", "POD"), "POD");
}

std::vector<std::string> StepsFor(EventBuilder& builder) {
  const AuditEvent& event = builder.Build();
  return StepsAgainstCredential(event, ClassifyIdentity(event));
}

TEST(StepsAgainstCredentialTest, EndABoundTokenWithItsPod) {
  EventBuilder builder;
  builder.ServiceAccount("web", "shop").Pod("shop-1", "uid");
  EXPECT_THAT(StepsFor(builder),
              ElementsAre(StartsWith("kubectl auth can-i --list --as="
                                     "system:serviceaccount:web:shop   #"),
                          "kubectl -n web delete pod shop-1",
                          HasSubstr("ends every token")));
}

TEST(StepsAgainstCredentialTest, EndAnUnboundTokenWithItsAccount) {
  EventBuilder builder;
  builder.ServiceAccount("web", "shop");
  EXPECT_THAT(
      StepsFor(builder),
      Contains(StartsWith("kubectl -n web get secrets,serviceaccounts")));
}

TEST(StepsAgainstCredentialTest, NameTheGroupsThatGiveAPersonRights) {
  EventBuilder builder;
  builder.User("alice").CredentialId("X509SHA256=aa");
  builder.Groups({"dev", "two words", "system:authenticated"});
  std::vector<std::string> steps = StepsFor(builder);
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_THAT(steps[0],
              StartsWith("kubectl auth can-i --list --as=alice "
                         "--as-group=dev --as-group='two words'   #"));
  EXPECT_THAT(steps[1], HasSubstr("grep -F -- alice"));
  EXPECT_THAT(steps[1], HasSubstr("client certificate cannot be revoked"));
  EventBuilder token;
  token.User("jenkins").Uid("u");
  EXPECT_THAT(StepsFor(token)[1], Not(HasSubstr("client certificate")));
}

TEST(StepsAgainstCredentialTest, ReplaceANode) {
  EventBuilder builder;
  builder.Node("worker-1");
  EXPECT_THAT(StepsFor(builder),
              Contains(StartsWith("kubectl drain worker-1   #")));
  EXPECT_THAT(StepsFor(builder),
              Contains(HasSubstr("--as-group=system:nodes")));
}

TEST(StepsAgainstCredentialTest, DeleteABootstrapToken) {
  EventBuilder builder;
  builder.User("system:bootstrap:07401b").Groups({"system:bootstrappers"});
  EXPECT_THAT(StepsFor(builder),
              Contains("kubectl -n kube-system delete secret "
                       "bootstrap-token-07401b"));
}

TEST(StepsAgainstCredentialTest, BlockWhoHasNoCredential) {
  EventBuilder anonymous, unauthenticated;
  anonymous.Anonymous().SourceIp("203.0.113.5");
  unauthenticated.Unauthenticated().SourceIp("203.0.113.5");
  for (EventBuilder* builder : {&anonymous, &unauthenticated}) {
    EXPECT_THAT(StepsFor(*builder),
                ElementsAre("Block 203.0.113.5 in front of the API server."));
  }
}

// Whatever the names are, a shell sees the same words as for plain ones.
TEST(StepsAgainstCredentialTest, HostileNamesStayNames) {
  const std::string trap =
      testing::TempDir() + absl::StrCat("owned.", getpid());
  const std::string bad = "x'; touch " + trap + "; #$(id)`id`\n--all";
  std::vector<std::vector<std::string>> all;
  EventBuilder account, person, node, bootstrap, anonymous;
  account.ServiceAccount(bad, bad).Pod("--all", "uid");
  person.User(bad).Groups({bad, "--all"});
  node.Node("--all");
  bootstrap.User("system:bootstrap:" + bad).Groups({"system:bootstrappers"});
  anonymous.Anonymous().SourceIp(bad);
  for (EventBuilder* builder :
       {&account, &person, &node, &bootstrap, &anonymous}) {
    for (const std::string& step : StepsFor(*builder)) {
      EXPECT_THAT(step, Not(HasSubstr("\n")));
      EXPECT_THAT(step, Not(HasSubstr(" --all")));
      if (!step.starts_with("kubectl") || step.find('|') != std::string::npos) {
        continue;
      }
      // With kubectl a function that prints its arguments.
      std::string output =
          OutputOf("kubectl() { printf '<%s>' \"$@\"; }; " + step);
      EXPECT_THAT(output, StartsWith("<")) << step;
      EXPECT_THAT(output, Not(HasSubstr("uid="))) << step;
    }
  }
  EXPECT_THAT(StepsFor(account), Contains(HasSubstr("delete pod POD")));
  EXPECT_THAT(StepsFor(node), Contains(HasSubstr("drain NODE")));
  EXPECT_EQ(OutputOf("ls " + trap + " 2>/dev/null"), "");
}

}  // namespace
}  // namespace oddverb
