#include "tests/support/random_finding.h"

#include <iterator>
#include <string_view>
#include <vector>

namespace oddverb {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kPieces[] = {
    "system:serviceaccount:web:frontend"sv,
    "curl/8.5"sv,
    " "sv,
    "\""sv,
    "\\"sv,
    "\\u0000"sv,
    "\n"sv,
    "\r\n"sv,
    "\t"sv,
    "\0"sv,
    "\x1b[2J\x1b]0;owned\x07"sv,
    "\x7f"sv,
    "\xc2\x9b"
    "31m"sv,  // C1 control sequence introducer
    "</script>&<>'"sv,
    "\u00e9\u4e2d\u6587"sv,
    "\U0001F600"sv,
    "e\u0301"sv,
    "\u202e\u2066"sv,  // turns the reading direction
    "\u2028\u2029\ufeff"sv,
    "\xff\xfe"sv,
    "\xc0\xaf"sv,          // overlong
    "\xed\xa0\x80"sv,      // surrogate
    "\xf4\x90\x80\x80"sv,  // above U+10FFFF
    "\xe4\xb8"sv,          // cut
    "{}[],:"sv};

size_t Below(std::mt19937_64& random, size_t limit) { return random() % limit; }

std::vector<std::string> Texts(std::mt19937_64& random) {
  std::vector<std::string> texts(Below(random, 4));
  for (std::string& text : texts) text = RandomHostileText(random);
  return texts;
}

absl::Time RandomTime(std::mt19937_64& random) {
  return absl::FromUnixMicros(1'700'000'000'000'000 +
                              static_cast<int64_t>(Below(random, 1ULL << 50)));
}

void FillTexts(std::mt19937_64& random, Finding& finding) {
  for (std::string* text :
       {&finding.cluster, &finding.rule, &finding.detector, &finding.source,
        &finding.title, &finding.summary, &finding.entity, &finding.entity_kind,
        &finding.who.user, &finding.who.credential_id,
        &finding.who.impersonated, &finding.who.pod, &finding.who.node,
        &finding.where.source_ip, &finding.where.user_agent, &finding.normal}) {
    *text = RandomHostileText(random);
  }
  for (std::vector<std::string>* texts :
       {&finding.who.groups, &finding.where.claimed_ips, &finding.what.verbs,
        &finding.what.resources, &finding.what.namespaces, &finding.what.names,
        &finding.next, &finding.benign_checks, &finding.attack}) {
    *texts = Texts(random);
  }
}

}  // namespace

std::string RandomHostileText(std::mt19937_64& random) {
  std::string text;
  for (size_t i = Below(random, 8); i > 0; --i) {
    if (Below(random, 4) == 0) {
      text += static_cast<char>(Below(random, 256));
    } else {
      text += kPieces[Below(random, std::size(kPieces))];
    }
  }
  return text;
}

Finding RandomFinding(std::mt19937_64& random) {
  Finding finding;
  FillTexts(random, finding);
  finding.id = {random(), random()};
  finding.rule_version = static_cast<int>(Below(random, 10));
  finding.severity = static_cast<Severity>(Below(random, 5));
  finding.state = static_cast<FindingState>(Below(random, 3));
  finding.warming = Below(random, 2) == 0;
  std::uniform_real_distribution<double> number(-20, 20);
  finding.confidence = (number(random) + 20) / 40;
  finding.threshold = number(random);
  for (size_t i = Below(random, 9); i > 0; --i) {
    finding.why.push_back(
        {RandomHostileText(random), RandomHostileText(random), number(random)});
    finding.score += finding.why.back().contribution;
  }
  finding.time = RandomTime(random);
  finding.first_seen = RandomTime(random);
  finding.last_seen = RandomTime(random);
  finding.count = static_cast<int64_t>(Below(random, 1ULL << 40));
  for (size_t i = Below(random, 3); i > 0; --i) {
    finding.decoded.push_back(
        {RandomHostileText(random), RandomHostileText(random)});
    finding.evidence.push_back({RandomHostileText(random), RandomTime(random),
                                RandomHostileText(random),
                                RandomHostileText(random),
                                static_cast<int>(Below(random, 600))});
  }
  finding.practice = {1, static_cast<int>(Below(random, 9)) + 1};
  return finding;
}

}  // namespace oddverb
