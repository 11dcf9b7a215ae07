#include "app/stream_meters.h"

#include <algorithm>

namespace oddverb {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::vector<std::string> NamesOf(const std::vector<NamedSource>& sources) {
  std::vector<std::string> names;
  for (const NamedSource& source : sources) names.push_back(source.name);
  return names;
}

}  // namespace

StreamMeters::StreamMeters(const std::vector<NamedSource>& sources,
                           const Clock& clock)
    : clock_(clock), sources_(NamesOf(sources)), last_event_(sources.size()) {}

void StreamMeters::NoteJudged(const JudgedBatch& batch) {
  const absl::Time now = clock_.Now();
  const absl::Time latest = now + kMaxSkew;
  for (const AuditEvent& event : batch.events) {
    // Without a time, or with one that no clock has shown yet.
    if (event.stage_time == absl::InfinitePast() || event.stage_time > latest) {
      continue;
    }
    std::atomic<int64_t>& last = last_event_[event.position.source];
    const int64_t time = absl::ToUnixMicros(event.stage_time);
    if (time > last.load(kRelaxed)) last.store(time, kRelaxed);
    absl::Duration lag = std::max(now - event.stage_time, absl::ZeroDuration());
    lag_.Observe(absl::ToDoubleSeconds(lag));
  }
  batch_seconds_.Observe(absl::ToDoubleSeconds(batch.since_read));
}

void StreamMeters::Fill(Metrics& metrics) const {
  metrics.Add(lag_);
  metrics.Add(batch_seconds_);
  for (size_t i = 0; i < sources_.size(); ++i) {
    metrics.Gauge(MetricId::kSourceLastEventTimestamp, {sources_[i]})
        .Set(static_cast<double>(last_event_[i].load()) / 1e6);
  }
}

}  // namespace oddverb
