#include "app/rule_run.h"

#include <limits>
#include <span>
#include <utility>

#include "absl/strings/str_join.h"
#include "rules/rule_record.h"

namespace oddverb {
namespace {

// Nothing is judged before the end, so nothing comes late.
CorrelationEngine::Options EngineOptions() {
  CorrelationEngine::Options options;
  options.max_waiting = std::numeric_limits<size_t>::max();
  options.max_waiting_bytes = size_t{1} << 30;
  return options;
}

}  // namespace

RuleRun::RuleRun(const LoadedRules& loaded)
    : loaded_(loaded),
      matcher_(loaded.rules),
      engine_(loaded.correlations, EngineOptions()) {}

RuleMatcher::Request RuleRun::RequestOf(const AuditEvent& event) {
  if (!CarriesResponseStatus(event)) return RuleMatcher::Request::kOther;
  const uint64_t id = hash_.Hash(event.audit_id);
  if (event.stage != Stage::kResponseStarted) {
    return open_requests_.erase(id) > 0
               ? RuleMatcher::Request::kOther
               : RuleMatcher::Request::kFirstWithStatus;
  }
  if (open_requests_.size() >= kMaxOpenRequests) open_requests_.clear();
  return open_requests_.insert(id).second
             ? RuleMatcher::Request::kFirstWithStatus
             : RuleMatcher::Request::kOther;
}

void RuleRun::Judge(const InputRecord& record, std::vector<RecordMatch>& out) {
  std::span<const Rule* const> matches =
      record.event != nullptr
          ? matcher_.Match(*record.event, RequestOf(*record.event))
          : matcher_.Match(record.json);
  arena_.Clear();
  for (const Rule* rule : matches) {
    if (rule->alerts) {
      RecordMatch match{rule, record.number, record.time};
      if (record.event != nullptr) match.entity = record.event->user.name;
      out.push_back(std::move(match));
    }
    if (record.time == absl::InfinitePast()) continue;
    const auto number =
        static_cast<uint32_t>(rule - loaded_.rules->rules().data());
    inputs_.clear();
    if (record.event != nullptr) {
      loaded_.correlations->Extract(number, *record.event, arena_, inputs_);
    } else {
      loaded_.correlations->Extract(number, RuleRecord(record.json),
                                    {.time = record.time}, arena_, inputs_);
    }
    for (CorrelationInput& input : inputs_) {
      input.tag = record.number + 1;
      engine_.Observe(std::move(input), alerts_);
    }
  }
}

void RuleRun::Finish(std::vector<RecordMatch>& out) {
  engine_.AdvanceTo(absl::InfiniteFuture(), alerts_);
  for (const CorrelationAlert& alert : alerts_) {
    RecordMatch match{
        .rule = &loaded_.correlations->correlations()[alert.correlation].rule,
        .record = std::nullopt,
        .time = alert.time,
        .entity = absl::StrJoin(alert.group, ", ")};
    if (alert.completed_by > 0) match.record = alert.completed_by - 1;
    out.push_back(std::move(match));
  }
  alerts_.clear();
}

}  // namespace oddverb
