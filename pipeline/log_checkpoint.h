// The checkpoint of a service that may run anywhere: one transaction of a
// StateLog each, with the rows of state that changed, the positions, and the
// findings. The findings also wait in the log, as an outbox, until every sink
// has them, so that whoever takes over hands over the rest.
//
// Nothing is on this machine, so only sources that can be read again can be
// used: there is no spool.
#ifndef ODDVERB_PIPELINE_LOG_CHECKPOINT_H_
#define ODDVERB_PIPELINE_LOG_CHECKPOINT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "pipeline/checkpoint.h"
#include "pipeline/fair_mutex.h"
#include "pipeline/outbox.h"
#include "pipeline/sink_table.h"
#include "pipeline/state_log.h"
#include "pipeline/state_log_records.h"

namespace oddverb {

// Thread-safe.
class LogCheckpoint final : public Checkpoint, public Outbox {
 public:
  enum class CommitMode : uint8_t {
    kOneTransaction,
    // State in one transaction and the rest in a second one: what a kill
    // between them does shows that a test of kills can see it.
    kSplitForTest,
  };

  struct Options {
    // Whose state this is: that of another owner in the same log is refused.
    std::string owner;
    // The key of hash(), as hexadecimal digits, where several owners share one;
    // a log that has another is refused. Empty: the log's own.
    std::string hash_key = {};
    // Findings committed and not yet delivered; beyond, Commit() is refused.
    uint64_t max_outbox_findings = 100'000;
    uint64_t max_outbox_bytes = uint64_t{256} << 20;
    CommitMode commit_mode = CommitMode::kOneTransaction;
    // Between the two transactions of a batch.
    std::function<void(const CheckpointBatch&)> between_for_test = {};
  };

  // How full it is, for metrics.
  struct Usage {
    uint64_t outbox_findings = 0;
    uint64_t outbox_bytes = 0;  // 64 more for each finding than its bytes
  };

  // Reads all of the log, which must outlive the result. DataLoss: it is
  // damaged. FailedPrecondition: it is another owner's, or of a newer version.
  // The errors of StateLog::Read.
  static absl::StatusOr<std::unique_ptr<LogCheckpoint>> Open(Options options,
                                                             StateLog& log);
  ~LogCheckpoint() override;

  // The key for entity keys and finding ids, made at random by the first owner.
  const KeyedHash& hash() const { return hash_; }

  // After Unavailable, it is called again with the same batch.
  absl::StatusOr<uint64_t> Commit(const CheckpointBatch& batch) override;
  absl::StatusOr<std::optional<Restored>> Restore() override;
  // Durable with what is written next: until then, whoever takes over shows
  // those findings again where nobody remembers them.
  absl::Status Delivered(uint64_t number) override;
  // FailedPrecondition.
  absl::StatusOr<uint64_t> Spool(
      std::string_view source,
      std::span<const std::string_view> bodies) override;
  absl::StatusOr<std::vector<SpooledBody>> ReadSpool(std::string_view source,
                                                     uint64_t after,
                                                     size_t max_bytes) override;

  // Durable with what is written next.
  absl::StatusOr<std::vector<SinkCursor>> UseSinks(
      std::span<const std::string> names) override;
  absl::StatusOr<std::vector<OutboxEntry>> ReadOutbox(
      uint64_t after, size_t max_entries) override;
  absl::Status Advance(const SinkProgress& progress) override;
  uint64_t newest_finding() const override { return newest_finding_; }

  // Does not wait for a commit under way.
  Usage usage() const;

 private:
  struct Totals {
    uint64_t records_judged = 0;
    uint64_t next_finding = 1;
  };
  // What becomes valid when a write is known to be there.
  struct Pending {
    bool is_commit = false;
    Totals totals;
    std::vector<std::string> findings;  // numbered up to totals.next_finding
    SinkCursors cursors;
    std::map<std::string, uint64_t> parts;  // of rows, by key
  };

  LogCheckpoint(Options options, StateLog& log);
  absl::Status Load();
  absl::Status LoadOnce();
  absl::Status LoadRecord(std::string_view text,
                          std::optional<std::string_view> value,
                          Restored& restored, RowAssembly& rows);
  absl::Status LoadOrigin(std::string_view value);
  absl::Status CheckLoaded(const Restored& restored);
  absl::StatusOr<bool> SettleFirst();
  StateLogWrite NewWrite() const;
  absl::Status CheckOutbox(std::span<const std::string> findings) const;
  void AppendRows(const std::vector<StateRow>& rows, StateLogWrite& write,
                  Pending& pending) const;
  void AppendCommit(const CheckpointBatch& batch, StateLogWrite& write,
                    Pending& pending) const;
  void AppendCursors(StateLogWrite& write, const Pending& pending) const;
  absl::Status Write(const StateLogWrite& write, Pending pending);
  void Apply(Pending pending);
  std::string Origin() const;

  const Options options_;
  StateLog& log_;
  KeyedHash hash_;
  std::string hash_key_;  // of hash_, as hexadecimal digits
  FairMutex mutex_;
  // All that follows, to newest_finding_, is guarded by mutex_.
  bool has_origin_ = false;  // in the log
  bool has_commit_ = false;  // in the log
  std::optional<Restored> loaded_;
  Totals totals_;
  std::map<uint64_t, std::string> outbox_;  // by number
  SinkCursors cursors_;                     // as they are
  SinkCursors cursors_in_log_;
  std::map<std::string, uint64_t> parts_;  // of rows that have several, by key
  std::optional<Pending> undecided_;
  std::atomic<uint64_t> newest_finding_{0};
  mutable std::mutex published_mutex_;
  Usage published_;  // guarded by published_mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_LOG_CHECKPOINT_H_
