// The sinks of a service, each on a thread of its own: one that is slow or down
// delays neither detection nor the others.
#ifndef ODDVERB_PIPELINE_SINK_SET_H_
#define ODDVERB_PIPELINE_SINK_SET_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "exporters/exporter.h"
#include "pipeline/outbox.h"
#include "pipeline/sink.h"
#include "telemetry/logging.h"

namespace oddverb {

// Thread-safe, but for Start() and Stop().
class SinkSet {
 public:
  struct Member {
    SinkOptions options;
    std::unique_ptr<Exporter> exporter;
  };
  // What all sinks share; must outlive the set.
  struct Shared {
    Outbox& outbox;
    const Clock& clock;
    Logger& logger;
    std::function<std::string(const Finding&)> describe;
  };

  // Registers the sinks with the outbox, and lets them begin with what an
  // earlier process left there. The errors of Outbox::UseSinks and
  // Exporter::Load.
  static absl::StatusOr<std::unique_ptr<SinkSet>> Start(
      std::vector<Member> members, Shared shared);
  // Without Stop(): leaves the rest for the next process.
  ~SinkSet();
  SinkSet(const SinkSet&) = delete;
  SinkSet& operator=(const SinkSet&) = delete;

  // For a Delivery: each call says that there are findings in the outbox.
  Exporter& door() { return door_; }
  void Wake();

  // Hands over what is in the outbox, until `deadline` at the latest plus the
  // time limit of an attempt under way; what is left stays there. Then ends
  // the threads and finishes the exporters.
  absl::Status Stop(absl::Time deadline);

  std::vector<SinkStats> stats() const;
  // Of the first sink that will never work again.
  absl::Status failure() const;

 private:
  class Door final : public Exporter {
   public:
    explicit Door(SinkSet& set) : set_(set) {}
    absl::Status Export(std::span<const Finding>, absl::Time) override {
      set_.Wake();
      return absl::OkStatus();
    }

   private:
    SinkSet& set_;
  };
  struct Running {
    std::unique_ptr<Exporter> exporter;
    std::unique_ptr<Sink> sink;
    std::thread thread;
  };

  explicit SinkSet(const Clock& clock) : clock_(clock), door_(*this) {}

  void Run(Sink& sink);
  bool IsDrained(const Sink& sink, absl::Time next) const;
  void Join();

  const Clock& clock_;
  Door door_;
  std::vector<Running> running_;

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t wakes_ = 0;                                  // guarded by mutex_
  bool ends_ = false;                                   // guarded by mutex_
  absl::Time drain_deadline_ = absl::InfiniteFuture();  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SINK_SET_H_
