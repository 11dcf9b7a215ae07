// What findings are called in the world of Alertmanager: alert names, the three
// severities that its routes expect. Pure functions.
#ifndef ODDVERB_EXPORTERS_ALERT_NAMES_H_
#define ODDVERB_EXPORTERS_ALERT_NAMES_H_

#include <string>
#include <string_view>

#include "model/finding.h"

namespace oddverb {

// "critical" for critical and high, "warning" for medium, "info" for the rest:
// the three words of Prometheus's own rules, which people's routes match. Who
// wants the five levels matches the label `level`.
std::string_view AlertSeverityName(Severity severity);

// In CamelCase, as Prometheus's rules are named: from a table for the rules
// that oddverb knows, else made of the words of the rule's id. A rule whose id
// is a UUID (Sigma) is called by its title. At most 64 ASCII letters and
// digits, never empty.
std::string AlertName(const Finding& finding);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERT_NAMES_H_
