#include "model/finding.h"

#include <algorithm>
#include <array>

#include "base/ip_address.h"
#include "base/utf8.h"
#include "model/audit_event.h"

namespace oddverb {
namespace {

constexpr std::array<std::string_view, 5> kSeverityNames = {
    "info", "low", "medium", "high", "critical"};

// Keeps `list` a small set in order of first appearance.
void AddDistinct(std::string_view value, std::vector<std::string>& list) {
  if (value.empty() || list.size() >= Finding::kMaxListed) return;
  // Most are short and listed: those cost no copy.
  std::string bounded;
  if (value.size() > Finding::kMaxTextBytes) {
    bounded = Bounded(value, Finding::kMaxTextBytes);
    value = bounded;
  }
  if (std::find(list.begin(), list.end(), value) != list.end()) return;
  list.emplace_back(value);
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  return kSeverityNames[static_cast<size_t>(severity)];
}

bool ParseSeverity(std::string_view name, Severity& out) {
  for (size_t i = 0; i < kSeverityNames.size(); ++i) {
    if (name == kSeverityNames[i]) {
      out = static_cast<Severity>(i);
      return true;
    }
  }
  return false;
}

std::string_view FindingStateName(FindingState state) {
  switch (state) {
    case FindingState::kOpen:
      return "open";
    case FindingState::kUpdate:
      return "update";
    case FindingState::kFinal:
      return "final";
  }
  return "open";
}

std::string Bounded(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  constexpr std::string_view kMark = "...";
  if (max_bytes < kMark.size()) return std::string(kMark.substr(0, max_bytes));
  std::string bounded(Utf8Prefix(text, max_bytes - kMark.size()));
  return bounded.append(kMark);
}

std::string GroupedResource(const ObjectReference& object) {
  std::string text;
  text.reserve(object.api_group.size() + object.resource.size() +
               object.subresource.size() + 2);
  if (!object.api_group.empty()) {
    text += object.api_group;
    text += "/";
  }
  text += object.resource;
  if (!object.subresource.empty()) {
    text += "/";
    text += object.subresource;
  }
  return text;
}

void Finding::AddEvidence(const AuditEvent& event) {
  AddDistinct(event.verb, what.verbs);
  if (event.object.present) {
    if (what.resources.size() < kMaxListed) {
      AddDistinct(GroupedResource(event.object), what.resources);
    }
    AddDistinct(event.object.ns, what.namespaces);
    AddDistinct(event.object.name, what.names);
  }
  if (evidence.size() >= kMaxEvidence) return;
  evidence.push_back({.audit_id = Bounded(event.audit_id, kMaxTextBytes),
                      .time = event.stage_time,
                      .verb = Bounded(event.verb, kMaxTextBytes),
                      .uri = Bounded(event.request_uri, kMaxUriBytes),
                      .code = event.response_code});
}

void Finding::SetSubject(const AuditEvent& event) {
  who.user = Bounded(event.user.name, kMaxTextBytes);
  who.credential_id = Bounded(event.credential_id, kMaxTextBytes);
  who.impersonated = Bounded(event.impersonated.name, kMaxTextBytes);
  who.pod = Bounded(event.pod_name, kMaxTextBytes);
  who.node = Bounded(event.node_name, kMaxTextBytes);
  who.groups.clear();
  for (std::string_view group : event.user.groups) {
    AddDistinct(group, who.groups);
  }
  where.source_ip = Bounded(event.source_ip, kMaxTextBytes);
  where.user_agent = Bounded(event.user_agent, kMaxTextBytes);
  where.claimed_ips.clear();
  // What stands left of the believed entry is the client's word; right of it
  // are the proxies that were peeled off.
  size_t claimed = event.source_ips.size();
  while (claimed > 0 && event.source_ips[claimed - 1] != event.source_ip) {
    --claimed;
  }
  for (size_t i = 0; i + 1 < claimed; ++i) {
    AddDistinct(event.source_ips[i], where.claimed_ips);
  }
}

void Finding::NoteClaimedAddress() {
  constexpr std::string_view kFeature =
      "claims a private address (X-Forwarded-For), comes from a public one";
  if (where.claimed_ips.empty() || why.size() >= kMaxListed) return;
  auto address = IpAddress::Parse(where.source_ip);
  if (!address.has_value() || address->is_private()) return;
  for (const std::string& claimed : where.claimed_ips) {
    auto claim = IpAddress::Parse(claimed);
    if (!claim.has_value() || !claim->is_private()) continue;
    const bool is_known =
        std::any_of(why.begin(), why.end(), [&](const FindingReason& reason) {
          return reason.feature == kFeature;
        });
    if (!is_known) {
      why.push_back(
          {std::string(kFeature), claimed + ", but " + where.source_ip, 0});
    }
    return;
  }
}

Hash128 FindingId(const KeyedHash& hash, std::string_view cluster,
                  std::string_view rule, std::string_view entity,
                  const Hash128& opening_event) {
  HashInput input;
  input.Add(cluster).Add(rule).Add(entity);
  input.Add(opening_event.high).Add(opening_event.low);
  return hash.HashWide(input.bytes());
}

}  // namespace oddverb
