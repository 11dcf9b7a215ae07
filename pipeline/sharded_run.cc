// Run mode "sharded": a thread for each source reads; N workers, all equal,
// decode, judge the logical shards that they own, and take turns at
// correlating.
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

  // A reading thread: waits for room, then queues. False once a part failed.
  // Leaves an empty batch to fill next, whose memory was used before.
  bool Push(ReadBatch& read);
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
  bool HasRoom(uint64_t bytes) const {
    size_t batches = pushed_ - concluded_;
    return batches == 0 ||
           (batches < kBatchesPerWorker * static_cast<size_t>(workers_) &&
            bytes_under_way_ + bytes <= stages_.options.max_bytes_under_way);
  }
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
  uint64_t end_sequence_ = 0;  // once it is in flight
  bool end_concluded_ = false;
  uint64_t bytes_under_way_ = 0;
  std::deque<std::pair<uint64_t, ReadBatch>> read_;
  std::map<uint64_t, std::unique_ptr<RoutedBatch>> decoded_;
  uint64_t next_to_sequence_ = 0;
  std::deque<std::unique_ptr<InFlight>> in_flight_;
  std::vector<uint64_t> next_slice_;
  bool correlating_ = false;
  std::vector<RawBatch> spare_;  // empty; never more than were under way
};

bool Schedule::Push(ReadBatch& read) {
  uint64_t bytes = read.raw.bytes->size();
  Lock lock(mutex_);
  while (status_.ok() && !HasRoom(bytes)) changed_.wait(lock);
  if (!status_.ok()) return false;
  bytes_under_way_ += bytes;
  stages_.counters.batches_waiting.fetch_add(1, std::memory_order_relaxed);
  ReadBatch next;
  next.source = read.source;
  // Where the spool is read on: a body stays in it until it is judged.
  next.last_spooled = read.last_spooled;
  read_.emplace_back(pushed_++, std::move(read));
  read = std::move(next);
  if (!spare_.empty()) {
    read.raw = std::move(spare_.back());
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
    Fly(stages_.Sequence(std::move(routed)));
  }
  if (input_ended_ && !end_in_flight_ && next_to_sequence_ == pushed_) {
    end_in_flight_ = true;
    end_sequence_ = next_to_sequence_;
    Fly(stages_.Sequence(stages_.EndBatch(run_)));
  }
}

bool Schedule::Decode(Decoder& decoder, Lock& lock) {
  if (read_.empty()) return false;
  auto [sequence, read] = std::move(read_.front());
  read_.pop_front();
  stages_.counters.batches_waiting.fetch_sub(1, std::memory_order_relaxed);
  lock.unlock();
  std::unique_ptr<RoutedBatch> routed =
      stages_.DecodeAndRoute(decoder, std::move(read));
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
  bool is_end = end_in_flight_ && flight->sequence == end_sequence_;
  uint64_t bytes = flight->routed->bytes_under_way;
  lock.unlock();
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
    bytes_under_way_ -= bytes;
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

// Body of the thread that reads source `source` until it ends.
void ReadSource(Stages& stages, RunContext run, size_t source,
                Schedule& schedule) {
  ReadBatch read;
  read.source = source;
  absl::Status status;
  while (true) {
    status = stages.ReadSpooled(run, read);
    if (!status.ok() || read.raw.empty() || !schedule.Push(read)) break;
  }
  bool ended = false;
  while (status.ok() && !ended && schedule.status().ok()) {
    status = stages.Read(run, read);
    ended = read.ended;
    if (status.ok() && stages.HasWork(read) && !schedule.Push(read)) return;
  }
  if (!status.ok()) schedule.Fail(std::move(status));
}

}  // namespace

absl::Status RunSharded(Stages& stages, RunContext run) {
  Schedule schedule(stages, run);
  std::vector<std::thread> workers, readers;
  for (int worker = 0; worker < stages.options.threads; ++worker) {
    workers.emplace_back([&schedule, worker] { schedule.Work(worker); });
  }
  for (size_t source = 1; source < run.sources.size(); ++source) {
    readers.emplace_back([&stages, run, source, &schedule] {
      ReadSource(stages, run, source, schedule);
    });
  }
  ReadSource(stages, run, 0, schedule);
  for (std::thread& reader : readers) reader.join();
  schedule.End();
  for (std::thread& worker : workers) worker.join();
  return schedule.status();
}

}  // namespace oddverb
