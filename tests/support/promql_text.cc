#include "tests/support/promql_text.h"

#include <algorithm>
#include <regex>

#include "absl/strings/str_replace.h"
#include "base/strings.h"

namespace oddverb {

std::vector<std::string> SelectorsIn(std::string_view expression) {
  static const std::regex kSelector(
      R"re(\b(oddverb[_:][\w:]+|process_\w+|up|ALERTS)\b(\{[^}]*\})?)re");
  std::vector<std::string> found;
  std::string text(expression);
  for (std::sregex_iterator it(text.begin(), text.end(), kSelector), end;
       it != end; ++it) {
    if (std::find(found.begin(), found.end(), it->str()) == found.end()) {
      found.push_back(it->str());
    }
  }
  return found;
}

std::string MetricOf(std::string_view selector) {
  return std::string(selector.substr(0, selector.find('{')));
}

std::string WithoutVariables(std::string_view expression) {
  return absl::StrReplaceAll(A(expression),
                             {{"$__rate_interval", "30s"},
                              {"$__interval", "10s"},
                              {"$__range", "5m"},
                              {"$job", ".*"},
                              {"$instance", ".*"},
                              {"$severity", ".*"},
                              {"${stream:raw}", "container=\"oddverb\""}});
}

}  // namespace oddverb
