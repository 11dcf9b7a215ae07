// The events of rule cases, made of maps on top of one another. One thread.
#ifndef ODDVERB_RULES_CASE_EVENT_H_
#define ODDVERB_RULES_CASE_EVENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "rules/rule_diagnostics.h"
#include "rules/sigma_source.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// A JSON value, with the order of its keys.
struct CaseValue {
  enum class Kind : uint8_t { kScalar, kArray, kObject };
  Kind kind = Kind::kObject;
  std::string scalar;  // JSON text
  std::vector<CaseValue> items = {};
  std::vector<std::pair<std::string, CaseValue>> members = {};

  static CaseValue Text(std::string_view text);
  // nullptr if it has none, or is no object.
  CaseValue* Find(std::string_view key);
  const CaseValue* Find(std::string_view key) const;
  // The member, made where it is missing; what is no object becomes one.
  CaseValue& At(std::string_view key);
  void Erase(std::string_view key);
  // An object is added to an object, key by key; all else replaces.
  void Add(CaseValue other);
  std::string ToJson() const;
};

// A scalar that YAML's text quotes is a string; one that is not may be a
// number, true, false or null.
CaseValue ReadCaseValue(const RuleText& text, const YamlNode& node);

// A request that succeeded, by a user: what every event begins with.
CaseValue DefaultCaseEvent();

// Sets the field that `key` names, a path such as "objectRef.name" or a short
// name, to `value`. What is wrong goes to `reporter`.
void SetCaseField(const RuleText& text, std::string_view key,
                  const YamlNode& value, SigmaReporter& reporter,
                  CaseValue& event);

// Gives the event what the API server always writes, where it is not there
// yet: an ID (made of `number`), the times, the URI of its object.
void CompleteCaseEvent(uint64_t number, absl::Time time, CaseValue& event);

}  // namespace oddverb

#endif  // ODDVERB_RULES_CASE_EVENT_H_
