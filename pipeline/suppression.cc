#include "pipeline/suppression.h"

#include <algorithm>
#include <optional>

#include "base/ip_address.h"

namespace oddverb {
namespace {

constexpr std::string_view kNames[] = {"rule",        "detector",  "entity",
                                       "entity_kind", "namespace", "source_ip",
                                       "cluster",     "id"};
static_assert(std::size(kNames) == static_cast<size_t>(SuppressedBy::kCount));

bool MatchesAddress(std::string_view pattern, std::string_view text) {
  if (pattern.find('/') == std::string_view::npos) {
    return MatchesGlob(pattern, text);
  }
  std::optional<IpNetwork> network = IpNetwork::Parse(pattern);
  std::optional<IpAddress> address = IpAddress::Parse(text);
  return network.has_value() && address.has_value() &&
         network->Contains(*address);
}

// A list that was cut at its bound may have left out one that does not match.
bool MatchesAll(std::string_view pattern,
                const std::vector<std::string>& texts) {
  return !texts.empty() && texts.size() < Finding::kMaxListed &&
         std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
           return MatchesGlob(pattern, text);
         });
}

bool MatchesField(SuppressedBy field, std::string_view pattern,
                  const Finding& finding) {
  switch (field) {
    case SuppressedBy::kRule:
      return MatchesGlob(pattern, finding.rule);
    case SuppressedBy::kDetector:
      return MatchesGlob(pattern, finding.detector);
    case SuppressedBy::kEntity:
      return MatchesGlob(pattern, finding.entity);
    case SuppressedBy::kEntityKind:
      return MatchesGlob(pattern, finding.entity_kind);
    case SuppressedBy::kNamespace:
      return MatchesAll(pattern, finding.what.namespaces);
    case SuppressedBy::kSourceIp:
      return MatchesAddress(pattern, finding.where.source_ip);
    case SuppressedBy::kCluster:
      return MatchesGlob(pattern, finding.cluster);
    case SuppressedBy::kId:
      return MatchesGlob(pattern, finding.id.ToHex());
    case SuppressedBy::kCount:
      break;
  }
  return false;
}

bool Matches(const Suppression& entry, const Finding& finding) {
  bool names_one = false;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const std::string& pattern = entry.patterns[i];
    if (pattern.empty()) continue;
    names_one = true;
    if (!MatchesField(static_cast<SuppressedBy>(i), pattern, finding)) {
      return false;
    }
  }
  return names_one;
}

}  // namespace

std::span<const std::string_view> SuppressedByNames() { return kNames; }

const Suppression* SuppressionList::Find(const Finding& finding) const {
  for (const Suppression& entry : entries_) {
    if (finding.time < entry.expires && Matches(entry, finding)) return &entry;
  }
  return nullptr;
}

bool MatchesGlob(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  // Only the last star can need another length: an earlier one has found the
  // shortest text that its part matches, which leaves the most to the others.
  size_t star = std::string_view::npos;
  size_t star_end = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace oddverb
