#include "model/attack_tactic.h"

#include <algorithm>
#include <iterator>

namespace oddverb {
namespace {

struct Row {
  std::string_view technique;
  std::string_view tactic;
};

// Sorted.
constexpr Row kTactics[] = {
    {"T1036", "defense-evasion"},
    {"T1041", "exfiltration"},
    {"T1046", "discovery"},
    {"T1053", "execution"},
    {"T1059", "execution"},
    {"T1068", "privilege-escalation"},
    {"T1069", "discovery"},
    {"T1070", "defense-evasion"},
    {"T1078", "initial-access"},
    {"T1087", "discovery"},
    {"T1090", "command-and-control"},
    {"T1098", "persistence"},
    {"T1110", "credential-access"},
    {"T1133", "initial-access"},
    {"T1136", "persistence"},
    {"T1190", "initial-access"},
    {"T1204", "execution"},
    {"T1485", "impact"},
    {"T1489", "impact"},
    {"T1490", "impact"},
    {"T1496", "impact"},
    {"T1498", "impact"},
    {"T1499", "impact"},
    {"T1525", "persistence"},
    {"T1526", "discovery"},
    {"T1528", "credential-access"},
    {"T1530", "collection"},
    {"T1543", "persistence"},
    {"T1548", "privilege-escalation"},
    {"T1550", "lateral-movement"},
    {"T1552", "credential-access"},
    {"T1555", "credential-access"},
    {"T1556", "credential-access"},
    {"T1557", "credential-access"},
    {"T1562", "defense-evasion"},
    {"T1565", "impact"},
    {"T1580", "discovery"},
    {"T1606", "credential-access"},
    {"T1609", "execution"},
    {"T1610", "execution"},
    {"T1611", "privilege-escalation"},
    {"T1612", "defense-evasion"},
    {"T1613", "discovery"},
    {"T1619", "discovery"},
    {"T1648", "execution"},
    {"T1649", "credential-access"},
    {"T1651", "execution"},
};

}  // namespace

std::string_view TacticOf(std::string_view technique) {
  const std::string_view root = technique.substr(0, technique.find('.'));
  auto less = [](const Row& row, std::string_view key) {
    return row.technique < key;
  };
  const Row* row =
      std::lower_bound(std::begin(kTactics), std::end(kTactics), root, less);
  return row != std::end(kTactics) && row->technique == root
             ? row->tactic
             : std::string_view();
}

}  // namespace oddverb
