// Detectors look at what names do, never at what they are called: with every
// user, address and namespace renamed and the time moved, the findings are the
// same up to the renaming.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "detectors/certificate_requests.h"
#include "detectors/pod_ranges.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/demo_log.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

const absl::Duration kShift = absl::Hours(24 * 191) + absl::Seconds(7);

// Letters moved by 13: another name of the same length.
std::string Rot13(std::string name) {
  for (char& c : name) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      char base =
          absl::ascii_islower(static_cast<unsigned char>(c)) ? 'a' : 'A';
      c = static_cast<char>(base + (c - base + 13) % 26);
    }
  }
  return name;
}

class Renaming {
 public:
  explicit Renaming(const std::vector<std::string>& lines,
                    std::set<std::string> kept =
                        {"default", "kube-system",
                         "clusterrole-aggregation-controller", "coredns",
                         "fluent-bit", "generic-garbage-collector",
                         "namespace-controller"})
      : kept_(std::move(kept)) {
    std::set<std::string> addresses;
    for (const std::string& line : lines) Learn(line, addresses);
    RotateAddresses(addresses);
  }

  size_t size() const { return names_.size(); }

  // Replaces whole words and moves every time stamp. A certificate request is
  // a text within a text within a text: the names in there are renamed, too.
  std::string Apply(const std::string& line) const {
    constexpr std::string_view kRequest = R"("request":"LS0t)";
    size_t begin = line.find(kRequest);
    if (begin == std::string::npos) return ApplyToWords(line);
    begin += kRequest.size() - 4;
    size_t end = line.find('"', begin);
    std::string certificate = line.substr(begin, end - begin);
    return ApplyToWords(line.substr(0, begin)) + RenamedRequest(certificate) +
           Apply(line.substr(end));
  }

 private:
  std::string RenamedRequest(const std::string& request) const {
    std::string pem, der;
    if (!absl::Base64Unescape(request, &pem)) return request;
    size_t begin = pem.find("-----\n") + 6, end = pem.find("-----END");
    if (!absl::Base64Unescape(pem.substr(begin, end - begin), &der)) {
      return request;
    }
    std::string name = SubjectOf(request).common_name;
    // Names keep their length, so that the DER stays what it is.
    der = absl::StrReplaceAll(der, {{name, Renamed(name)}});
    return absl::Base64Escape(pem.substr(0, begin) + absl::Base64Escape(der) +
                              "\n" + pem.substr(end));
  }

  std::string ApplyToWords(const std::string& line) const {
    std::string out;
    for (size_t i = 0; i < line.size();) {
      size_t end = i;
      while (end < line.size() && IsWord(line[end])) ++end;
      if (end == i) {
        out += line[i++];
        continue;
      }
      std::string word = line.substr(i, end - i);
      // 2026-11-23T23:33:15.346413Z holds colons, so it is not one word.
      if (word.size() == 13 && word[10] == 'T' && i + 27 <= line.size() &&
          line[i + 26] == 'Z') {
        out += Moved(line.substr(i, 27));
        i += 27;
        continue;
      }
      out += Renamed(word);
      i = end;
    }
    return out;
  }

  static bool IsWord(char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
           c == '.' || c == '@' || c == '_';
  }

  static std::string Moved(const std::string& stamp) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, stamp, &time, &error)) {
      return stamp;
    }
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time + kShift,
                            absl::UTCTimeZone());
  }

  std::string Renamed(const std::string& word) const {
    auto found = names_.find(word);
    if (found != names_.end()) return found->second;
    // "system:anonymous@ADDRESS", and a name at the end of a sentence.
    for (char separator : {'@', '.'}) {
      size_t at = word.rfind(separator);
      if (at == std::string::npos) continue;
      std::string left = word.substr(0, at), right = word.substr(at + 1);
      if (separator == '@' || right.empty()) {
        if (names_.contains(left) || names_.contains(right)) {
          return Renamed(left) + separator + Renamed(right);
        }
      }
    }
    return word;
  }

  void Name(const std::string& name) {
    if (!name.empty() && !kept_.contains(name)) names_[name] = Rot13(name);
  }

  void Learn(const std::string& line, std::set<std::string>& addresses) {
    nlohmann::json event = nlohmann::json::parse(line);
    std::string user = event["user"].value("username", "");
    std::vector<std::string> parts = absl::StrSplit(user, ':');
    if (user.starts_with("system:serviceaccount:")) {
      Name(parts[2]);
      Name(parts[3]);
    } else if (user.starts_with("system:node:")) {
      Name(parts[2]);
    } else if (!user.starts_with("system:")) {
      Name(parts.back());
    }
    if (event.contains("objectRef")) {
      Name(event["objectRef"].value("namespace", ""));
    }
    const bool is_pod =
        line.find("authentication.kubernetes.io/pod-uid") != std::string::npos;
    for (const auto& ip : event.value("sourceIPs", nlohmann::json::array())) {
      addresses.insert(ip);
      if (is_pod) pod_addresses_.insert(ip);
    }
  }

  // Each address takes the next one's place among those that look alike
  // (private or not, same length), so that no text is cut elsewhere. Those of
  // pods stay in their blocks, which tell whose pods are there (pod_ranges.h).
  void RotateAddresses(const std::set<std::string>& addresses) {
    std::map<std::tuple<bool, bool, size_t, uint32_t>, std::vector<std::string>>
        groups;
    for (const std::string& ip : addresses) {
      std::optional<IpAddress> parsed = IpAddress::Parse(ip);
      if (!parsed.has_value() || ip.starts_with("127.")) continue;
      const bool has_block = parsed->is_v4() && pod_addresses_.contains(ip);
      const uint32_t block =
          has_block ? parsed->v4() >> (32 - PodRanges::kBits) : 0;
      groups[{parsed->is_private(), parsed->is_v4(), ip.size(), block}]
          .push_back(ip);
    }
    for (const auto& [kind, group] : groups) {
      for (size_t i = 0; i < group.size(); ++i) {
        names_[group[i]] = group[(i + 1) % group.size()];
      }
    }
  }

  // "default" is also a word of the metadata paths in the staged commands,
  // which must stay what they are; "kube-system", the controllers that
  // kube-controller-manager runs there, and what cluster.settings_changed and
  // audit.evidence_removed know by name have a test of their own.
  std::set<std::string> kept_;
  std::map<std::string, std::string> names_;
  std::set<std::string> pod_addresses_;  // tokens of pods were used there
};

// The findings without their ids (hashes of names), in an order that does not
// depend on ids.
std::vector<std::string> WithoutIds(const std::string& ndjson) {
  std::vector<std::string> findings;
  for (absl::string_view line :
       absl::StrSplit(ndjson, '\n', absl::SkipEmpty())) {
    nlohmann::json finding = nlohmann::json::parse(S(line));
    finding.erase("id");
    findings.push_back(finding.dump());
  }
  std::sort(findings.begin(), findings.end());
  return findings;
}

TEST(RenamingTest, FindingsFollowTheNames) {
  std::vector<std::string> lines = DemoLogLines();
  Renaming renaming(lines);
  ASSERT_GT(renaming.size(), 100u);
  std::vector<std::string> renamed;
  for (const std::string& line : lines) {
    renamed.push_back(renaming.Apply(line));
  }
  ASSERT_NE(renamed, lines);
  std::string before = FindingsOf(lines, {});
  std::vector<std::string> expected = WithoutIds(renaming.Apply(before));
  std::vector<std::string> actual = WithoutIds(FindingsOf(renamed, {}));
  ASSERT_GT(expected.size(), 10u);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i], expected[i]);
  }
}

// What has the same name in every cluster: the namespace (kubernetes:
// metav1.NamespaceSystem), the controllers whose accounts are in it, the
// configuration of CoreDNS, log agents. Only the rules that say so look at it.
TEST(RenamingTest, OnlyWhatIsSaidOfKubeSystemDependsOnItsName) {
  std::vector<std::string> lines = DemoLogLines();
  Renaming renaming(lines, {"default"});
  std::vector<std::string> renamed;
  for (const std::string& line : lines) {
    renamed.push_back(renaming.Apply(line));
  }
  std::vector<std::string> expected =
      WithoutIds(renaming.Apply(FindingsOf(lines, {})));
  std::vector<std::string> actual = WithoutIds(FindingsOf(renamed, {}));
  std::vector<std::string> lost, gained;
  std::set_difference(expected.begin(), expected.end(), actual.begin(),
                      actual.end(), std::back_inserter(lost));
  std::set_difference(actual.begin(), actual.end(), expected.begin(),
                      expected.end(), std::back_inserter(gained));
  EXPECT_THAT(lost, testing::Not(testing::IsEmpty()));
  EXPECT_LT(lost.size(), expected.size() / 4);
  // A sequence is made of the others.
  const auto names_its_rule =
      testing::AnyOf(testing::HasSubstr(R"("rule":"attack.sequence")"),
                     testing::HasSubstr(R"("rule":"audit.evidence_removed")"),
                     testing::HasSubstr(R"("rule":"cluster.settings_changed")"),
                     testing::HasSubstr(R"("rule":"impersonation.new")"),
                     testing::HasSubstr(R"("rule":"token.minted_elsewhere")"),
                     testing::HasSubstr(R"("rule":"token.minting_chain")"));
  EXPECT_THAT(lost, testing::Each(names_its_rule));
  EXPECT_THAT(gained, testing::Each(names_its_rule));
}

}  // namespace
}  // namespace oddverb
