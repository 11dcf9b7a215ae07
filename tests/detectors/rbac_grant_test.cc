// rbac.self_grant of less than the whole cluster.
#include "detectors/rbac_grant.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/act_case.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::SizeIs;

Change BindRole(const std::string& resource, const std::string& role,
                const std::string& kind, const std::string& name,
                const std::string& ns = "web") {
  return [=](EventBuilder& b) {
    b.Verb("create").Resource(resource, "rbac.authorization.k8s.io").Ns("web");
    b.Name("b").Code(201).RequestObject(
        absl::StrCat(R"({"roleRef":{"kind":"ClusterRole","name":")", role,
                     R"("},"subjects":[{"kind":")", kind, R"(","name":")", name,
                     R"(","namespace":")", ns, R"("}]})"));
  };
}

TEST(RbacGrantTest, BindingsOfLessThanTheCluster) {
  const char* rule = "rbac.self_grant";
  const std::string in = "rolebindings", all = "clusterrolebindings";
  const std::string nobody = "system:unauthenticated";
  for (const Case& c : std::vector<Case>{
           {"view for nobody", BindRole(in, "view", "Group", nobody), rule,
            Severity::kHigh},
           {"view of the cluster for anonymous",
            BindRole(all, "view", "User", "system:anonymous"), rule,
            Severity::kHigh},
           {"admin for nobody", BindRole(in, "admin", "Group", nobody), rule,
            Severity::kCritical},
           {"what is public by design",
            BindRole(all, "system:public-info-viewer", "Group", nobody), ""},
           {"the keys of service accounts",
            BindRole(all, "system:service-account-issuer-discovery", "Group",
                     nobody),
            ""},
           {"view for everybody",
            BindRole(in, "view", "Group", "system:authenticated"), ""},
           {"edit for everybody",
            BindRole(in, "edit", "Group", "system:authenticated"), rule,
            Severity::kHigh},
           {"its default account",
            BindRole(in, "edit", "ServiceAccount", "default"), rule,
            Severity::kMedium},
           {"that of kube-system",
            BindRole(in, "edit", "ServiceAccount", "default", "kube-system"),
            rule, Severity::kHigh},
           {"admin of the cluster for a default account",
            BindRole(all, "admin", "ServiceAccount", "default"), rule,
            Severity::kHigh},
           {"view for its default account",
            BindRole(in, "view", "ServiceAccount", "default"), ""},
           {"cluster-admin within a namespace for itself",
            BindRole(in, "cluster-admin", "User", "mallory"), rule,
            Severity::kMedium},
           {"for its group", BindRole(in, "admin", "Group", "dev"), rule,
            Severity::kMedium},
           {"for another", BindRole(in, "admin", "User", "eve"), ""},
           {"for another group", BindRole(in, "admin", "Group", "web-team"),
            ""},
           {"for software", BindRole(in, "admin", "ServiceAccount", "ci"), ""},
       }) {
    ExpectCase(c);
  }
}

TEST(RbacGrantTest, ARoleWithoutBoundsOfItsOwnIsAsGoodAsClusterAdmin) {
  CredentialStream stream;
  Client mallory = Client::Person(stream, "mallory", kOffice);
  auto severity = [&] {
    return stream.findings().empty() ? Severity::kInfo
                                     : stream.findings().back().severity;
  };
  // Somebody else's of that name is not known.
  mallory.Ask(
      BindRole("clusterrolebindings", "helper", "ServiceAccount", "default"));
  EXPECT_EQ(severity(), Severity::kInfo);
  mallory.Ask([](EventBuilder& b) {
    b.Verb("create").Resource("clusterroles", "rbac.authorization.k8s.io");
    b.Ns("").Name("helper").Code(201).RequestObject(
        R"({"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})");
  });
  EXPECT_EQ(severity(), Severity::kMedium);
  for (EntityId id = 0; id < stream.shard_table(EntityKind::kActor).size();
       ++id) {
    stream.Reload(EntityKind::kActor, id);
  }
  mallory.Ask(
      BindRole("clusterrolebindings", "helper", "ServiceAccount", "default"));
  EXPECT_EQ(severity(), Severity::kHigh);
  EXPECT_TRUE(stream.loads_ok());
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

}  // namespace
}  // namespace oddverb
