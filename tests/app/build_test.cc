#include "app/build.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

absl::StatusOr<Settings> Load(std::string_view yaml, ScanOptions options = {}) {
  TempFolder folder;
  options.config_file = folder.Write("c.yaml", yaml);
  return LoadSettings(options);
}

TEST(LoadSettingsTest, NoConfigurationMeansDefaults) {
  const absl::StatusOr<Settings> settings = LoadSettings(ScanOptions());
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(settings->cluster, "");
  EXPECT_THAT(settings->trusted_proxies, IsEmpty());
  EXPECT_THAT(MakePartFactory(*settings), IsOk());
  EXPECT_THAT(Load(""), IsOk());
  EXPECT_THAT(Load("detectors:\n"), IsOk());
}

TEST(LoadSettingsTest, TheCommandLineWins) {
  const char kYaml[] = "cluster: one\ntrusted_proxies: [10.0.0.0/8, ::1]\n";
  ScanOptions options;
  ASSERT_THAT(Load(kYaml), IsOk());
  EXPECT_EQ(Load(kYaml)->cluster, "one");
  EXPECT_THAT(Load(kYaml)->trusted_proxies, SizeIs(2));
  options.cluster = "two";
  options.trusted_proxies = {"192.0.2.1"};
  EXPECT_EQ(Load(kYaml, options)->cluster, "two");
  EXPECT_THAT(Load(kYaml, options)->trusted_proxies, SizeIs(1));
}

struct BuildMistake {
  std::string yaml;
  std::string said;
};

TEST(LoadSettingsTest, AMistakeHasItsPlaceAndTheNearestName) {
  const std::vector<BuildMistake> cases = {
      {"clustr: x\n",
       "c.yaml:1:1: unknown key: \"clustr\" (did you mean "
       "\"cluster\"?)"},
      {"cluster: [a]\n", "c.yaml:1:10: "},
      {"trusted_proxies: 10.0.0.0/33\n",
       "c.yaml:1:18: \"10.0.0.0/33\" is no network; write an address or a "
       "CIDR such as 10.0.0.0/8"},
      {"detectors: 7\n", "c.yaml:1:12: "},
      {"detectors:\n  forbidden_brust: {}\n",
       "c.yaml:2:3: unknown key: \"forbidden_brust\" (did you mean "
       "\"forbidden_burst\"?)"},
      {"detectors:\n  forbidden_burst:\n    profle: quiet\n",
       "c.yaml:3:5: unknown key: \"profle\" (did you mean \"profile\"?)"},
      {"detectors:\n  forbidden_burst: {profile: loud}\n", "c.yaml:2:30: "},
      {"cluster: [a\n", "c.yaml:"},
      {"cluster: x\ncluster: y\n", "c.yaml:2:1: "},
  };
  for (const BuildMistake& test : cases) {
    EXPECT_THAT(Load(test.yaml), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr(test.said)))
        << test.yaml;
  }
}

TEST(LoadSettingsTest, AllMistakesAreToldAtOnceAndEachOnce) {
  ScanOptions options;
  options.trusted_proxies = {"nonsense"};
  const absl::StatusOr<Settings> settings = Load(
      "clustr: x\n"
      "trusted_proxies: [a, b]\n"
      "detectors:\n"
      "  metadata_acess: {}\n"
      "  forbidden_burst: {profle: quiet}\n"
      // Read by the detector and by its part in the correlator.
      "  stolen_credential: {min_alternation: 3}\n",
      options);
  const std::string message(settings.status().message());
  EXPECT_THAT(LinesOf(message), SizeIs(7)) << message;
  for (const char* part :
       {"c.yaml:1:1", "c.yaml:2:18", "c.yaml:4:3", "c.yaml:5:21", "c.yaml:6:23",
        "--trusted-proxies: \"nonsense\""}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
}

TEST(LoadSettingsTest, AFileThatIsNoConfigurationIsNamed) {
  ScanOptions options;
  options.config_file = "/no/such.yaml";
  EXPECT_THAT(
      LoadSettings(options),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("/no/such.yaml: cannot read the configuration"),
                     HasSubstr("No such file"))));
  options.config_file = "/tmp";
  EXPECT_THAT(LoadSettings(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/tmp: cannot read the configuration")));
  EXPECT_THAT(Load(std::string((4 << 20) + 1, '#')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("larger than 4 MiB")));
  EXPECT_THAT(Load("cluster: x\n" + std::string((4 << 20) - 100, '#')), IsOk());
}

TEST(MakeExporterTest, AnUnknownFormatIsAnErrorWithTheNearestName) {
  EXPECT_THAT(MakeExporter("ndjsn", ExporterSetup()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean \"ndjson\"?")));
}

}  // namespace
}  // namespace oddverb
