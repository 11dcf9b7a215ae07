// How the members of a group come to the key that they all use.
#include "app/kafka_group_key.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_service_config.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/sanitizers.h"

namespace oddverb {
namespace {

// They need 15 s; some 100 s, if all pause as long as each other.
absl::Duration Patience() {
  return UnderAddressSanitizer() ? absl::Minutes(5) : absl::Seconds(80);
}

using KafkaGroupKeyTest = KafkaTest;

// Each takes the right to write it from the one before; that must come to an
// end, however many begin at the same moment.
TEST_F(KafkaGroupKeyTest, ManyMembersThatStartAtOnceAgreeOnOneKey) {
  constexpr int kMembers = 12;
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create("oddverb.state", 2, {{"cleanup.policy", "compact"}});
  const ServiceConfig config = KafkaServiceConfig(broker.address());
  std::atomic<bool> stop = false;
  std::atomic<int> done = 0;
  std::vector<absl::StatusOr<std::string>> keys(kMembers);
  std::vector<std::thread> members;
  for (absl::StatusOr<std::string>& key : keys) {
    members.emplace_back([&] {
      key = AwaitGroupHashKey(
          config, /*partition=*/1, [](const absl::Status&) {}, stop);
      ++done;
    });
  }
  const absl::Time give_up = SteadyNow() + Patience();
  while (done < kMembers && SteadyNow() < give_up) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  stop = true;
  for (std::thread& member : members) member.join();
  std::set<std::string> distinct;
  for (const absl::StatusOr<std::string>& key : keys) {
    ASSERT_TRUE(key.ok()) << key.status();
    distinct.insert(*key);
  }
  EXPECT_EQ(distinct.size(), 1u);
}

}  // namespace
}  // namespace oddverb
