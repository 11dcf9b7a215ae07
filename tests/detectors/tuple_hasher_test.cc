#include "detectors/tuple_hasher.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr std::string_view kLong =
    "customresourcedefinitions.with.a.name.that.is.far.too.long.to.be.kept";

class TupleHasherTest : public ::testing::Test {
 protected:
  std::string_view Pick(const std::vector<std::string_view>& from) {
    return from[random_() % from.size()];
  }

  std::mt19937 random_{11};
  KeyedHash hash_{1, 2};
  TupleHasher hasher_{hash_};
  HashInput scratch_;
};

// Few texts, many of one size, so that kinds meet in one place and are
// forgotten and found again.
TEST_F(TupleHasherTest, IsTupleOfAndHashTuple) {
  const std::vector<std::string_view> verbs = {
      "get", "list", "watch", "create", "deletecollection", "", kLong};
  const std::vector<std::string_view> groups = {
      "",   "apps", "epps", "authorization.k8s.io", "authentication.k8s.io",
      kLong};
  const std::vector<std::string_view> resources = {
      "",           "po",         "pods",
      "pids",       "secrets",    "services",
      "configmaps", "configmapz", "selfsubjectreviews",
      kLong};
  const std::vector<std::string_view> subresources = {
      "", "exec", "exed", "approval", "status", kLong};
  const std::vector<std::string_view> scopes = {"", "web", "kube-system",
                                                "kube-public", kLong};
  for (int i = 0; i < 100'000; ++i) {
    AuditEvent event;
    event.verb = Pick(verbs);
    event.object = {.resource = Pick(resources),
                    .subresource = Pick(subresources),
                    .ns = Pick(scopes),
                    .name = {},
                    .uid = {},
                    .api_group = Pick(groups),
                    .api_version = {},
                    .present = true};
    const Tuple expected = TupleOf(event);
    const TupleHasher::KnownKind& kind = hasher_.KindOf(event);
    ASSERT_EQ(kind.hash, HashTuple(hash_, expected, scratch_))
        << TupleText(expected, event.verb);
    ASSERT_EQ(kind.verb_class, expected.verb_class);
    ASSERT_EQ(kind.is_self_review, IsSelfReview(expected));
    ASSERT_EQ(kind.is_secret, IsSecret(expected));
    const auto [tuple, hash] = hasher_.Of(event);
    ASSERT_EQ(hash, kind.hash);
    ASSERT_EQ(tuple.verb_class, expected.verb_class);
    ASSERT_EQ(tuple.path_class, expected.path_class);
    ASSERT_EQ(tuple.group, expected.group);
    ASSERT_EQ(tuple.resource, expected.resource);
    ASSERT_EQ(tuple.subresource, expected.subresource);
    ASSERT_EQ(tuple.scope, expected.scope);
  }
}

TEST_F(TupleHasherTest, APathIsNotHashedUntilItIsAskedFor) {
  AuditEvent event;
  event.verb = "get";
  event.request_uri = "/healthz?verbose";
  const auto [tuple, hash] = hasher_.Of(event);
  EXPECT_EQ(hash, 0u);
  EXPECT_EQ(tuple.path_class, PathClass::kHealth);
  EXPECT_EQ(hasher_.Hash(tuple), HashTuple(hash_, tuple, scratch_));
}

TEST_F(TupleHasherTest, PartsDoNotRunIntoEachOther) {
  auto of = [&](std::string_view group, std::string_view resource) {
    AuditEvent event;
    event.verb = "get";
    event.object.present = true;
    event.object.api_group = group;
    event.object.resource = resource;
    return hasher_.Of(event).hash;
  };
  EXPECT_NE(of("ab", "c"), of("a", "bc"));
  // What is behind the end is not what is written as such.
  EXPECT_NE(of("", "pods"), of("", std::string_view("pods\0", 5)));
}

TEST_F(TupleHasherTest, IsKnownPlacesOf) {
  const std::vector<std::string_view> addresses = {
      "",           "10.0.0.7",    "10.0.0.8", "10.1.0.7",
      "192.0.2.77", "2001:db8::1", "::1",      kLong};
  const std::vector<std::string_view> agents = {
      "",
      "curl/8.1",
      "curl/8.2",
      "wget",
      kLong,
      "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc",
      "kubectl/v1.30.0 (linux/amd64) kubernetes/9edcffc"};
  for (int i = 0; i < 10'000; ++i) {
    AuditEvent event;
    event.source_ip = Pick(addresses);
    event.user_agent = Pick(agents);
    const KnownPlaces::Place expected = KnownPlaces::Of(event);
    const KnownPlaces::Place place = hasher_.PlaceOf(event);
    ASSERT_EQ(place.network, expected.network) << event.source_ip;
    ASSERT_EQ(place.program, expected.program) << event.user_agent;
  }
}

// Headers that differ at the beginning, in the middle and at the end; of one
// size, too, so that they meet in one place.
TEST_F(TupleHasherTest, IsAgentFamilyOf) {
  std::vector<std::string> agents = {"", "curl", "Wget/1.2", "curl/8.1",
                                     std::string(300, 'a') + " zgrab/0.x"};
  for (const char* first : {"kubectl", "kubelet", "argocd!", "okhttp3"}) {
    for (const char* version : {"/v1.31.0", "/v1.30.9"}) {
      for (const char* last :
           {"kubernetes/9edcffc", "kube-hunter xxxxxx", "zzzzzzzzzz/9edcffc"}) {
        agents.push_back(absl::StrCat(first, version, " (linux) ", last));
      }
    }
  }
  for (int i = 0; i < 10'000; ++i) {
    AuditEvent event;
    event.user_agent = agents[random_() % agents.size()];
    ASSERT_EQ(hasher_.FamilyOf(event), AgentFamilyOf(event.user_agent))
        << event.user_agent;
  }
}

TEST_F(TupleHasherTest, SaysWhetherItComesFromOutside) {
  const std::vector<std::pair<std::string_view, bool>> addresses = {
      {"", false},           {"10.0.0.7", false},   {"8.8.8.8", true},
      {"8.8.8.9", true},     {"10.0.0.9", false},   {"2a00:1450::1", true},
      {"fd00::1234", false}, {"no address", false}, {kLong, false}};
  for (int i = 0; i < 1'000; ++i) {
    const auto& [address, is_outside] = addresses[random_() % addresses.size()];
    AuditEvent event;
    event.source_ip = address;
    ASSERT_EQ(hasher_.IsFromOutside(event), is_outside) << address;
  }
}

// Words are read behind a text's end, but never behind its page.
TEST_F(TupleHasherTest, ATextMayEndWhereMemoryEnds) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  char* end = static_cast<char*>(pages) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  for (size_t size = 0; size <= 48; ++size) {
    const std::string text(size, 'a');
    std::memcpy(end - size, text.data(), size);
    AuditEvent event;
    event.verb = "get";
    event.object.present = true;
    event.object.ns = {end - size, size};
    event.source_ip = event.object.ns;
    const uint64_t hash = hasher_.Of(event).hash;
    const uint32_t program = hasher_.PlaceOf(event).program;
    event.object.ns = event.source_ip = text;
    EXPECT_EQ(hash, HashTuple(hash_, TupleOf(event), scratch_));
    EXPECT_EQ(program, KnownPlaces::Of(event).program);
  }
  munmap(pages, 2 * page);
}

}  // namespace
}  // namespace oddverb
