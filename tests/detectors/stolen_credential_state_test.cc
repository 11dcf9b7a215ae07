// StolenCredential across restarts: saving, loading, forgetting.
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding_state.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::IsEmpty;

// A random stream of a few pods and people at a few addresses.
void FeedRandom(unsigned seed, CredentialStream& stream, int restart_every) {
  std::mt19937_64 random(seed);
  const std::vector<std::string> ips = {
      "10.244.1.1",  "10.244.1.2",  "10.244.1.3",  "fd00::1",
      "203.0.113.1", "203.0.113.2", "2001:db8::1", "10.8.0.1"};
  auto pick = [&](size_t n) { return random() % n; };
  for (int i = 0; i < 400; ++i) {
    std::string name = absl::StrCat("n", pick(5));
    const std::string& ip = ips[pick(10) < 6 ? pick(2) : pick(ips.size())];
    Client client = pick(2) == 0 ? Client::Pod(stream, name, ip)
                                 : Client::Person(stream, name, ip);
    client = client.With(absl::StrCat("agent", pick(3)));
    client.Ask([&](EventBuilder& b) {
      if (pick(4) == 0) b.Verb("watch");
      if (pick(4) == 0) b.Stage(Stage::kResponseStarted);
      if (pick(10) == 0) b.Received(kStart);
      b.Code(pick(2) == 0 ? 200 : 403);
    });
    if (pick(50) == 0) stream.Sleep(absl::Minutes(20));
    size_t kind = pick(3);
    size_t reload = pick(8);
    if (restart_every == 0) continue;
    if (i % restart_every == 0) stream.Restart();
    auto entity = static_cast<EntityKind>(kind);
    if (reload < stream.shard_table(entity).size()) {
      stream.Reload(entity, static_cast<EntityId>(reload));
    }
  }
  stream.End();
}

std::string BytesOf(const std::vector<Finding>& findings) {
  StateWriter writer;
  for (const Finding& finding : findings) SaveFinding(finding, writer);
  return writer.Release();
}

TEST(StolenCredentialStateTest, SavingAndLoadingAnywhereChangesNoFinding) {
  size_t reports = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    CredentialStream whole, restarted;
    FeedRandom(seed, whole, 0);
    FeedRandom(seed, restarted, 1 + static_cast<int>(seed % 7));
    ASSERT_TRUE(restarted.loads_ok()) << "seed " << seed;
    ASSERT_EQ(BytesOf(whole.reports()), BytesOf(restarted.reports()))
        << "seed " << seed;
    EXPECT_EQ(CountOf(whole.reports(), FindingState::kOpen),
              CountOf(whole.reports(), FindingState::kFinal));
    reports += whole.reports().size();
  }
  EXPECT_GT(reports, 400u);
}

TEST(StolenCredentialStateTest, ForgottenCredentialsStartAnew) {
  // Room for one: each new one evicts the other.
  CredentialStream stream({}, 1);
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  Client::Pod(stream, "other", kInside2).Ask();
  pod.At(kOutside).Ask();
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(StolenCredentialStateTest, WritesNothingWhereThereIsNothing) {
  CredentialStream stream;
  Client::Pod(stream, "shop", kInside).Ask();
  for (EntityKind kind : {EntityKind::kActor, EntityKind::kCredential,
                          EntityKind::kPod, EntityKind::kAddress}) {
    StateWriter shard, none, cross;
    stream.shard().Save(kind, 0, shard);
    stream.shard().Save(kind, 77, none);
    stream.cross().Save(kind, 77, cross);
    EXPECT_EQ(!shard.bytes().empty(), kind == EntityKind::kPod);
    EXPECT_TRUE(none.bytes().empty());
    EXPECT_TRUE(cross.bytes().empty());
    stream.shard().Forget(kind, 99);
    stream.cross().Forget(kind, 99);
  }
}

// A pod's tokens were credentials of their own.
TEST(StolenCredentialStateTest, APodThatWasSavedBeforeIsRead) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  StateWriter saved, before;
  stream.shard().Save(EntityKind::kPod, 0, saved);
  // Behind the contacts: that there is one, and which.
  before.PutRaw(saved.bytes().substr(0, saved.bytes().size() - 5));
  StateReader old(before.bytes());
  ASSERT_TRUE(stream.shard().Load(EntityKind::kPod, 0, old).ok());
  EXPECT_TRUE(old.AtEnd());
  pod.At(kOutside).Ask(3);
  stream.End();
  EXPECT_THAT(stream.reports(), Not(IsEmpty()));
}

TEST(StolenCredentialStateTest, DamageIsDataLossAndNeverCrashes) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  pod.At(kOutside).With("curl/8").Ask(5);
  StateWriter contacts, open, address;
  stream.shard().Save(EntityKind::kPod, 0, contacts);
  stream.cross().Save(EntityKind::kCredential, 0, open);
  stream.cross().Save(EntityKind::kAddress, 0, address);
  std::mt19937_64 random(4);
  auto damage = [&](const std::string& bytes, auto&& load) {
    ASSERT_FALSE(bytes.empty());
    for (size_t size = 0; size < bytes.size(); ++size) {
      // As it was saved before there were tokens of pods.
      if (&bytes == &contacts.bytes() && size == bytes.size() - 5) continue;
      EXPECT_FALSE(load(bytes.substr(0, size)).ok()) << size;
    }
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = bytes;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      (void)load(damaged);
    }
  };
  damage(contacts.bytes(), [&](const std::string& bytes) {
    StateReader reader(bytes);
    absl::Status status = stream.shard().Load(EntityKind::kPod, 5, reader);
    pod.Ask([](EventBuilder& b) { b.Pod("p", "u"); });
    return status;
  });
  damage(open.bytes(), [&](const std::string& bytes) {
    CredentialStream other;
    StateReader reader(bytes);
    absl::Status status =
        other.cross().Load(EntityKind::kCredential, 5, reader);
    other.End();
    return status;
  });
  damage(address.bytes(), [&](const std::string& bytes) {
    CredentialStream other;
    StateReader reader(bytes);
    return other.cross().Load(EntityKind::kAddress, 5, reader);
  });
}

}  // namespace
}  // namespace oddverb
