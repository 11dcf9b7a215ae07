// Receiver of the API server's audit webhook: POST /audit/CLUSTER with an
// EventList, many at a time. A request is answered 204 only after its events
// are durable (Accepted), and 503 with Retry-After when they cannot be taken
// now: then the API server keeps them and comes again (about 80 s in all, some
// nine minutes if it is told when to come). Shippers and Amazon Data Firehose
// post their envelopes to the same path; Firehose is answered in its own form.
//
// Threads: the HTTP server's call Screen and Handle; one thread calls Read;
// Accepted and Refused may come from any.
#ifndef ODDVERB_INGEST_WEBHOOK_SOURCE_H_
#define ODDVERB_INGEST_WEBHOOK_SOURCE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ingest/source.h"
#include "net/http_handler.h"

namespace oddverb {

class WebhookSource final : public Source, public HttpHandler {
 public:
  struct Options {
    uint32_t source_index = 0;  // for positions
    // The last part of the path; requests for another cluster get 404.
    std::string cluster;
    // Bodies received and not yet read by the pipeline; beyond, 503.
    uint64_t max_queued_bytes = 64 << 20;
    absl::Duration retry_after = absl::Seconds(10);
  };

  struct Counters {
    std::atomic<uint64_t> requests{0}, bytes{0};
    // Turned away: the queue was full; the process is stopping; nothing can be
    // kept, before and after the body was read; what was sent is no JSON;
    // another path.
    std::atomic<uint64_t> refused_full{0}, refused_stopping{0};
    std::atomic<uint64_t> refused_held{0}, refused_not_durable{0};
    std::atomic<uint64_t> refused_garbage{0}, refused_path{0};
  };

  explicit WebhookSource(const Options& options);
  ~WebhookSource() override;

  // "/audit/CLUSTER".
  std::string path() const { return "/audit/" + options_.cluster; }

  std::optional<HttpResponse> Screen(const HttpRequestHead& head) override;
  void Handle(HttpRequest request, HttpResponder responder) override;

  // Each record is the body of one request; Position::offset counts them.
  // OutOfRange once Drain() was called and nothing is left.
  absl::Status Read(absl::Time deadline, RawBatch& out) override;
  absl::Status Accepted(const Position& position) override;
  void Refused(const Position& position) override;
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  bool replayable() const override { return false; }

  std::string Describe(const Position& position) const override;
  Progress progress() const override;

  // Held: new requests get 503, and so do those that are not read yet, as
  // nothing can be kept at present.
  enum class Intake : uint8_t { kOpen, kHeld };
  void SetIntake(Intake intake);
  // From now on new requests get 503; what was received is still read.
  void Drain();
  // The same, and everybody who still waits gets it too: nobody will read on.
  void Close();

  const Counters& counters() const { return counters_; }

 private:
  // Who is to be answered, and the id of Firehose's request if it is one.
  struct Sender {
    HttpResponder responder;
    std::string firehose_id;
  };
  struct Waiting {
    std::unique_ptr<PaddedBuffer> body;
    Sender sender;
  };

  HttpResponse Later() const;
  static void Tell(Sender& sender, HttpResponse response);
  // Counts and returns true where a request is to come again. REQUIRES: the
  // lock is held.
  bool IsRefusing();
  void Answer(const Position& position, HttpResponse response);

  const Options options_;
  Counters counters_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  // All that follows is guarded by mutex_.
  std::deque<Waiting> queue_;
  uint64_t queued_bytes_ = 0;
  uint64_t next_number_ = 1;
  std::map<uint64_t, Sender> unanswered_;  // read, by number
  Intake intake_ = Intake::kOpen;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_WEBHOOK_SOURCE_H_
