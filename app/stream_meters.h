// What a service measures of its stream with the wall clock: how old events are
// when they have been judged, how long a batch takes, when a source last had an
// event. Measurements only: nothing that is decided depends on them.
//
// NoteJudged() on one thread at a time, Fill() on any.
#ifndef ODDVERB_APP_STREAM_METERS_H_
#define ODDVERB_APP_STREAM_METERS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "pipeline/pipeline.h"
#include "telemetry/metrics.h"

namespace oddverb {

class StreamMeters {
 public:
  // An event that says it is from this far in the future is a wild time stamp,
  // not news: else one of them would silence the alert for a silent source.
  static constexpr absl::Duration kMaxSkew = absl::Minutes(1);

  // `sources` are the names, by their index in the run. The clock must outlive
  // this.
  StreamMeters(const std::vector<NamedSource>& sources, const Clock& clock);

  // For PipelineOptions::on_judged.
  void NoteJudged(const JudgedBatch& batch);
  void Fill(Metrics& metrics) const;

 private:
  const Clock& clock_;
  const std::vector<std::string> sources_;
  HistogramCounts lag_{MetricId::kEventLag};
  HistogramCounts batch_seconds_{MetricId::kBatchSeconds};
  // Microseconds since the epoch by source; 0 = no event yet.
  std::vector<std::atomic<int64_t>> last_event_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_STREAM_METERS_H_
