// What an expression of PromQL asks for, found without parsing all of it.
#ifndef ODDVERB_TESTS_SUPPORT_PROMQL_TEXT_H_
#define ODDVERB_TESTS_SUPPORT_PROMQL_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Its selectors of our series, of process_*, up and ALERTS: the name with its
// matchers, without ranges and offsets. In order, each once.
std::vector<std::string> SelectorsIn(std::string_view expression);
// "oddverb_events_total" of oddverb_events_total{source="a"}.
std::string MetricOf(std::string_view selector);
// `expression` with the variables of Grafana and of our dashboards replaced, as
// if everything was chosen.
std::string WithoutVariables(std::string_view expression);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_PROMQL_TEXT_H_
