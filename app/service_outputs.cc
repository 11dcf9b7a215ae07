#include "app/service_outputs.h"

#include <array>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/build_version.h"
#include "app/config_values.h"
#include "app/expired_allowances.h"
#include "app/outputs.h"
#include "app/pipeline_metrics.h"
#include "base/status_macros.h"
#include "exporters/alert_state.h"
#include "exporters/finding_json.h"

namespace oddverb {
namespace {

// No output can have this name.
constexpr char kAlertSink[] = "/api/v2";

using Parts = ServiceOutputs::Parts;

// What fires, for the API; its state survives a restart as that of a sink does.
SinkSet::Member MakeAlertState(const ServiceConfig& config, const Clock& clock,
                               ServiceOutputs& made) {
  auto state = std::make_unique<AlertState>(ShownAlertsOf(config), clock);
  made.alerts = &state->alerts();
  const BuildVersion& build = GetBuildVersion();
  made.alert_api = std::make_unique<AlertApi>(
      *made.alerts, AlertApi::Build{.version = std::string(build.version),
                                    .revision = std::string(build.revision),
                                    .started = clock.Now()});
  SinkSet::Member member;
  member.options.name = kAlertSink;
  member.exporter = std::move(state);
  return member;
}

std::string Describe(const Finding& finding) {
  std::string json;
  AppendFindingJson(finding, json);
  return json;
}

Delivery::Options DeliveryOf(const ServiceConfig& config) {
  Delivery::Options options;
  options.policy = DeliveryPolicy::kAtOnce;
  options.rate_limit = {static_cast<uint64_t>(config.delivery.opened_per_rule),
                        config.delivery.window};
  options.suppressions =
      SuppressionList({config.suppress.begin(), config.suppress.end()});
  return options;
}

void TellExpired(const ServiceConfig& config, const Parts& parts) {
  for (const SuppressConfig& entry : config.suppress) {
    if (entry.expires > parts.clock.Now()) continue;
    parts.logger.Warn(
        "suppress entry has expired, its findings are told again",
        {{"entry", entry.name}, {"expired", MomentValue(entry.expires)}});
  }
  for (const ExpiredAllowance& entry :
       ExpiredAllowances(config, parts.clock.Now())) {
    parts.logger.Warn("allow entry has expired, its refusals are weighed again",
                      {{"entry", absl::StrCat(entry.number)},
                       {"actor", entry.actor},
                       {"expired", MomentValue(entry.expires)}});
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServiceOutputs>> ServiceOutputs::Make(
    const ServiceConfig& config, const Parts& parts) {
  auto made = std::make_unique<ServiceOutputs>();
  std::vector<SinkSet::Member> members;
  std::random_device random;
  for (const OutputConfig& output : config.outputs) {
    SinkSet::Member& member = members.emplace_back();
    member.options.name = output.name;
    member.options.retry = {config.delivery.retry, config.delivery.max_retry};
    member.options.seed = random();
    ODDVERB_ASSIGN_OR_RETURN(
        std::unique_ptr<Exporter> exporter,
        MakeOutput(config, output, {parts.clock, parts.logger}));
    const bool is_file = output.type == OutputConfig::Type::kNdjson;
    auto filter = std::make_unique<SeverityFilter>(
        std::move(exporter), output.min_severity,
        is_file ? parts.turn : nullptr);
    made->filters.push_back(filter.get());
    member.exporter = std::move(filter);
  }
  members.push_back(MakeAlertState(config, parts.clock, *made));
  ODDVERB_ASSIGN_OR_RETURN(
      made->sinks,
      SinkSet::Start(std::move(members),
                     {parts.outbox, parts.clock, parts.logger, &Describe}));
  made->delivery = std::make_unique<Delivery>(
      DeliveryOf(config),
      std::vector<Exporter*>{&parts.recent, &made->sinks->door()});
  TellExpired(config, parts);
  return made;
}

void ServiceOutputs::FillMetrics(Metrics& metrics) const {
  FillSuppressedMetrics(delivery->counts_so_far(), metrics);
  FillExportMetrics(sinks->stats(), metrics);
  const std::array<size_t, 5> firing = alerts->counts();
  for (size_t i = 0; i < firing.size(); ++i) {
    metrics
        .Gauge(MetricId::kAlertsActive,
               {SeverityName(static_cast<Severity>(i))})
        .Set(static_cast<double>(firing[i]));
  }
}

}  // namespace oddverb
