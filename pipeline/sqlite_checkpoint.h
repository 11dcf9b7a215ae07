// The checkpoint of one machine: a SQLite database in the state directory,
// with everything that must outlive the process.
//
// One connection behind a fair lock: SQLite has one writer anyway, and a second
// connection waits for it by polling. Measured with bench/spool_bench.cc,
// beside commits that take 80 ms: the longest wait of a spool is 125 ms with
// the lock and 740 ms with a second connection.
#ifndef ODDVERB_PIPELINE_SQLITE_CHECKPOINT_H_
#define ODDVERB_PIPELINE_SQLITE_CHECKPOINT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "pipeline/checkpoint.h"
#include "pipeline/dead_letter_table.h"
#include "pipeline/fair_mutex.h"
#include "pipeline/outbox.h"
#include "pipeline/state_directory.h"

namespace oddverb {

// Thread-safe. Holds the state directory until its end.
class SqliteCheckpoint final : public Checkpoint, public Outbox {
 public:
  enum class CommitMode : uint8_t {
    kOneTransaction,
    // State in one transaction and the rest in a second one: what a kill
    // between them does shows that a test of kills can see it.
    kSplitForTest,
  };

  struct Options {
    std::string directory;  // made (0700) if its parent exists
    // Bodies not judged yet; beyond, Spool() is refused.
    uint64_t max_spool_bytes = uint64_t{1} << 30;
    // Findings committed and not yet delivered; beyond, Commit() is refused.
    uint64_t max_outbox_findings = 100'000;
    uint64_t max_outbox_bytes = uint64_t{256} << 20;
    // Dead letters kept; beyond, the oldest go.
    uint64_t max_dead_letter_bytes = uint64_t{100} << 20;
    CommitMode commit_mode = CommitMode::kOneTransaction;
    std::function<void()> between_for_test = {};  // of the two transactions
  };

  // How full it is, for metrics.
  struct Usage {
    uint64_t spool_bytes = 0;     // 64 more for each body than its bytes
    absl::Duration spool_oldest;  // since the oldest body of it was spooled
    uint64_t outbox_findings = 0;
    uint64_t outbox_bytes = 0;  // 64 more for each finding than its bytes
    uint64_t file_bytes = 0;    // of the database and its log
    uint64_t dead_letter_bytes = 0;
    uint64_t dead_letters_dropped = 0;  // ever, for want of room
  };

  // Opens the state or makes a new one. Reads all of it: about a second for
  // 1,000,000 entities and another one for 1 GiB of spool. A damaged database
  // is renamed, notice() tells, and a new one is there. FailedPrecondition:
  // another process has the directory, a newer program wrote it, or it is
  // read-only. NotFound, PermissionDenied, ResourceExhausted, Internal: what it
  // says. `clock` must outlive the result.
  static absl::StatusOr<std::unique_ptr<SqliteCheckpoint>> Open(
      Options options, const Clock& clock);
  ~SqliteCheckpoint() override;

  // For the log and for a finding; empty when all was well. Otherwise the
  // service starts from the beginning of its sources.
  const std::string& notice() const { return notice_; }
  // The key for entity keys and finding ids, made at random with the database.
  const KeyedHash& hash() const { return hash_; }

  absl::StatusOr<uint64_t> Commit(const CheckpointBatch& batch) override;
  absl::StatusOr<std::optional<Restored>> Restore() override;
  absl::Status Delivered(uint64_t number) override;
  absl::StatusOr<uint64_t> Spool(
      std::string_view source,
      std::span<const std::string_view> bodies) override;
  absl::StatusOr<std::vector<SpooledBody>> ReadSpool(std::string_view source,
                                                     uint64_t after,
                                                     size_t max_bytes) override;

  absl::StatusOr<std::vector<SinkCursor>> UseSinks(
      std::span<const std::string> names) override;
  absl::StatusOr<std::vector<OutboxEntry>> ReadOutbox(
      uint64_t after, size_t max_entries) override;
  absl::Status Advance(const SinkProgress& progress) override;
  uint64_t newest_finding() const override { return newest_finding_; }

  // At most `limit` of the dead letters behind number `after`, oldest first.
  absl::StatusOr<std::vector<DeadLetter>> ReadDeadLetters(uint64_t after,
                                                          size_t limit);
  // Does not wait for a commit under way.
  Usage usage() const;

 private:
  struct Opened;  // the database and all that hangs on it
  // What usage() says, as of the last transaction.
  struct Published {
    Usage usage;
    absl::Time spool_since;
  };

  SqliteCheckpoint(Options options, const Clock& clock,
                   StateDirectory directory);

  static absl::StatusOr<std::unique_ptr<Opened>> OpenOrCreate(
      const StateDirectory& directory, absl::Time now);
  static absl::StatusOr<std::unique_ptr<Opened>> OpenExisting(
      const std::string& path);
  static absl::Status Load(Opened& opened);
  static absl::Status LoadCursors(Opened& opened);

  template <class Write>
  absl::Status InTransaction(Write write);
  // ResourceExhausted: the outbox has no room for `findings`.
  absl::Status CheckOutbox(std::span<const std::string> findings) const;
  absl::Status ProbeRoom();
  absl::Status WriteState(const StateRows& state);
  absl::Status WriteAll(const CheckpointBatch& batch, const StateRows& state,
                        std::span<const std::string> findings);
  absl::Status MoveCursor(const SinkCursor& cursor,
                          std::span<const DeadLetterRow> dead_letters);
  void ShrinkFile();
  void Publish();

  const Options options_;
  const Clock& clock_;
  const StateDirectory directory_;
  std::string notice_;
  KeyedHash hash_;
  FairMutex mutex_;
  std::unique_ptr<Opened> opened_;  // guarded by mutex_
  std::atomic<uint64_t> newest_finding_{0};
  mutable std::mutex published_mutex_;
  Published published_;  // guarded by published_mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SQLITE_CHECKPOINT_H_
