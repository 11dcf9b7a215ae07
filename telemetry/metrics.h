// Counts what the parts do and writes it as Prometheus text for /metrics.
//
// A part asks once, at its start, for a handle of each series it feeds, and
// then only adds: an atomic addition without lookup. Hot loops count in local
// variables and add once a batch.
//
// Thread-safe. Handles borrow: the Metrics must outlive them.
#ifndef ODDVERB_TELEMETRY_METRICS_H_
#define ODDVERB_TELEMETRY_METRICS_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "telemetry/histogram_counts.h"
#include "telemetry/metric_names.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace oddverb {

// One series of a counter. A default handle counts nothing.
class CounterHandle {
 public:
  CounterHandle() = default;
  // Ignores what is not positive: a counter never falls.
  void Add(double amount) const;

 private:
  friend class Metrics;
  explicit CounterHandle(prometheus::Counter* counter) : counter_(counter) {}
  prometheus::Counter* counter_ = nullptr;
};

class GaugeHandle {
 public:
  GaugeHandle() = default;
  void Set(double value) const;

 private:
  friend class Metrics;
  explicit GaugeHandle(prometheus::Gauge* gauge) : gauge_(gauge) {}
  prometheus::Gauge* gauge_ = nullptr;
};

// Takes a lock for each value: once a batch, not once an event.
class HistogramHandle {
 public:
  HistogramHandle() = default;
  void Observe(double value) const;

 private:
  friend class Metrics;
  explicit HistogramHandle(prometheus::Histogram* histogram)
      : histogram_(histogram) {}
  prometheus::Histogram* histogram_ = nullptr;
};

struct BuildInfo {
  std::string version;
  std::string revision;
  std::string rules_version;  // of the builtin rules; may be empty
};

class Metrics {
 public:
  using LabelValues = std::initializer_list<std::string_view>;

  // Content-Type of what Serialize() returns.
  static constexpr std::string_view kContentType =
      "text/plain; version=0.0.4; charset=utf-8";

  // Sets oddverb_build_info.
  explicit Metrics(const BuildInfo& build);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The series of `id` with these values of its labels, in the order of the
  // table; it exists, as 0, from now on. The same values give the same series.
  // A metric of another type or another number of values is a bug of the
  // caller and aborts. Values are cut to 128 bytes of valid UTF-8.
  CounterHandle Counter(MetricId id, LabelValues values = {});
  GaugeHandle Gauge(MetricId id, LabelValues values = {});
  HistogramHandle Histogram(MetricId id, LabelValues values = {});
  // Adds what was counted elsewhere to the series of its metric.
  void Add(const HistogramCounts& counts, LabelValues values = {});

  // Prometheus text format 0.0.4 with HELP and TYPE, sorted by name and labels,
  // together with the process_* metrics as they are now. Metrics without a
  // series are left out.
  std::string Serialize() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_METRICS_H_
