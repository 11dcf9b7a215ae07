#include "net/connection_table.h"

#include <optional>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

IpAddress At(std::string_view text) { return *IpAddress::Parse(text); }

TEST(ConnectionTableTest, CountsAnIpv6NetworkOf64BitsAsOnePeer) {
  HttpCounters counters;
  ConnectionTable table(100, 1, counters);
  auto first = table.Enter(At("2001:db8:1:2::1"));
  EXPECT_TRUE(first.has_value());
  EXPECT_FALSE(table.Enter(At("2001:db8:1:2:ffff::9")).has_value());
  auto other_network = table.Enter(At("2001:db8:1:3::1"));
  EXPECT_TRUE(other_network.has_value());
  auto v4 = table.Enter(At("10.0.0.1"));
  auto v4_neighbour = table.Enter(At("10.0.0.2"));
  EXPECT_TRUE(v4.has_value() && v4_neighbour.has_value());
  EXPECT_EQ(counters.connections_open, 4u);
  EXPECT_EQ(counters.Of(HttpRefusal::kPeerConnections), 1u);
}

TEST(ConnectionTableTest, ASlotThatEndsMakesRoom) {
  HttpCounters counters;
  ConnectionTable table(1, 1, counters);
  {
    auto slot = table.Enter(At("10.0.0.1"));
    EXPECT_FALSE(table.Enter(At("10.0.0.2")).has_value());
    EXPECT_FALSE(table.WaitUntilEmpty(absl::ZeroDuration()));
    ConnectionSlot moved(*std::move(slot));
  }
  EXPECT_TRUE(table.WaitUntilEmpty(absl::InfiniteDuration()));
  EXPECT_TRUE(table.Enter(At("10.0.0.2")).has_value());
  EXPECT_EQ(counters.connections_total, 2u);
}

}  // namespace
}  // namespace oddverb
