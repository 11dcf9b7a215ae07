#include "rules/rule_lint.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/canonical_number.h"
#include "rules/required.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

using Kind = Predicate::Kind;

// Fields whose values are a closed set.
struct ClosedField {
  std::string_view name;
  std::vector<std::string> values;  // folded
};
std::vector<ClosedField> ClosedFields() {
  return {
      {"annotations.authorization.k8s.io/decision", {"allow", "forbid"}},
      {"level", {"metadata", "request", "requestresponse"}},
      {"stage",
       {"panic", "requestreceived", "responsecomplete", "responsestarted"}}};
}

class DeadTests {
 public:
  // The predicate with every test that is decided beforehand decided.
  Predicate Decide(const Predicate& predicate) {
    std::vector<Predicate> parts;
    for (const Predicate& part : predicate.parts()) {
      parts.push_back(Decide(part));
    }
    switch (predicate.kind()) {
      case Kind::kTest:
        return DecideTest(predicate);
      case Kind::kNot:
        return Predicate::Not(parts[0]);
      case Kind::kAnd:
        return Predicate::And(std::move(parts));
      case Kind::kOr:
        return Predicate::Or(std::move(parts));
      case Kind::kTrue:
      case Kind::kFalse:
        break;
    }
    return predicate;
  }

  const std::string& reasons() const { return reasons_; }
  // Of these those that leave a test false; one for null may be meant so.
  const std::string& doubts() const { return doubts_; }

 private:
  Predicate DecideTest(const Predicate& predicate) {
    const Test& test = predicate.test();
    const std::string& name = test.field.name();
    if (!test.field.IsOfAuditEvent()) {
      std::string reason =
          absl::StrCat("audit events have no field ", QuotedName(name),
                       NearestHint(name, KnownFieldNames()));
      if (test.comparison == Comparison::kNull) {
        Add(reason, reasons_);
        return Predicate::True();
      }
      return False(reason);
    }
    if (test.comparison != Comparison::kEquals) return predicate;
    auto is_number = [](const std::string& value) {
      return CanonicalNumber(value).has_value();
    };
    if (name == "responseStatus.code" &&
        std::none_of(test.values.begin(), test.values.end(), is_number)) {
      return False(absl::StrCat("\"responseStatus.code\" is a number, never ",
                                QuotedName(test.values[0])));
    }
    for (const ClosedField& closed : ClosedFields()) {
      auto is_value = [&](const std::string& value) {
        return std::find(closed.values.begin(), closed.values.end(), value) !=
               closed.values.end();
      };
      if (closed.name != name || test.cased ||
          std::any_of(test.values.begin(), test.values.end(), is_value)) {
        continue;
      }
      return False(absl::StrCat(QuotedName(name), " is never ",
                                QuotedName(test.values[0]),
                                NearestHint(test.values[0], closed.values)));
    }
    return predicate;
  }

  Predicate False(const std::string& reason) {
    Add(reason, reasons_);
    Add(reason, doubts_);
    return Predicate::False();
  }
  static void Add(const std::string& reason, std::string& reasons) {
    if (reasons.find(reason) != std::string::npos) return;
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ", reason);
  }

  std::string reasons_, doubts_;
};

// Since Kubernetes 1.30 kubectl opens these with a WebSocket, which is a GET.
constexpr std::string_view kStreams[] = {"attach", "exec", "portforward"};

const std::vector<std::string>* ValuesOf(const Required& required,
                                         std::string_view name) {
  for (const auto& [field, of] : required.values) {
    if (field.name() == name && !of.may_be_absent) return &of.values;
  }
  return nullptr;
}

std::string DoubtsMessage(const DeadTests& dead) {
  return absl::StrCat("a part of it can never hold: ", dead.doubts());
}

}  // namespace

std::string DoubtsAboutAuditPredicate(const Predicate& predicate) {
  DeadTests dead;
  dead.Decide(predicate);
  return dead.doubts().empty() ? "" : DoubtsMessage(dead);
}

std::vector<std::string> LintAuditPredicate(const Predicate& predicate) {
  std::vector<std::string> messages;
  DeadTests dead;
  if (dead.Decide(predicate).kind() == Kind::kFalse) {
    messages.push_back(absl::StrCat("dead rule: it can never match",
                                    dead.reasons().empty() ? "" : ": ",
                                    dead.reasons()));
  } else if (!dead.doubts().empty()) {
    messages.push_back(DoubtsMessage(dead));
  }
  Required required = RequiredBy(predicate);
  const auto* verbs = ValuesOf(required, "verb");
  const auto* subresources = ValuesOf(required, "objectRef.subresource");
  if (verbs == nullptr || subresources == nullptr) return messages;
  bool only_streams = std::all_of(
      subresources->begin(), subresources->end(), [](const std::string& name) {
        return std::find(std::begin(kStreams), std::end(kStreams), name) !=
               std::end(kStreams);
      });
  if (only_streams && *verbs == std::vector<std::string>{"create"}) {
    messages.push_back(
        "misses what kubectl 1.30 and newer do: they open the stream by a GET, "
        "and the verb is \"get\"");
  }
  return messages;
}

}  // namespace oddverb
