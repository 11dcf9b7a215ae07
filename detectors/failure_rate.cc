#include "detectors/failure_rate.h"

#include <algorithm>
#include <cmath>

namespace oddverb {
namespace {

// Prior: half a failure in ten minutes, so that the first ten within the window
// have a chance below 1e-8.
constexpr double kPriorFailures = 0.5;
constexpr double kPriorSeconds = 600;
constexpr absl::Duration kHalfLife = absl::Hours(24);
// The mean life of what halves in a day.
constexpr double kMostSeconds = 86400 / 0.6931;
// Far beyond every date that the decoder reads.
constexpr int64_t kMostMinutes = int64_t{1} << 40;
constexpr uint32_t kMostCounted = 512;
constexpr double kMostInMinute = 1e9;
constexpr double kTimesTheMean = 10;
// A person or a script tries an expired login some six times. No address is
// taught larger bursts, or it would be taught to overlook an attack.
constexpr double kMostInBurst = 6;

}  // namespace

void FailureRate::Add(absl::Time time, double weight) {
  int64_t minute = absl::ToUnixSeconds(time) / 60 / minutes_;
  if (first_minute_ == 0) {
    first_minute_ = minute;
    minute_ = minute;
  }
  if (minute > minute_) {
    bool next = minute == minute_ + 1;
    double settled = previous_ + (next ? 0 : current_);
    const int spans = (previous_ > 0 ? 1 : 0) + (!next && current_ > 0 ? 1 : 0);
    if (settled > 0) {
      past_.Add(time, kHalfLife, settled);
      past_spans_.Add(time, kHalfLife, spans);
    }
    previous_ = next ? current_ : 0;
    current_ = 0;
    minute_ = minute;
  }
  current_ = std::min(current_ + weight, kMostInMinute);
}

// One, until larger ones were seen.
double FailureRate::BurstSize() const {
  if (comes_ == Comes::kSingly) return 1;
  const double mean = (1 + past_.raw_value()) / (1 + past_spans_.raw_value());
  return std::clamp(mean, 1.0, kMostInBurst);
}

double FailureRate::Surprise() const {
  uint32_t n = std::min(in_window(), kMostCounted);
  const auto span = static_cast<double>(minutes_);
  double seconds = static_cast<double>(minute_ - first_minute_ - 1) * 60 * span;
  double a = kPriorFailures + past_.raw_value();
  double b = kPriorSeconds + std::clamp(seconds, 0.0, kMostSeconds);
  double window = absl::ToDoubleSeconds(kWindow) * span;
  if (n < kTimesTheMean * a / b * window) return 0;
  const double burst = BurstSize();
  n = static_cast<uint32_t>(n / burst);
  a = kPriorFailures + past_.raw_value() / burst;
  double q = window / (b + window);
  double chance = std::exp(a * std::log(1 - q));  // of exactly k
  for (uint32_t k = 0; k < n; ++k) chance *= q * (k + a) / (k + 1);
  double tail = 0;
  for (uint32_t k = n; k < n + 200; ++k) {
    tail += chance;
    chance *= q * (k + a) / (k + 1);
  }
  return tail > 0 ? std::clamp(-std::log10(tail), 0.0, kMost) : kMost;
}

void FailureRate::Save(StateWriter& out) const {
  out.PutI64(first_minute_);
  out.PutI64(minute_);
  out.PutDouble(current_);
  out.PutDouble(previous_);
  out.PutDouble(past_.raw_value());
  out.PutTime(past_.updated());
}

void FailureRate::Load(StateReader& in) {
  first_minute_ = in.GetI64();
  minute_ = in.GetI64();
  if (first_minute_ < -kMostMinutes || minute_ > kMostMinutes) in.Fail();
  if (minute_ < first_minute_) in.Fail();
  current_ = in.GetDouble();
  previous_ = in.GetDouble();
  // Refuses NaN, too.
  if (!(current_ >= 0 && current_ <= kMostInMinute)) in.Fail();
  if (!(previous_ >= 0 && previous_ <= kMostInMinute)) in.Fail();
  double value = in.GetDouble();
  past_.Restore(value, in.GetTime());
}

void FailureRate::SaveBursts(StateWriter& out) const {
  out.PutDouble(past_spans_.raw_value());
  out.PutTime(past_spans_.updated());
}

void FailureRate::LoadBursts(StateReader& in) {
  const double value = in.GetDouble();
  // Refuses NaN, too.
  if (!(value >= 0 && value <= kMostInMinute)) in.Fail();
  past_spans_.Restore(value, in.GetTime());
}

}  // namespace oddverb
