#include "app/expired_allowances.h"

#include "detectors/forbidden_allow.h"

namespace oddverb {

std::vector<ExpiredAllowance> ExpiredAllowances(const ServiceConfig& config,
                                                absl::Time now) {
  std::vector<ExpiredAllowance> expired;
  const YamlNode list = config.detectors.Get("forbidden_burst").Get("allow");
  const auto entries = AllowedRefusal::FromYaml(list);
  // A mistake in it is told where the detectors' options are checked.
  if (!entries.ok()) return expired;
  const std::vector<YamlNode> items = list.Items();
  for (size_t i = 0; i < entries->size() && i < items.size(); ++i) {
    const AllowedRefusal& entry = (*entries)[i];
    if (entry.expires > now) continue;
    expired.push_back({i + 1, entry.actor, entry.expires, items[i].Place()});
  }
  return expired;
}

}  // namespace oddverb
