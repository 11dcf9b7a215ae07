#include "app/clock_skew.h"

namespace oddverb {

std::optional<absl::Duration> ClockSkew::Of(size_t source) const {
  SourceConfig::Type type = sources_[source].type;
  bool live = type == SourceConfig::Type::kTail ||
              type == SourceConfig::Type::kWebhook ||
              type == SourceConfig::Type::kKafka;
  if (!live) return std::nullopt;
  return delays_.Smallest(source, clock_.Now());
}

void ClockSkew::Fill(Metrics& metrics) const {
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::optional<absl::Duration> skew = Of(i);
    if (!skew.has_value()) continue;
    metrics.Gauge(MetricId::kSourceClockSkew, {sources_[i].name})
        .Set(absl::ToDoubleSeconds(*skew));
  }
}

void ClockSkew::Warn(Logger& logger) {
  told_.resize(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::optional<absl::Duration> skew = Of(i);
    bool is_skewed = skew.has_value() && absl::AbsDuration(*skew) > kTooMuch;
    if (is_skewed && !told_[i]) {
      logger.Warn(
          "the clock of the API server and ours differ, or its events come "
          "late; check the time service of both machines",
          {{"source", sources_[i].name},
           {"events_arrive_after", absl::FormatDuration(*skew)}});
    }
    told_[i] = is_skewed;
  }
}

}  // namespace oddverb
