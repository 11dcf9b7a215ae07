#include "exporters/alertmanager_instance.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// Without us an alert ends after four resends that did not come: what
// Prometheus does too (rules/manager.go, 4 times the larger of interval and
// resend delay).
constexpr int kResendsUntilEnd = 4;
constexpr absl::Duration kFirstRest = absl::Seconds(5);
// Searching for the alerts that are refused costs two requests for each
// halving; beyond, the rest of a refused batch counts as refused.
constexpr int kMaxHalvings = 64;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E3SZ", time,
                          absl::UTCTimeZone());
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsOutOfRange(status);
}

}  // namespace

AlertmanagerInstance::AlertmanagerInstance(std::string name,
                                           std::unique_ptr<HttpPost> post,
                                           absl::Duration resend_interval)
    : name_(std::move(name)),
      post_(std::move(post)),
      resend_interval_(resend_interval),
      rest_(std::min(kFirstRest, resend_interval)) {}

std::string AlertmanagerInstance::BodyOf(std::span<const ActiveAlert> alerts,
                                         absl::Time now) const {
  JsonWriter json;
  json.BeginArray();
  for (const ActiveAlert& active : alerts) {
    absl::Time ends_at = active.is_resolved
                             ? active.ends_at
                             : now + kResendsUntilEnd * resend_interval_;
    json.BeginObject();
    json.Key("labels");
    WriteAlertTexts(active.alert->labels, json);
    json.Key("annotations");
    WriteAlertTexts(active.alert->annotations, json);
    json.Key("startsAt").String(TimeText(active.starts_at));
    // Alertmanager refuses an end before the start.
    json.Key("endsAt").String(TimeText(std::max(active.starts_at, ends_at)));
    if (!active.alert->generator_url.empty()) {
      json.Key("generatorURL").String(active.alert->generator_url);
    }
    json.EndObject();
  }
  json.EndArray();
  return json.Release();
}

absl::Status AlertmanagerInstance::Send(std::span<const ActiveAlert> alerts,
                                        const Occasion& occasion,
                                        std::vector<Fate>& fates) {
  fates.assign(alerts.size(), Fate::kUnsent);
  absl::Status status = SendBatches(alerts, occasion, fates);
  for (Fate fate : fates) {
    if (fate == Fate::kTaken) ++counters_.taken;
    if (fate == Fate::kRefused) ++counters_.refused;
  }
  Settle(status, occasion);
  return status;
}

// Alertmanager answers 400 to a batch with one bad alert and keeps the good
// ones; others keep none. So a refused batch is halved, until it is clear which
// alert is refused: the same alert twice is one for Alertmanager.
absl::Status AlertmanagerInstance::SendBatches(
    std::span<const ActiveAlert> alerts, const Occasion& occasion,
    std::vector<Fate>& fates) {
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  std::vector<Range> todo;
  for (size_t end = alerts.size(); end > 0;) {
    size_t begin = (end - 1) / kMaxBatch * kMaxBatch;
    todo.push_back({begin, end});
    end = begin;
  }
  int halvings = 0;
  while (!todo.empty()) {
    Range range = todo.back();
    todo.pop_back();
    size_t size = range.end - range.begin;
    std::string body = BodyOf(alerts.subspan(range.begin, size), occasion.now);
    absl::Status status =
        post_->Send("application/json", body, occasion.deadline).status();
    if (!status.ok() && !IsRefusal(status)) {
      ++counters_.failures;
      return status;
    }
    if (!status.ok() && size > 1 && halvings < kMaxHalvings) {
      ++halvings;
      size_t middle = range.begin + size / 2;
      todo.push_back({middle, range.end});
      todo.push_back({range.begin, middle});
      continue;
    }
    std::fill(fates.begin() + static_cast<std::ptrdiff_t>(range.begin),
              fates.begin() + static_cast<std::ptrdiff_t>(range.end),
              status.ok() ? Fate::kTaken : Fate::kRefused);
  }
  return absl::OkStatus();
}

void AlertmanagerInstance::Settle(const absl::Status& status,
                                  const Occasion& occasion) {
  if (!status.ok()) {
    due_ = occasion.now + rest_;
    rest_ = std::min(2 * rest_, resend_interval_);
    is_failing_ = true;
    return;
  }
  rest_ = std::min(kFirstRest, resend_interval_);
  const bool was_failing = std::exchange(is_failing_, false);
  if (occasion.extent == Extent::kAll) {
    due_ = occasion.now + resend_interval_;
  } else if (was_failing) {
    SetDue();  // it has missed something
  } else if (due_ == absl::InfiniteFuture()) {
    due_ = occasion.now + resend_interval_;
  }
}

}  // namespace oddverb
