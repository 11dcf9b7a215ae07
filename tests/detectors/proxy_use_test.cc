#include "detectors/proxy_use.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

TEST(ProxiedPathTest, IsWhatStandsBehindTheObject) {
  auto path = [](const std::string& resource, const std::string& name,
                 const std::string& uri) {
    EventBuilder b;
    b.Resource(resource).Name(name).Sub("proxy").Uri(uri);
    return std::string(ProxiedPath(b.Build()));
  };
  EXPECT_EQ(path("nodes", "n1", "/api/v1/nodes/n1/proxy/pods?x=1"), "pods");
  EXPECT_EQ(path("nodes", "n1", "/api/v1/nodes/n1/proxy"), "");
  EXPECT_EQ(path("services", "a:80",
                 "/api/v1/namespaces/proxy/services/a:80/proxy/b/c"),
            "b/c");
}

}  // namespace
}  // namespace oddverb
