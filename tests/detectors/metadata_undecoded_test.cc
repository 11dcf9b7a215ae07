// What MetadataAccess says of events that it could not read to their end.
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "detectors/metadata_access.h"
#include "detectors/metadata_finding.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Repeated(const std::string& piece, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += piece;
  return text;
}

std::string Base64(std::string text, int layers) {
  for (int i = 0; i < layers; ++i) text = absl::Base64Escape(text);
  return text;
}

// Encoded texts that differ, so that each has to be looked at.
std::string DecoyTexts(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += Base64(absl::StrCat("some harmless text number ", i), 1) + " ";
  }
  return text;
}

// Pods with this command.
std::string PodWith(const std::string& command) {
  return absl::StrCat(
      R"({"metadata":{"name":"p"},"spec":{"containers":[{"command":["sh","-c",")",
      absl::CEscape(command), R"("]}]}})");
}

void WriteUndecoded(MetadataStream& stream, const std::string& resource,
                    const std::string& body, int code = 201,
                    const std::string& audit_id = "write") {
  EventBuilder event;
  event.Verb("create").Resource(resource).Ns("web").Name("p").Code(code);
  event.AuditId(audit_id).RequestObject(body);
  stream.Feed(event.At(At(0)).Build());
}

struct Hostile {
  const char* name;
  std::string piece;
};

class HostileEventTest : public ::testing::TestWithParam<Hostile> {};

const Hostile kHostile[] = {
    {"Base64OfText", Base64("some harmless text to decode", 1) + " "},
    {"HexOfText", "736f6d65206861726d6c657373207465787420 "},
    {"Substitutions", "$(echo aa)$(echo bb) "},
    {"Variables", "a=$a$a; b=${a}x; "},
    {"Loops",
     "for i in 1 2 3 4; do for j in 1 2 3; do echo $i$j; done; done; "},
    {"Pipes", "echo abcdef | rev | tr a b | rev; "},
    {"Braces", "echo {a,b}{c,d}{e,f}{1..9}; "},
    {"Eval", "eval \"eval 'echo x'\"; "},
    {"Python", "python3 -c \"print('a'+chr(66)+'c')\"; "},
    {"Arithmetic", "echo $((1+2*3+(4<<2))); "},
    {"Printf", "printf '%s%d' a 7; "},
};

INSTANTIATE_TEST_SUITE_P(All, HostileEventTest, ::testing::ValuesIn(kHostile),
                         [](const auto& test) {
                           return std::string(test.param.name);
                         });

TEST_P(HostileEventTest, IsASignalInACommand) {
  MetadataStream stream;
  stream.Exec(At(0), {"sh", "-c", Repeated(GetParam().piece, 250'000)});
  ASSERT_THAT(stream.opened(), SizeIs(1));
  const Finding finding = stream.opened()[0];
  EXPECT_EQ(finding.rule, kUndecodedRule);
  EXPECT_EQ(finding.severity, Severity::kLow);
  EXPECT_EQ(finding.score, finding.why[0].contribution);
  EXPECT_THAT(finding.summary, HasSubstr("get pods/exec web/p"));
  EXPECT_EQ(stream.out().counts.decodings_cut_short, 1u);
}

TEST_P(HostileEventTest, IsASignalInAPod) {
  MetadataStream stream;
  WriteUndecoded(stream, "pods", PodWith(Repeated(GetParam().piece, 250'000)));
  ASSERT_THAT(stream.opened(), SizeIs(1));
  EXPECT_EQ(stream.opened()[0].rule, kUndecodedRule);
  EXPECT_EQ(stream.opened()[0].severity, Severity::kLow);
  EXPECT_EQ(stream.out().counts.decodings_cut_short, 1u);
}

TEST(MetadataUndecodedTest, MoreLayersThanAreUndoneAreASignal) {
  const std::string hidden = "curl http://169.254.169.254/latest/meta-data/";
  for (int layers : {1, 2, 3, 4, 5, 8}) {
    MetadataStream stream;
    WriteUndecoded(stream, "pods",
                   R"({"spec":{"containers":[{"env":[{"name":"A","value":")" +
                       Base64(hidden, layers) + R"("}]}]}})");
    ASSERT_THAT(stream.opened(), SizeIs(1)) << layers;
    EXPECT_EQ(stream.opened()[0].rule,
              layers <= 3 ? "metadata.workload" : kUndecodedRule);
  }
}

TEST(MetadataUndecodedTest, HonestLongCommandsAndManifestsAreNone) {
  std::string script = "set -eu\n";
  for (int i = 0; script.size() < 40'000; ++i) {
    absl::StrAppend(&script, "if [ -f /etc/app/file-", i, ".conf ]; then\n",
                    "  cp /etc/app/file-", i, ".conf /run/app/  # keep\n",
                    "  echo \"copied file ", i,
                    "\" >> /var/log/init.log\nfi\n");
  }
  MetadataStream stream;
  stream.Exec(At(0), {"sh", "-c", script});
  stream.Exec(At(1), {"cat", std::string(200'000, 'x')});
  WriteUndecoded(stream, "pods", PodWith(script.substr(0, 10'000)));
  stream.Exec(
      At(2),
      {"sh", "-c", "while true; do curl -s localhost/healthz; sleep 5; done"});
  stream.Exec(At(3), {"sh", "-c", "for i in $(seq 1 500); do echo $i; done"});
  std::string deployment = R"({"spec":{"template":{"spec":{"containers":[)";
  for (int c = 0; c < 6; ++c) {
    absl::StrAppend(
        &deployment, c == 0 ? "" : ",",
        R"({"image":"registry.example.com/team/app:1.2.3","env":[)");
    // The same in all of them, as a chart does it.
    for (int i = 0; i < 100; ++i) {
      absl::StrAppend(&deployment, i == 0 ? "" : ",", R"({"name":"V)", i,
                      R"(","value":"backend-service-)", i,
                      R"(.production.svc:8080"})");
    }
    deployment += "]}";
  }
  WriteUndecoded(stream, "deployments", deployment + "]}}}}", 201,
                 "deployment");
  std::string schema = "{\"type\":\"object\"}";
  for (int i = 0; i < 60; ++i)
    schema = "{\"properties\":{\"a\":" + schema + "}}";
  WriteUndecoded(stream, "customresourcedefinitions",
                 R"({"spec":{"versions":[{"schema":{"openAPIV3Schema":)" +
                     schema + "}}]}}",
                 201, "crd");
  // Configuration that is merely large; it is counted.
  WriteUndecoded(stream, "configmaps",
                 R"({"data":{"dashboard":")" +
                     Repeated("panel of a dashboard ", 900'000) + "\"}}",
                 201, "config");
  for (const Finding& finding : stream.findings()) {
    ADD_FAILURE() << finding.summary;
  }
  EXPECT_GE(stream.out().counts.decodings_cut_short, 1u);
}

TEST(MetadataUndecodedTest, WrappedConfigurationIsOnlyCounted) {
  MetadataStream stream;
  WriteUndecoded(stream, "configmaps",
                 R"({"data":{"a":")" + DecoyTexts(100) + "\"}}");
  EXPECT_THAT(stream.findings(), IsEmpty());
  EXPECT_EQ(stream.out().counts.decodings_cut_short, 1u);
}

TEST(MetadataUndecodedTest, WhatWasRefusedIsOnlyCounted) {
  MetadataStream stream;
  WriteUndecoded(stream, "pods", PodWith(Repeated(kHostile[0].piece, 250'000)),
                 403);
  EXPECT_THAT(stream.findings(), IsEmpty());
  EXPECT_EQ(stream.out().counts.decodings_cut_short, 1u);
}

TEST(MetadataUndecodedTest, AnActorHasOneCaseHoweverManyAreSent) {
  MetadataStream stream;
  const std::string hostile = DecoyTexts(100);
  for (int i = 0; i < 9; ++i) {
    stream.Exec(At(i), {"sh", "-c", hostile}, absl::StrCat("p", i));
  }
  EXPECT_THAT(stream.opened(), SizeIs(1));
  EXPECT_THAT(stream.findings(), SizeIs(4));  // 1, 2, 4, 8
  stream.Restart();
  ASSERT_TRUE(stream.restarts_ok());
  stream.End();
  ASSERT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].count, 9);
}

TEST(MetadataUndecodedTest, AFloodOfThemEndsNoOtherCase) {
  MetadataStream stream;
  stream.Exec(At(0), kPlain);
  const std::string hostile = DecoyTexts(100);
  for (int i = 0; i < 300; ++i) {
    stream.Exec(At(1), {"sh", "-c", hostile}, "p", absl::StrCat("user", i));
  }
  for (const Finding& ended : stream.InState(FindingState::kFinal)) {
    EXPECT_EQ(ended.rule, kUndecodedRule);
  }
  EXPECT_GE(stream.InState(FindingState::kFinal).size(),
            300 - MetadataAccess::kMaxUndecoded);
}

}  // namespace
}  // namespace oddverb
