#include "pipeline/sink.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr char kRefused[] = "refused_by_output";

bool MayWorkLater(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

std::string StateOf(const Exporter& exporter) {
  StateWriter out;
  exporter.Save(out);
  return out.Release();
}

}  // namespace

Sink::Sink(SinkOptions options, SinkParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      random_(options_.seed),
      backoff_(options_.retry),
      fits_(options_.max_findings) {}

absl::Status Sink::Start(const SinkCursor& cursor) {
  position_ = cursor.delivered;
  committed_state_ = cursor.state;
  if (cursor.state.empty()) return absl::OkStatus();
  StateReader in(cursor.state);
  ODDVERB_RETURN_IF_ERROR(parts_.exporter.Load(in));
  return in.status();
}

bool Sink::IsBehind() const {
  return position_.load(kRelaxed) < parts_.outbox.newest_finding();
}

absl::Time Sink::Step() {
  if (!failure().ok()) return absl::InfiniteFuture();
  absl::Time now = parts_.clock.Now();
  // A clock that was set back must not stop the sink for as long.
  absl::Duration longest =
      std::max(options_.retry.max, options_.max_retry_after);
  if (next_attempt_ > now && next_attempt_ - now <= longest) {
    return next_attempt_;
  }
  if (is_uncommitted_) return Commit();
  if (parts_.exporter.next_work() <= now) return DoWork();
  if (absl::Status status = FillPage(); !status.ok()) {
    return absl::IsDataLoss(status) ? Break(status) : TellStore(status);
  }
  if (page_start_ == page_.size()) return parts_.exporter.next_work();
  return HandOver();
}

absl::Status Sink::FillPage() {
  if (page_start_ < page_.size()) return absl::OkStatus();
  page_.clear();
  page_start_ = 0;
  if (!IsBehind()) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(
      std::vector<OutboxEntry> entries,
      parts_.outbox.ReadOutbox(position_, options_.max_findings));
  for (OutboxEntry& entry : entries) page_.push_back(std::move(entry.finding));
  return absl::OkStatus();
}

// By halves towards the refused one; one by one to see whether it works again.
size_t Sink::NextCount() const {
  size_t left = page_.size() - page_start_;
  if (breaker_ == BreakerState::kOpen) return 1;
  if (suspects_ > 0) return std::min(left, std::max<size_t>(1, suspects_ / 2));
  return std::min(left, fits_);
}

absl::Time Sink::HandOver() {
  size_t count = NextCount();
  absl::Status status = parts_.exporter.Export(
      std::span<const Finding>(page_).subspan(page_start_, count),
      SteadyNow() + options_.timeout);
  if (status.ok()) return Succeed(count);
  if (absl::IsFailedPrecondition(status)) return Break(status);
  return MayWorkLater(status) ? Fail(status) : Refuse(count, status);
}

absl::Time Sink::DoWork() {
  absl::Status status =
      parts_.exporter.Work(parts_.clock.Now(), SteadyNow() + options_.timeout);
  if (status.ok()) return Succeed(0);
  if (absl::IsFailedPrecondition(status)) return Break(status);
  // Nothing here could be left out.
  return Fail(status);
}

absl::Time Sink::Succeed(size_t findings) {
  succeeded_.fetch_add(1, kRelaxed);
  delivered_.fetch_add(findings, kRelaxed);
  last_success_ns_ = absl::ToUnixNanos(parts_.clock.Now());
  failures_in_a_row_ = 0;
  backoff_.Reset();
  if (breaker_.exchange(BreakerState::kClosed) == BreakerState::kOpen) {
    parts_.logger.Info("output works again", {{"output", options_.name}});
  }
  if (findings == fits_) fits_ = std::min(fits_ + 1, options_.max_findings);
  DropFromPage(findings);
  return Commit();
}

absl::Time Sink::Refuse(size_t findings, const absl::Status& status) {
  refused_.fetch_add(1, kRelaxed);
  // It answers, whatever it says.
  failures_in_a_row_ = 0;
  backoff_.Reset();
  if (findings > 1 && absl::IsOutOfRange(status)) {
    fits_ = findings / 2;
    return absl::InfinitePast();
  }
  if (findings > 1) {
    suspects_ = findings;
    return absl::InfinitePast();
  }
  const Finding& finding = page_[page_start_];
  std::string text = parts_.describe(finding);
  parts_.logger.Warn("output refused a finding, it is a dead letter now",
                     {{"output", options_.name},
                      {"finding", finding.id.ToHex()},
                      {"error", std::string(status.message())}});
  uint64_t bytes = text.size();
  dead_letters_.push_back(
      {.source = options_.name,
       .place = absl::StrCat("finding ", finding.id.ToHex()),
       .reason = kRefused,
       .detail = std::string(status.message()),
       .sample = std::move(text),
       .record_bytes = bytes});
  dropped_.fetch_add(1, kRelaxed);
  suspects_ = 0;
  DropFromPage(1);
  return Commit();
}

absl::Time Sink::Fail(const absl::Status& status) {
  failed_.fetch_add(1, kRelaxed);
  ++failures_in_a_row_;
  if (failures_in_a_row_ == 1) {
    parts_.logger.Warn(
        "output failed, it is tried again",
        {{"output", options_.name}, {"error", std::string(status.message())}});
  }
  if (failures_in_a_row_ >= options_.breaker_after &&
      breaker_.exchange(BreakerState::kOpen) == BreakerState::kClosed) {
    parts_.logger.Error(
        "output does not work; its findings wait in the state directory",
        {{"output", options_.name},
         {"failures", absl::StrCat(failures_in_a_row_)},
         {"error", std::string(status.message())}});
  }
  return Pause(status);
}

absl::Time Sink::TellStore(const absl::Status& status) {
  parts_.logger.Error(
      "the state cannot be read or written, it is tried again",
      {{"output", options_.name}, {"error", std::string(status.message())}});
  return Pause(status);
}

absl::Time Sink::Break(const absl::Status& status) {
  failed_.fetch_add(1, kRelaxed);
  breaker_ = BreakerState::kOpen;
  std::lock_guard<std::mutex> lock(failure_mutex_);
  failure_ = absl::Status(status.code(), absl::StrCat("output ", options_.name,
                                                      ": ", status.message()));
  return absl::InfiniteFuture();
}

void Sink::DropFromPage(size_t findings) {
  for (size_t i = 0; i < findings; ++i) page_[page_start_ + i] = Finding();
  page_start_ += findings;
  suspects_ -= std::min(suspects_, findings);
  position_.fetch_add(findings, kRelaxed);
  is_uncommitted_ |= findings > 0;
}

absl::Time Sink::Commit() {
  std::string state = StateOf(parts_.exporter);
  if (!is_uncommitted_ && state == committed_state_) {
    return absl::InfinitePast();
  }
  is_uncommitted_ = true;
  SinkProgress progress{{options_.name, position_, std::move(state)},
                        dead_letters_};
  absl::Status status = parts_.outbox.Advance(progress);
  if (!status.ok()) return TellStore(status);
  backoff_.Reset();
  committed_state_ = std::move(progress.cursor.state);
  dead_letters_.clear();
  is_uncommitted_ = false;
  return absl::InfinitePast();
}

absl::Time Sink::Pause(const absl::Status& status) {
  absl::Duration pause = backoff_.Next(random_);
  std::optional<absl::Duration> asked = RetryAfterOf(status);
  if (asked.has_value()) {
    pause = std::max(pause, std::min(*asked, options_.max_retry_after));
  }
  next_attempt_ = parts_.clock.Now() + pause;
  return next_attempt_;
}

SinkStats Sink::stats() const {
  SinkStats stats;
  stats.name = options_.name;
  stats.succeeded = succeeded_.load(kRelaxed);
  stats.failed = failed_.load(kRelaxed);
  stats.refused = refused_.load(kRelaxed);
  stats.delivered_findings = delivered_.load(kRelaxed);
  stats.dead_letters = dropped_.load(kRelaxed);
  uint64_t position = position_.load(kRelaxed);
  uint64_t newest = parts_.outbox.newest_finding();
  stats.behind = newest - std::min(newest, position);
  stats.breaker = breaker_;
  int64_t last = last_success_ns_.load(kRelaxed);
  if (last != INT64_MIN) stats.last_success = absl::FromUnixNanos(last);
  return stats;
}

absl::Status Sink::failure() const {
  std::lock_guard<std::mutex> lock(failure_mutex_);
  return failure_;
}

}  // namespace oddverb
