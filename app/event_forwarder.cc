#include "app/event_forwarder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {

EventForwarder::EventForwarder(const Options& options,
                               const NamedSource& source, EventSender& sender,
                               Checkpoint& checkpoint, Logger& logger)
    : options_(options),
      source_(source),
      sender_(sender),
      checkpoint_(checkpoint),
      logger_(logger),
      decoder_({.fields = sender.fields()}) {}

absl::Status EventForwarder::health() const {
  ODDVERB_RETURN_IF_ERROR(storage_.status());
  return sender_.health();
}

CheckpointBatch EventForwarder::CommitOf(const EventBatch& batch) const {
  CheckpointBatch commit;
  if (!batch.raw.bookmark.empty()) {
    commit.bookmarks[source_.name] = batch.raw.bookmark;
  }
  bool keep_samples = options_.secret_bodies == SecretBodies::kKeep;
  for (const Rejected& rejected : batch.rejected) {
    std::string place = source_.source->Describe(rejected.position);
    logger_.Warn("record not forwarded",
                 {{"place", place}, {"detail", rejected.detail}});
    commit.dead_letters.push_back(
        {.source = source_.name,
         .place = std::move(place),
         .reason = RejectReasonName(rejected.reason),
         .detail = rejected.detail,
         .sample = keep_samples ? rejected.sample : std::string(),
         .record_bytes = rejected.record_bytes});
  }
  return commit;
}

absl::Status EventForwarder::Commit(const EventBatch& batch,
                                    const std::atomic<bool>& stop) {
  const CheckpointBatch commit = CommitOf(batch);
  ODDVERB_RETURN_IF_ERROR(storage_.Commit(
      [&] { return checkpoint_.Commit(commit).status(); }, stop));
  for (const Position& position : batch.raw.positions) {
    ODDVERB_RETURN_IF_ERROR(source_.source->Accepted(position));
    ODDVERB_RETURN_IF_ERROR(source_.source->Commit(position));
  }
  return absl::OkStatus();
}

absl::Status EventForwarder::Run(const std::atomic<bool>& stop) {
  bool ended = false;
  while (!ended && !stop) {
    RawBatch read;
    absl::Status status =
        source_.source->Read(SteadyNow() + absl::Milliseconds(200), read);
    ended = absl::IsOutOfRange(status);
    if (!ended) ODDVERB_RETURN_IF_ERROR(status);
    if (read.empty() && read.bookmark.empty()) continue;
    // Only whole events go into a list: one that is torn would spoil it.
    std::unique_ptr<EventBatch> batch = decoder_.Decode(std::move(read));
    status = sender_.Send(*batch, *source_.source, stop);
    if (absl::IsCancelled(status)) return absl::OkStatus();
    ODDVERB_RETURN_IF_ERROR(status);
    ODDVERB_RETURN_IF_ERROR(Commit(*batch, stop));
    if (source_.counters != nullptr) CountInput(*batch, *source_.counters);
  }
  return absl::OkStatus();
}

}  // namespace oddverb
