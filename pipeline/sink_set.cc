#include "pipeline/sink_set.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/status_macros.h"

namespace oddverb {
namespace {

// A clock that is set anew is noticed after so long.
constexpr absl::Duration kLongestWait = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::unique_ptr<SinkSet>> SinkSet::Start(
    std::vector<Member> members, Shared shared) {
  std::vector<std::string> names;
  for (const Member& member : members) names.push_back(member.options.name);
  ODDVERB_ASSIGN_OR_RETURN(std::vector<SinkCursor> cursors,
                           shared.outbox.UseSinks(names));
  std::unique_ptr<SinkSet> set(new SinkSet(shared.clock));
  for (size_t i = 0; i < members.size(); ++i) {
    Running& running = set->running_.emplace_back();
    running.exporter = std::move(members[i].exporter);
    running.sink = std::make_unique<Sink>(
        std::move(members[i].options),
        SinkParts{*running.exporter, shared.outbox, shared.clock, shared.logger,
                  shared.describe});
    ODDVERB_RETURN_IF_ERROR(running.sink->Start(cursors[i]));
  }
  for (Running& running : set->running_) {
    running.thread = std::thread(
        [self = set.get(), sink = running.sink.get()] { self->Run(*sink); });
  }
  return set;
}

SinkSet::~SinkSet() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
  }
  Join();
}

void SinkSet::Wake() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++wakes_;
  }
  changed_.notify_all();
}

bool SinkSet::IsDrained(const Sink& sink, absl::Time next) const {
  if (drain_deadline_ == absl::InfiniteFuture()) return false;
  return !sink.IsBehind() || clock_.Now() >= drain_deadline_ ||
         next > drain_deadline_;
}

void SinkSet::Run(Sink& sink) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ends_) {
    const uint64_t wakes = wakes_;
    lock.unlock();
    absl::Time next = sink.Step();
    bool is_broken = !sink.failure().ok();
    lock.lock();
    if (is_broken || IsDrained(sink, next)) return;
    absl::Duration pause = std::min(next - clock_.Now(), kLongestWait);
    if (pause <= absl::ZeroDuration()) continue;
    // A wake since the step began is one that the step may not have seen.
    changed_.wait_for(lock, absl::ToChronoNanoseconds(pause),
                      [&] { return ends_ || wakes_ != wakes; });
  }
}

void SinkSet::Join() {
  changed_.notify_all();
  for (Running& running : running_) {
    if (running.thread.joinable()) running.thread.join();
  }
}

absl::Status SinkSet::Stop(absl::Time deadline) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    drain_deadline_ = deadline;
    ++wakes_;
  }
  Join();
  absl::Status status;
  for (Running& running : running_) {
    if (running.sink->failure().ok()) {
      status.Update(running.exporter->Finish());
    }
  }
  return status;
}

std::vector<SinkStats> SinkSet::stats() const {
  std::vector<SinkStats> stats;
  for (const Running& running : running_) {
    stats.push_back(running.sink->stats());
  }
  return stats;
}

absl::Status SinkSet::failure() const {
  for (const Running& running : running_) {
    ODDVERB_RETURN_IF_ERROR(running.sink->failure());
  }
  return absl::OkStatus();
}

}  // namespace oddverb
