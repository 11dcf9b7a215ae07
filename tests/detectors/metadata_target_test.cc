#include "detectors/metadata_target.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string CloudOf(const MetadataTargets& targets, std::string_view host) {
  std::optional<TargetMatch> match = targets.Find(host);
  return match ? match->target->cloud : "";
}

TEST(MetadataTargetTest, KnowsTheClouds) {
  struct Case {
    std::string_view host;
    std::string_view cloud;
  };
  const MetadataTargets targets;
  for (const Case& c : {Case{"169.254.169.254", "AWS"},
                        {"fd00:ec2::254", "AWS"},
                        {"169.254.170.2", "AWS ECS"},
                        {"169.254.170.23", "EKS"},
                        {"fd00:ec2::23", "EKS"},
                        {"168.63.129.16", "Azure"},
                        {"100.100.100.200", "Alibaba"},
                        {"192.0.0.192", "Oracle"},
                        {"169.254.0.23", "Tencent"},
                        {"metadata.tencentyun.com", "Tencent"},
                        {"169.254.169.250", "Rancher"},
                        {"rancher-metadata", "Rancher"},
                        {"169.254.42.42", "Scaleway"},
                        {"fd00:42::42", "Scaleway"},
                        {"169.254.169.252", "Google"},
                        {"fd20:ce::254", "Google"},
                        {"metadata.google.internal", "Google"},
                        {"METADATA.google.INTERNAL.", "Google"},
                        {"metadata.goog", "Google"},
                        {"metadata", "Google"},
                        {"instance-data", "AWS"},
                        {"instance-data.ec2.internal", "AWS"},
                        {"metadata.packet.net", "Equinix"},
                        {"metadata.platformequinix.com", "Equinix"}}) {
    EXPECT_THAT(CloudOf(targets, c.host), HasSubstr(std::string(c.cloud)))
        << c.host;
  }
}

TEST(MetadataTargetTest, LeavesNeighboursAlone) {
  const MetadataTargets targets;
  for (std::string_view host :
       {"169.254.169.253",  // AWS DNS
        "169.254.169.123",  // AWS NTP
        "169.254.20.10",    // NodeLocal DNSCache
        "169.254.1.1",      // Calico
        "169.254.169.255", "169.254.170.1", "168.63.129.17", "fe80::1",
        "fd00:ec2::253", "fd00:ec2::", "metadata.example.com", "my-metadata",
        "metadata.google.internal.example.com", "google.internal",
        "example.metadata.google.internal", "2852039165", "0", "nip.io",
        "169.254.169.253.nip.io"}) {
    EXPECT_FALSE(targets.Find(host)) << host;
  }
}

TEST(MetadataTargetTest, FindsEveryAddressInOtherSpellings) {
  const MetadataTargets targets;
  for (std::string_view host :
       {"2852039166", "1684301000", "0xa83f8110", "0300.0.0.0300",
        "169.254.43522", "::ffff:100.100.100.200", "169.254.10794",
        "64:ff9b::168.63.129.16", "169.254.170.23.nip.io"}) {
    std::optional<TargetMatch> match = targets.Find(host);
    ASSERT_TRUE(match) << host;
    EXPECT_NE(match->spelling, HostSpelling::kCanonical) << host;
  }
}

TEST(MetadataTargetTest, LimitsTheWireServerToItsPorts) {
  const MetadataTargets targets;
  const MetadataTarget& wire_server = *targets.Find("168.63.129.16")->target;
  for (std::string_view port : {"", "80", "32526", "latest"}) {
    EXPECT_TRUE(MetadataTargets::ServesOn(wire_server, port)) << port;
  }
  for (std::string_view port : {"53", "443", "8080"}) {
    EXPECT_FALSE(MetadataTargets::ServesOn(wire_server, port)) << port;
  }
  const MetadataTarget& aws = *targets.Find("169.254.169.254")->target;
  EXPECT_TRUE(MetadataTargets::ServesOn(aws, "8080"));
}

TEST(MetadataTargetTest, TakesExtraHosts) {
  const std::vector<std::string> extra = {"10.11.12.13", "Creds.Corp.Example",
                                          "vault", "fd12::1"};
  const MetadataTargets targets(extra);
  EXPECT_TRUE(targets.Find("10.11.12.13"));
  EXPECT_TRUE(targets.Find("0x0a0b0c0d"));
  EXPECT_TRUE(targets.Find("creds.corp.EXAMPLE"));
  EXPECT_TRUE(targets.Find("fd12:0::1"));
  ASSERT_TRUE(targets.Find("vault"));
  EXPECT_EQ(targets.Find("vault")->target->proof, TargetProof::kHost);
  EXPECT_TRUE(targets.Find("169.254.169.254"));
}

TEST(MetadataTargetTest, TellsHostTextFromOther) {
  for (std::string_view host : {"10.0.0.1", "fd00::1", "a", "a-b.example"}) {
    EXPECT_TRUE(IsHostText(host)) << host;
  }
  for (std::string_view host : {"", "http://a", "a b", "a/b", "a:80", "*"}) {
    EXPECT_FALSE(IsHostText(host)) << host;
  }
  EXPECT_FALSE(IsHostText(std::string(254, 'a')));
}

TEST(MetadataCluesTest, FindsPaths) {
  for (std::string_view text :
       {"/latest/meta-data/", "http://x/Latest/Meta-Data", "latest/user-data",
        "x/latest/api/token", "/latest/dynamic/instance-identity/document",
        "/computeMetadata/v1/instance/", "/metadata/identity/oauth2/token?x",
        "/metadata/instance?api-version=2021-02-01", "/opc/v1/instance/",
        "/opc/v2/instance/id", "/openstack/latest/meta_data.json",
        "/openstack/latest/user_data", "/openstack/latest/securitykey",
        "/hetzner/v1/metadata/id", "/instance_identity/v1/token?version=1",
        "/v2/credentials/uuid", "/machine?comp=goalstate",
        "/machine/?comp=goalstate"}) {
    EXPECT_NE(FindMetadataClues(text).path, "") << text;
  }
  for (std::string_view text :
       {"", "latest", "/latest/", "/meta-data/", "mylatest/meta-data",
        "/latest/metadata", "/computeMetadata/", "/var/lib/cloud/user-data",
        "metadata", "/api/v1/metadata", "/v3/credentials", "opc/v3/instance",
        "/oauth2/token", "kube-env"}) {
    EXPECT_EQ(FindMetadataClues(text).path, "") << text;
  }
}

TEST(MetadataCluesTest, FindsHeaders) {
  for (std::string_view text :
       {"-H Metadata-Flavor: Google", "metadata: true", "Metadata:true",
        "X-aws-ec2-metadata-token: abc",
        "X-AWS-EC2-METADATA-TOKEN-TTL-SECONDS: 60",
        "Authorization: Bearer Oracle", "X-Google-Metadata-Request: True"}) {
    EXPECT_NE(FindMetadataClues(text).header, "") << text;
  }
  for (std::string_view text :
       {"metadata", "{\"metadata\":true}", "Authorization: Bearer x",
        "my-metadata: true", "oracle"}) {
    EXPECT_EQ(FindMetadataClues(text).header, "") << text;
  }
}

TEST(MetadataCluesTest, FindsWhatGivesOutCredentials) {
  for (std::string_view text :
       {"iam/security-credentials/role", "ram/security-credentials/",
        "/instance/service-accounts/default/token",
        "/service-accounts/a@b.example/identity?audience=x", "/oauth2/token",
        "attributes/kube-env", "/latest/user-data"}) {
    EXPECT_NE(FindMetadataClues(text).credential, "") << text;
  }
  for (std::string_view text :
       {"/service-accounts/default/email", "service-accounts/",
        "/service-accounts//", "security-group", "/my-user-data"}) {
    EXPECT_EQ(FindMetadataClues(text).credential, "") << text;
  }
  EXPECT_NE(FindMetadataClues("/v1/credentials").host_credential, "");
}

// Short hosts are not read at all: no target must be shorter.
TEST(MetadataTargetsTest, FindsTheShortestWaysToWriteTargets) {
  const std::vector<std::string> extra = {"1.0.0.1", "fd00::1", "0.0.0.5"};
  MetadataTargets more(extra);
  for (const char* host : {"1.1", "::100:1", "fd00::1", "5", "::5", "0x5"}) {
    EXPECT_TRUE(more.Find(host).has_value()) << host;
  }
  MetadataTargets usual{std::span<const std::string>()};
  for (const char* host : {"192.192", "::a9fe:17", "[::a9fe:17]", "::c000:c0",
                           "0xc0.192", "2852039166", "fd00:42::42"}) {
    EXPECT_TRUE(usual.Find(host).has_value()) << host;
  }
  EXPECT_EQ(usual.Find("FD00:EC2::254")->spelling, HostSpelling::kCanonical);
  EXPECT_EQ(usual.Find("fd00:0ec2::254")->spelling, HostSpelling::kIpv6Form);
  EXPECT_EQ(usual.Find("[fd00:ec2::254%1]")->spelling, HostSpelling::kIpv6Form);
}

uint64_t BitsIn(const MetadataTargets& targets, std::string_view network) {
  return targets.BitsIn(*IpNetwork::Parse(network));
}

TEST(MetadataTargetTest, SaysWhichAddressesANetworkHolds) {
  const MetadataTargets targets;
  EXPECT_THAT(targets.HostsOf(BitsIn(targets, "169.254.169.254/32")),
              ElementsAre("169.254.169.254"));
  EXPECT_THAT(targets.HostsOf(BitsIn(targets, "169.254.170.0/24")),
              ElementsAre("169.254.170.2", "169.254.170.23"));
  EXPECT_EQ(BitsIn(targets, "10.0.0.0/8"), 0u);
  EXPECT_THAT(targets.HostsOf(BitsIn(targets, "fd00:ec2::/32")),
              ElementsAre("fd00:ec2::254", "fd00:ec2::23"));
  // Each family has its own "all".
  const uint64_t all4 = BitsIn(targets, "0.0.0.0/0");
  const uint64_t all6 = BitsIn(targets, "::/0");
  EXPECT_NE(all4, 0u);
  EXPECT_NE(all6, 0u);
  EXPECT_EQ(all4 & all6, 0u);
}

// State is kept by them.
TEST(MetadataTargetTest, BitsDoNotDependOnWhatElseIsConfigured) {
  const std::vector<std::string> one = {"10.9.8.7"};
  const std::vector<std::string> two = {"metadata.example", "10.1.1.1",
                                        "10.9.8.7"};
  const MetadataTargets first(one), second(two);
  EXPECT_EQ(BitsIn(first, "10.9.8.7/32"), BitsIn(second, "10.9.8.7/32"));
  EXPECT_NE(BitsIn(first, "10.9.8.7/32"), 0u);
  EXPECT_EQ(BitsIn(first, "10.9.8.7/32") & BitsIn(first, "169.254.0.0/16"), 0u);
  EXPECT_EQ(BitsIn(first, "169.254.42.42"), BitsIn(second, "169.254.42.42"));
}

}  // namespace
}  // namespace oddverb
