#include "detectors/tuple_hasher.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr std::string_view kLong =
    "customresourcedefinitions.with.a.name.that.is.far.too.long.to.be.kept";

// Few texts, many of one size, so that kinds meet in one place and are
// forgotten and found again.
TEST(TupleHasherTest, IsHashTuple) {
  const std::vector<std::string_view> groups = {
      "", "apps", "epps", "rbac.authorization.k8s.io", kLong};
  const std::vector<std::string_view> resources = {
      "",           "po",         "pods",
      "pids",       "secrets",    "services",
      "configmaps", "configmapz", "networkpolicies",
      kLong};
  const std::vector<std::string_view> subresources = {"", "exec", "exed",
                                                      "status", kLong};
  const std::vector<std::string_view> scopes = {"*", "web", "kube-system",
                                                "kube-public", kLong};
  std::mt19937 random(11);
  auto pick = [&](const std::vector<std::string_view>& from) {
    return from[random() % from.size()];
  };
  KeyedHash hash(1, 2);
  TupleHasher hasher(hash);
  HashInput scratch;
  for (int i = 0; i < 50'000; ++i) {
    Tuple tuple;
    tuple.verb_class = static_cast<VerbClass>(random() % 7);
    tuple.path_class = static_cast<PathClass>(random() % 5);
    tuple.group = pick(groups);
    tuple.resource = pick(resources);
    tuple.subresource = pick(subresources);
    tuple.scope = pick(scopes);
    ASSERT_EQ(hasher.Hash(tuple), HashTuple(hash, tuple, scratch))
        << TupleText(tuple, "get");
  }
}

TEST(TupleHasherTest, PartsDoNotRunIntoEachOther) {
  TupleHasher hasher{KeyedHash()};
  Tuple one, other;
  one.group = "ab", one.resource = "c";
  other.group = "a", other.resource = "bc";
  EXPECT_NE(hasher.Hash(one), hasher.Hash(other));
}

}  // namespace
}  // namespace oddverb
