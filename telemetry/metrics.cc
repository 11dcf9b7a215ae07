#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "telemetry/process_stats.h"

namespace oddverb {
namespace {

constexpr size_t kMaxLabelValueBytes = 128;
constexpr size_t kMetricCount = static_cast<size_t>(MetricId::kCount);

// Continuing would count into the wrong series, or nowhere, without a word.
[[noreturn]] void AbortOnMisuse(const MetricName& row, const char* what) {
  std::fprintf(stderr, "oddverb: metric %.*s: %s\n",
               static_cast<int>(row.name.size()), row.name.data(), what);
  std::abort();
}

bool IsProcessMetric(MetricId id) { return id >= MetricId::kProcessCpuSeconds; }

prometheus::Labels LabelsOf(const MetricName& row,
                            Metrics::LabelValues values) {
  const auto names = row.labels();
  if (names.size() != values.size()) {
    AbortOnMisuse(row, "wrong number of label values");
  }
  prometheus::Labels labels;
  auto name = names.begin();
  for (std::string_view value : values) {
    // Prometheus refuses a whole scrape for one byte that is not UTF-8.
    labels.emplace(*name++,
                   ReplaceBadUtf8(Utf8Prefix(value, kMaxLabelValueBytes)));
  }
  return labels;
}

prometheus::MetricFamily ProcessFamily(MetricId id, double value) {
  const MetricName& row = NameOf(id);
  prometheus::MetricFamily family;
  family.name = row.name;
  family.help = row.help;
  prometheus::ClientMetric metric;
  if (row.type == MetricType::kCounter) {
    family.type = prometheus::MetricType::Counter;
    metric.counter.value = value;
  } else {
    family.type = prometheus::MetricType::Gauge;
    metric.gauge.value = value;
  }
  family.metric.push_back(metric);
  return family;
}

void AppendProcessFamilies(std::vector<prometheus::MetricFamily>& families) {
  const ProcessStats stats = ReadProcessStats();
  const std::pair<MetricId, std::optional<double>> values[] = {
      {MetricId::kProcessCpuSeconds, stats.cpu_seconds},
      {MetricId::kProcessOpenFds, stats.open_fds},
      {MetricId::kProcessResidentMemory, stats.resident_memory_bytes},
      {MetricId::kProcessStartTime, stats.start_time_seconds}};
  for (const auto& [id, value] : values) {
    if (value.has_value()) families.push_back(ProcessFamily(id, *value));
  }
}

// The library keeps series in hash order.
void Sort(std::vector<prometheus::MetricFamily>& families) {
  auto key = [](const prometheus::ClientMetric& metric) {
    std::vector<std::pair<std::string, std::string>> labels;
    for (const auto& label : metric.label) {
      labels.emplace_back(label.name, label.value);
    }
    return labels;
  };
  for (prometheus::MetricFamily& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
  }
  std::sort(families.begin(), families.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace

// The registry with its families, one for each row of the table. The library
// throws for names that are not valid; those of the table are (tested).
class Metrics::Impl {
 public:
  Impl() {
    for (const MetricName& row : AllMetrics()) {
      if (!IsProcessMetric(row.id)) Register(row);
    }
  }

  template <class T>
  T& Series(const std::array<prometheus::Family<T>*, kMetricCount>& families,
            MetricId id, LabelValues values) {
    const MetricName& row = NameOf(id);
    prometheus::Family<T>* family = families[static_cast<size_t>(id)];
    if (family == nullptr) AbortOnMisuse(row, "not of this type");
    if constexpr (std::is_same_v<T, prometheus::Histogram>) {
      return family->Add(LabelsOf(row, values),
                         prometheus::Histogram::BucketBoundaries(
                             row.buckets.begin(), row.buckets.end()));
    } else {
      return family->Add(LabelsOf(row, values));
    }
  }

  std::array<prometheus::Family<prometheus::Counter>*, kMetricCount> counters{};
  std::array<prometheus::Family<prometheus::Gauge>*, kMetricCount> gauges{};
  std::array<prometheus::Family<prometheus::Histogram>*, kMetricCount>
      histograms{};
  prometheus::Registry registry;

 private:
  void Register(const MetricName& row) {
    const size_t index = static_cast<size_t>(row.id);
    auto build = [&](auto builder) {
      return &builder.Name(std::string(row.name))
                  .Help(std::string(row.help))
                  .Register(registry);
    };
    switch (row.type) {
      case MetricType::kCounter:
        counters[index] = build(prometheus::BuildCounter());
        break;
      case MetricType::kGauge:
        gauges[index] = build(prometheus::BuildGauge());
        break;
      case MetricType::kHistogram:
        histograms[index] = build(prometheus::BuildHistogram());
        break;
    }
  }
};

void CounterHandle::Add(double amount) const {
  if (counter_ != nullptr && amount > 0) counter_->Increment(amount);
}

void GaugeHandle::Set(double value) const {
  if (gauge_ != nullptr) gauge_->Set(value);
}

void HistogramHandle::Observe(double value) const {
  if (histogram_ != nullptr) histogram_->Observe(value);
}

Metrics::Metrics(const BuildInfo& build) : impl_(std::make_unique<Impl>()) {
  Gauge(MetricId::kBuildInfo,
        {build.version, build.revision, build.rules_version})
      .Set(1);
}

Metrics::~Metrics() = default;

CounterHandle Metrics::Counter(MetricId id, LabelValues values) {
  return CounterHandle(&impl_->Series(impl_->counters, id, values));
}

GaugeHandle Metrics::Gauge(MetricId id, LabelValues values) {
  return GaugeHandle(&impl_->Series(impl_->gauges, id, values));
}

HistogramHandle Metrics::Histogram(MetricId id, LabelValues values) {
  return HistogramHandle(&impl_->Series(impl_->histograms, id, values));
}

void Metrics::Add(const HistogramCounts& counts, LabelValues values) {
  impl_->Series(impl_->histograms, counts.id(), values)
      .ObserveMultiple(counts.counts(), counts.sum());
}

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  AppendProcessFamilies(families);
  Sort(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace oddverb
