// Commands that a real shell proves to reach a metadata service, composed at
// random. ODDVERB_COMMANDS=100000 runs more of them, ODDVERB_SEED others.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/command_composer.h"
#include "tests/support/command_lab.h"

namespace oddverb {
namespace {

size_t FromEnvironment(const char* name, size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

bool IsFound(const std::vector<std::string>& command) {
  MetadataStream stream;
  stream.Exec(At(0), command);
  return std::any_of(
      stream.findings().begin(), stream.findings().end(),
      [](const Finding& f) { return f.severity >= Severity::kMedium; });
}

CommandComposer::Languages InstalledLanguages() {
  CommandComposer::Languages languages{.python = CommandLab::Has("python3"),
                                       .perl = CommandLab::Has("perl")};
  if (!languages.python) std::cout << "no python3: left out\n";
  if (!languages.perl) std::cout << "no perl: left out\n";
  return languages;
}

bool ReachesTarget(const std::vector<std::string>& hosts) {
  const auto& targets = CommandComposer::Targets();
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return std::find(targets.begin(), targets.end(), host) != targets.end();
  });
}

TEST(MetadataCommandsTest, FindsWhatAShellProvesToReachATarget) {
  size_t wanted = FromEnvironment("ODDVERB_COMMANDS", 2000);
  CommandComposer composer(FromEnvironment("ODDVERB_SEED", 26),
                           InstalledLanguages());
  CommandLab lab;
  size_t proven = 0;
  size_t found = 0;
  size_t composed = 0;
  std::map<std::string, size_t> missed_forms;
  while (proven < wanted && composed < 2 * wanted) {
    ComposedCommand command = composer.Attack();
    ++composed;
    std::vector<std::string> hosts = lab.Reached(command.words);
    if (std::find(hosts.begin(), hosts.end(), command.target) == hosts.end()) {
      if (std::getenv("ODDVERB_SHOW_UNPROVEN") != nullptr) {
        std::cout << "unproven " << command.form << ": "
                  << absl::StrJoin(command.words, " | ") << "\n";
      }
      continue;
    }
    ++proven;
    if (IsFound(command.words)) {
      ++found;
    } else if (++missed_forms[command.form] <= 3 && missed_forms.size() <= 40) {
      std::cout << "missed " << command.form << ": "
                << absl::StrJoin(command.words, " | ") << "\n";
    }
  }
  std::cout << "composed " << composed << ", proven " << proven << ", found "
            << found << "\n";
  RecordProperty("proven", static_cast<int>(proven));
  RecordProperty("found", static_cast<int>(found));
  EXPECT_EQ(proven, wanted) << "of " << composed;
  EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(proven));
}

TEST(MetadataCommandsTest, LeavesAloneWhatReachesNoTarget) {
  size_t wanted = FromEnvironment("ODDVERB_COMMANDS", 2000) / 4;
  CommandComposer composer(FromEnvironment("ODDVERB_SEED", 26) + 1000,
                           InstalledLanguages());
  CommandLab lab;
  for (size_t i = 0; i < wanted; ++i) {
    ComposedCommand command = composer.Honest();
    ASSERT_FALSE(ReachesTarget(lab.Reached(command.words)))
        << absl::StrJoin(command.words, " | ");
    EXPECT_FALSE(IsFound(command.words))
        << command.form << ": " << absl::StrJoin(command.words, " | ");
  }
}

}  // namespace
}  // namespace oddverb
