// secrets.harvest: who reads many secrets by name.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

void ReadSecret(Client& client, int first, int count, int namespaces,
                int code = 200) {
  for (int i = first; i < first + count; ++i) {
    client.Ask([&](EventBuilder& b) {
      b.Verb("get").Resource("secrets").Name(absl::StrCat("s", i)).Code(code);
      b.Ns(absl::StrCat("ns", i % namespaces));
    });
  }
}

TEST(SecretsHarvestTest, ManySecretsOfManyNamespaces) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside).With("python-requests/2");
  ReadSecret(pod, 0, 40, 4);
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding finding = stream.findings()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, "secrets.harvest");
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_GE(finding.evidence.size(), 5u);
  EXPECT_EQ(finding.count, 40);
  EXPECT_THAT(finding.summary, HasSubstr("40 secrets of 4 namespaces"));
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 1u);
}

TEST(SecretsHarvestTest, ANamedProgramIsMedium) {
  CredentialStream stream;
  Client person = Client::Person(stream, "ann", kOffice);
  ReadSecret(person, 0, 12, 4);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kMedium);
}

TEST(SecretsHarvestTest, HonestReaders) {
  CredentialStream stream;
  Client few = Client::Person(stream, "few", kOffice);
  for (int i = 0; i < 30; ++i) ReadSecret(few, 0, 9, 4);  // the same nine
  Client own = Client::Pod(stream, "own", kInside);
  ReadSecret(own, 0, 100, 1);  // all of its own namespace
  Client refused = Client::Person(stream, "refused", kOffice);
  ReadSecret(refused, 0, 100, 9, 403);
  Client node = Client::Person(stream, "system:node:n1", kInside);
  ReadSecret(node, 0, 100, 9);
  Client slow = Client::Person(stream, "slow", kOffice);
  for (int i = 0; i < 40; ++i) {
    ReadSecret(slow, i, 1, 9);
    stream.Sleep(absl::Minutes(2));
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(SecretsHarvestTest, AHabitIsToldOnce) {
  CredentialStream stream;
  Client backup = Client::Pod(stream, "backup", kInside);
  for (int i = 0; i < 10; ++i) {
    ReadSecret(backup, 0, 15, 4);
    stream.Sleep(absl::Hours(1));
  }
  stream.End();
  EXPECT_THAT(stream.findings(), SizeIs(1));
  ReadSecret(backup, 0, 60, 4);  // much more than ever
  stream.End();
  EXPECT_THAT(stream.findings(), SizeIs(2));
}

TEST(SecretsHarvestTest, ARestartInTheMiddleChangesNothing) {
  CredentialStream whole, restarted;
  Client a = Client::Person(whole, "ann", kOffice);
  Client b = Client::Person(restarted, "ann", kOffice);
  ReadSecret(a, 0, 7, 4);
  ReadSecret(b, 0, 7, 4);
  restarted.Restart();
  ASSERT_TRUE(restarted.loads_ok());
  ReadSecret(a, 7, 7, 4);
  ReadSecret(b, 7, 7, 4);
  ASSERT_THAT(restarted.reports(), SizeIs(1));
  EXPECT_EQ(restarted.reports()[0].id, whole.reports()[0].id);
  EXPECT_EQ(IdsOf(restarted.reports()[0]), IdsOf(whole.reports()[0]));
}

}  // namespace
}  // namespace oddverb
