// Run mode "sharded": the calling thread reads; N workers, all equal, decode,
// judge the logical shards that they own, and take turns at correlating.
//
// One mutex guards the schedule, never the work: a batch is some hundred
// events, and each of its steps runs unlocked. Steps that must be in order
// (sequencing, correlating) are taken by whichever worker completes the batch
// that is next, one at a time.
//
// std::mutex and not Abseil's: Debian's Abseil is built without
// ThreadSanitizer, which then sees no order in what its mutex guards.
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "pipeline/stages.h"

namespace oddverb {
namespace {

// A sequenced batch until it is concluded.
struct InFlight {
  uint64_t sequence = 0;
  std::unique_ptr<RoutedBatch> routed;
  std::vector<SliceOutput> slices;
  int slices_missing = 0;
};

class Schedule {
 public:
  Schedule(Stages& stages, RunContext run)
      : stages_(stages),
        run_(run),
        workers_(stages.options.threads),
        next_slice_(static_cast<size_t>(workers_), 0) {}

  // The reading thread: waits for room, then queues. False once a part failed.
  // Leaves an empty batch to fill next, whose memory was used before.
  bool Push(RawBatch& raw);
  // No more batches will be pushed.
  void End();
  // The source failed: what is under way is dropped, as if the process ended.
  void Fail(absl::Status status);
  // Body of worker `worker`; returns when everything is concluded or failed.
  void Work(int worker);

  absl::Status status() {
    Lock lock(mutex_);
    return status_;
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  // Batches between reading and conclusion, for each worker. Bounds memory.
  static constexpr size_t kBatchesPerWorker = 4;

  // REQUIRES, for all of these: the lock is held.
  size_t Unconcluded() const { return pushed_ - concluded_; }
  bool Finished() const { return !status_.ok() || end_concluded_; }
  void SequenceReady();
  void Fly(std::unique_ptr<RoutedBatch> routed);
  // Each takes one step, unlocked meanwhile, and returns true; or returns false
  // without one.
  bool Correlate(Decoder& decoder, Lock& lock);
  bool JudgeSlice(int worker, Lock& lock);
  bool Decode(Decoder& decoder, Lock& lock);

  Stages& stages_;
  RunContext run_;
  const int workers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // All that follows is guarded by mutex_.
  absl::Status status_;
  size_t pushed_ = 0;
  size_t concluded_ = 0;
  bool input_ended_ = false;
  bool end_in_flight_ = false;
  bool end_concluded_ = false;
  std::deque<std::pair<uint64_t, RawBatch>> raw_;
  std::map<uint64_t, std::unique_ptr<RoutedBatch>> decoded_;
  uint64_t next_to_sequence_ = 0;
  std::deque<std::unique_ptr<InFlight>> in_flight_;
  std::vector<uint64_t> next_slice_;
  bool correlating_ = false;
  std::vector<RawBatch> spare_;  // empty; never more than were under way
};

bool Schedule::Push(RawBatch& raw) {
  Lock lock(mutex_);
  size_t room = kBatchesPerWorker * static_cast<size_t>(workers_);
  while (status_.ok() && Unconcluded() >= room) changed_.wait(lock);
  if (!status_.ok()) return false;
  raw_.emplace_back(pushed_++, std::move(raw));
  raw = RawBatch();
  if (!spare_.empty()) {
    raw = std::move(spare_.back());
    spare_.pop_back();
  }
  changed_.notify_all();
  return true;
}

void Schedule::End() {
  Lock lock(mutex_);
  input_ended_ = true;
  SequenceReady();
  changed_.notify_all();
}

void Schedule::Fail(absl::Status status) {
  Lock lock(mutex_);
  if (status_.ok()) status_ = std::move(status);
  changed_.notify_all();
}

void Schedule::Fly(std::unique_ptr<RoutedBatch> routed) {
  auto flight = std::make_unique<InFlight>();
  flight->sequence = next_to_sequence_++;
  flight->routed = std::move(routed);
  flight->slices.resize(static_cast<size_t>(workers_));
  flight->slices_missing = workers_;
  in_flight_.push_back(std::move(flight));
}

void Schedule::SequenceReady() {
  while (!decoded_.empty() && decoded_.begin()->first == next_to_sequence_) {
    std::unique_ptr<RoutedBatch> routed = std::move(decoded_.begin()->second);
    decoded_.erase(decoded_.begin());
    stages_.Sequence(*routed);
    Fly(std::move(routed));
  }
  if (input_ended_ && !end_in_flight_ && next_to_sequence_ == pushed_) {
    end_in_flight_ = true;
    Fly(stages_.EndBatch());
  }
}

bool Schedule::Decode(Decoder& decoder, Lock& lock) {
  if (raw_.empty()) return false;
  auto [sequence, raw] = std::move(raw_.front());
  raw_.pop_front();
  lock.unlock();
  std::unique_ptr<RoutedBatch> routed =
      stages_.DecodeAndRoute(decoder, std::move(raw));
  lock.lock();
  decoded_.emplace(sequence, std::move(routed));
  SequenceReady();
  return true;
}

bool Schedule::JudgeSlice(int worker, Lock& lock) {
  auto index = static_cast<size_t>(worker);
  if (in_flight_.empty()) return false;
  uint64_t next = next_slice_[index];
  uint64_t first = in_flight_.front()->sequence;
  if (next - first >= in_flight_.size()) return false;
  InFlight& flight = *in_flight_[next - first];
  lock.unlock();
  SliceOutput slice = stages_.Judge(worker, *flight.routed);
  lock.lock();
  // `flight` lives until its last slice is in.
  flight.slices[index] = std::move(slice);
  --flight.slices_missing;
  ++next_slice_[index];
  return true;
}

bool Schedule::Correlate(Decoder& decoder, Lock& lock) {
  if (correlating_ || in_flight_.empty() ||
      in_flight_.front()->slices_missing > 0) {
    return false;
  }
  correlating_ = true;
  std::unique_ptr<InFlight> flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  lock.unlock();
  bool is_end = flight->routed->is_end;
  absl::Status status =
      stages_.Conclude(run_, *flight->routed, std::move(flight->slices));
  RawBatch spare;
  if (Stages::kRecycle) {
    spare = decoder.Recycle(std::move(flight->routed->batch));
  }
  flight.reset();
  lock.lock();
  if (Stages::kRecycle && !is_end) spare_.push_back(std::move(spare));
  correlating_ = false;
  if (status_.ok()) status_ = status;
  if (is_end) {
    end_concluded_ = true;
  } else {
    ++concluded_;
  }
  return true;
}

void Schedule::Work(int worker) {
  Decoder decoder(stages_.options.decoder);
  Lock lock(mutex_);
  while (!Finished()) {
    // Nearest to the exit first: it frees memory and shows findings soonest.
    if (Correlate(decoder, lock) || JudgeSlice(worker, lock) ||
        Decode(decoder, lock)) {
      changed_.notify_all();
      continue;
    }
    changed_.wait(lock);
  }
  changed_.notify_all();
}

}  // namespace

absl::Status RunSharded(Stages& stages, RunContext run) {
  Schedule schedule(stages, run);
  std::vector<std::thread> workers;
  for (int worker = 0; worker < stages.options.threads; ++worker) {
    workers.emplace_back([&schedule, worker] { schedule.Work(worker); });
  }
  absl::Status read_status;
  bool ended = false;
  RawBatch raw;
  while (!ended && read_status.ok()) {
    read_status = stages.ReadBatch(run, raw, ended);
    if (!raw.empty() && !schedule.Push(raw)) break;
  }
  if (read_status.ok()) {
    schedule.End();
  } else {
    schedule.Fail(std::move(read_status));
  }
  for (std::thread& worker : workers) worker.join();
  return schedule.status();
}

}  // namespace oddverb
