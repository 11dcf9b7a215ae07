#include "tests/support/rule_fuzzing.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "rules/correlation_engine.h"
#include "rules/falco_output.h"
#include "rules/rule_loader.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

constexpr std::string_view kEvents =
    R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"ResponseComplete","verb":"get","requestURI":"/api/v1/pods?a=1","user":{"username":"a","groups":["g","h"]},"sourceIPs":["10.0.0.1"],"objectRef":{"resource":"pods","namespace":"n","name":"p"},"responseStatus":{"code":403},"stageTimestamp":"2026-01-02T03:04:05Z"}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"2","stage":"ResponseComplete","verb":"create","user":{"username":"b"},"requestObject":{"spec":{"containers":[{"image":"x:1","securityContext":{"privileged":true}}],"volumes":[{"hostPath":{"path":"/etc"}}]}},"annotations":{"authorization.k8s.io/decision":"allow"},"stageTimestamp":"2026-01-02T03:04:06Z"}
)";

void CheckComplaints(const LoadedRules& loaded) {
  for (const RuleDiagnostic& diagnostic : loaded.diagnostics.kept()) {
    bool has_place = diagnostic.file == "f" && diagnostic.line > 0;
    if (!has_place || diagnostic.message.empty()) std::abort();
    if (diagnostic.ToString().find('\x1b') != std::string::npos) std::abort();
  }
  bool says_why = loaded.refused == 0 || loaded.diagnostics.errors() > 0;
  if (!says_why) std::abort();
}

}  // namespace

void LoadAndJudge(std::string_view rules) {
  RuleLoader loader({.placeholders = {{"p", {"a", "get"}}}, .source = {}});
  loader.Add("f", rules);
  LoadedRules loaded = std::move(loader).Finish();
  CheckComplaints(loaded);
  RuleMatcher matcher(loaded.rules);
  CorrelationEngine engine(loaded.correlations, {});
  std::vector<CorrelationAlert> alerts;
  Arena arena;
  std::unique_ptr<EventBatch> batch = DecodeLines(kEvents);
  for (const AuditEvent& event : batch->events) {
    std::vector<CorrelationInput> inputs;
    for (const Rule* rule :
         matcher.Match(event, RuleMatcher::Request::kFirstWithStatus)) {
      RuleRecord record(event);
      if (rule->output != nullptr &&
          rule->output->Format(record).size() > FalcoOutput::kMaxBytes) {
        std::abort();
      }
      auto number = static_cast<uint32_t>(rule - loaded.rules->rules().data());
      loaded.correlations->Extract(number, event, arena, inputs);
    }
    matcher.Match(event.raw);
    for (CorrelationInput& input : inputs) {
      engine.Observe(std::move(input), alerts);
    }
  }
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  CorrelationEngine other(loaded.correlations, {});
  if (!other.Load(engine.Save()).ok()) std::abort();
}

}  // namespace oddverb
