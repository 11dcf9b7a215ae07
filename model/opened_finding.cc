#include "model/opened_finding.h"

#include <algorithm>

namespace oddverb {
namespace {

// As a list of a Finding has it: no text is empty, too long, or stands twice.
bool IsClean(std::span<const std::string_view> list) {
  if (list.size() > Finding::kMaxListed) return false;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string_view text = list[i];
    const auto before = list.first(i);
    if (text.empty() || text.size() > Finding::kMaxTextBytes ||
        std::find(before.begin(), before.end(), text) != before.end()) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool OpenedFinding::Fits(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  const bool are_short =
      std::max({event.user.name.size(), event.credential_id.size(),
                event.impersonated.name.size(), event.pod_name.size(),
                event.node_name.size(), event.source_ip.size(),
                event.user_agent.size(), event.audit_id.size(),
                event.verb.size(), object.ns.size(), object.name.size(),
                object.api_group.size() + object.resource.size() +
                    object.subresource.size() + 2}) <= Finding::kMaxTextBytes;
  return are_short && event.request_uri.size() <= Finding::kMaxUriBytes &&
         IsClean(event.user.groups) && event.source_ips.size() <= 1;
}

void OpenedFinding::SetEvent(const AuditEvent& event) {
  who = {event.user.name, event.credential_id, event.impersonated.name,
         event.pod_name,  event.node_name,     event.user.groups};
  where.source_ip = event.source_ip;
  where.user_agent = event.user_agent;
  what.verbs = Text(event.verb);
  if (event.object.present) {
    std::string_view resource = event.object.resource;
    if (!event.object.api_group.empty() || !event.object.subresource.empty()) {
      resource_ = GroupedResource(event.object);
      resource = resource_;
    }
    what.resources = Text(resource);
    what.namespaces = Text(event.object.ns);
    what.names = Text(event.object.name);
  }
  evidence[0] = {event.audit_id, event.stage_time, event.verb,
                 event.request_uri, event.response_code};
}

}  // namespace oddverb
