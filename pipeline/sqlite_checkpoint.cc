// Long because: all that one lock and one transaction at a time guard.
#include "pipeline/sqlite_checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/finding_state.h"
#include "pipeline/hash_key.h"
#include "pipeline/sink_table.h"
#include "pipeline/spool_ages.h"
#include "pipeline/spool_table.h"
#include "pipeline/sqlite_database.h"
#include "pipeline/state_schema.h"
#include "pipeline/state_tables.h"

namespace oddverb {
namespace {

constexpr char kHashKey[] = "hash_key";
constexpr char kRoomKey[] = "room";
constexpr size_t kRoomBytes = 64 << 10;

// A backlog leaves free pages behind. Some are kept, as the next one needs them
// again; the others go back to the file system, a little at each commit.
constexpr uint64_t kKeptFreePages = 4'096;  // 16 MiB
constexpr char kShrink[] = "PRAGMA incremental_vacuum(1024)";

absl::Status CreateDatabase(const StateDirectory& directory, absl::Time now) {
  ODDVERB_RETURN_IF_ERROR(directory.PrepareNewDatabase());
  ODDVERB_ASSIGN_OR_RETURN(SqliteDatabase database,
                           SqliteDatabase::Open(directory.new_database_path(),
                                                SqliteDatabase::Kind::kNew));
  ODDVERB_RETURN_IF_ERROR(MigrateState(database, StateMigrations()));
  ODDVERB_ASSIGN_OR_RETURN(std::string key, RandomHashKey());
  ODDVERB_RETURN_IF_ERROR(WriteMeta(database, kHashKey, key));
  ODDVERB_RETURN_IF_ERROR(
      WriteMeta(database, "created",
                absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone())));
  database.Close();
  return directory.KeepNewDatabase();
}

absl::Status QuickCheck(SqliteDatabase& database) {
  ODDVERB_ASSIGN_OR_RETURN(std::string result,
                           database.ReadText("PRAGMA quick_check(1)"));
  if (result == "ok") return absl::OkStatus();
  return absl::DataLossError(result);
}

std::string NoticeOf(const absl::Status& damage, const std::string& path,
                     const std::string& aside) {
  return absl::StrCat("the state in ", path, " is damaged (", damage.message(),
                      "); it is kept as ", aside,
                      ", and the service starts anew: nothing is known of "
                      "earlier events, sources are read from their beginning, "
                      "findings may come again with other ids");
}

// The forms in which the batch is written; made before the lock is taken.
std::vector<std::string> SavedFindings(const std::vector<Finding>& findings) {
  std::vector<std::string> saved;
  for (const Finding& finding : findings) {
    StateWriter writer;
    SaveFinding(finding, writer);
    saved.push_back(writer.Release());
  }
  return saved;
}

StateRows SortedByKey(const std::vector<StateRow>& rows) {
  StateRows sorted;
  for (const StateRow& row : rows) sorted.push_back(&row);
  auto key = [](const StateRow* row) {
    return std::tie(row->owner, row->kind, row->id);
  };
  // Stable: of two rows with one key the later one counts.
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [&](const StateRow* a, const StateRow* b) { return key(a) < key(b); });
  return sorted;
}

}  // namespace

// The members below the database must go before it.
struct SqliteCheckpoint::Opened {
  SqliteDatabase database;
  std::optional<StateTables> tables;
  std::optional<SpoolTable> spool;
  std::optional<DeadLetterTable> dead_letters;
  std::optional<SinkTable> sinks;
  StateTotals totals;
  SpoolAges ages;
  SinkCursors cursors;  // the synchronous one is always there

  uint64_t synchronous() const {
    return cursors.at(SinkTable::kSynchronous).delivered;
  }

  KeyedHash hash;
  // What opening has read, until somebody takes or outdates it.
  std::optional<std::optional<Restored>> restored;
};

SqliteCheckpoint::SqliteCheckpoint(Options options, const Clock& clock,
                                   StateDirectory directory)
    : options_(std::move(options)),
      clock_(clock),
      directory_(std::move(directory)) {}

SqliteCheckpoint::~SqliteCheckpoint() = default;

absl::StatusOr<std::unique_ptr<SqliteCheckpoint>> SqliteCheckpoint::Open(
    Options options, const Clock& clock) {
  ODDVERB_ASSIGN_OR_RETURN(StateDirectory directory,
                           StateDirectory::Open(options.directory));
  std::unique_ptr<SqliteCheckpoint> checkpoint(
      new SqliteCheckpoint(std::move(options), clock, std::move(directory)));
  const StateDirectory& held = checkpoint->directory_;
  absl::StatusOr<std::unique_ptr<Opened>> opened =
      OpenOrCreate(held, clock.Now());
  if (absl::IsDataLoss(opened.status())) {
    ODDVERB_ASSIGN_OR_RETURN(std::string aside,
                             held.SetDatabaseAside(clock.Now()));
    checkpoint->notice_ =
        NoticeOf(opened.status(), held.database_path(), aside);
    opened = OpenOrCreate(held, clock.Now());
  }
  ODDVERB_ASSIGN_OR_RETURN(checkpoint->opened_, std::move(opened));
  checkpoint->hash_ = checkpoint->opened_->hash;
  checkpoint->newest_finding_ = checkpoint->opened_->totals.next_finding - 1;
  checkpoint->Publish();
  return checkpoint;
}

absl::StatusOr<std::unique_ptr<SqliteCheckpoint::Opened>>
SqliteCheckpoint::OpenOrCreate(const StateDirectory& directory,
                               absl::Time now) {
  ODDVERB_ASSIGN_OR_RETURN(bool is_there, directory.HasDatabase());
  if (!is_there) ODDVERB_RETURN_IF_ERROR(CreateDatabase(directory, now));
  return OpenExisting(directory.database_path());
}

absl::StatusOr<std::unique_ptr<SqliteCheckpoint::Opened>>
SqliteCheckpoint::OpenExisting(const std::string& path) {
  auto opened = std::make_unique<Opened>();
  absl::StatusOr<SqliteDatabase> database =
      SqliteDatabase::Open(path, SqliteDatabase::Kind::kExisting);
  // The directory has just opened the file for writing, so it is only the
  // file's own header that calls it read-only.
  if (absl::IsFailedPrecondition(database.status())) {
    return absl::DataLossError(database.status().message());
  }
  ODDVERB_ASSIGN_OR_RETURN(opened->database, std::move(database));
  absl::Status loaded = Load(*opened);
  if (loaded.ok()) {
    // Nothing to do, unless somebody has changed it.
    ODDVERB_RETURN_IF_ERROR(opened->database.UseWriteAheadLog());
    return opened;
  }
  // For whoever looks at it: nothing is moved about in a damaged file.
  opened->database.KeepLogOnClose();
  // Our statements fit our tables: these are others.
  if (absl::IsInvalidArgument(loaded)) {
    return absl::DataLossError(loaded.message());
  }
  if (absl::IsFailedPrecondition(loaded)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", loaded.message()));
  }
  return loaded;
}

absl::Status SqliteCheckpoint::Load(Opened& opened) {
  SqliteDatabase& database = opened.database;
  ODDVERB_RETURN_IF_ERROR(QuickCheck(database));
  ODDVERB_RETURN_IF_ERROR(MigrateState(database, StateMigrations()));
  absl::StatusOr<std::string> key = ReadMeta(database, kHashKey);
  if (absl::IsNotFound(key.status())) {
    return absl::DataLossError(key.status().message());
  }
  ODDVERB_RETURN_IF_ERROR(key.status());
  ODDVERB_ASSIGN_OR_RETURN(opened.hash, ParseHashKey(*key));
  ODDVERB_ASSIGN_OR_RETURN(opened.tables, StateTables::Make(database));
  ODDVERB_ASSIGN_OR_RETURN(opened.spool, SpoolTable::Make(database));
  ODDVERB_ASSIGN_OR_RETURN(opened.dead_letters,
                           DeadLetterTable::Make(database));
  ODDVERB_ASSIGN_OR_RETURN(opened.totals, opened.tables->LoadCounters());
  ODDVERB_RETURN_IF_ERROR(opened.spool->Check(opened.totals, opened.ages));
  ODDVERB_RETURN_IF_ERROR(opened.dead_letters->Measure(opened.totals));
  ODDVERB_RETURN_IF_ERROR(opened.tables->MeasureOutbox(opened.totals));
  ODDVERB_RETURN_IF_ERROR(LoadCursors(opened));
  ODDVERB_ASSIGN_OR_RETURN(
      opened.restored,
      opened.tables->Load(opened.totals, opened.synchronous()));
  return absl::OkStatus();
}

absl::Status SqliteCheckpoint::LoadCursors(Opened& opened) {
  ODDVERB_ASSIGN_OR_RETURN(opened.sinks, SinkTable::Make(opened.database));
  ODDVERB_ASSIGN_OR_RETURN(opened.cursors, opened.sinks->Load());
  ODDVERB_ASSIGN_OR_RETURN(uint64_t oldest,
                           opened.tables->OldestFinding(opened.totals));
  const std::string synchronous = SinkTable::kSynchronous;
  opened.cursors.try_emplace(synchronous,
                             SinkCursor{synchronous, oldest - 1, ""});
  for (const auto& [name, cursor] : opened.cursors) {
    // A finding that somebody lacks is there, and none comes twice.
    if (cursor.delivered + 1 < oldest ||
        cursor.delivered >= opened.totals.next_finding) {
      return absl::DataLossError("a row of the table sinks is damaged");
    }
  }
  return absl::OkStatus();
}

// Runs `write` on a copy of the totals, which is kept when all is durable.
template <class Write>
absl::Status SqliteCheckpoint::InTransaction(Write write) {
  StateTotals totals = opened_->totals;
  ODDVERB_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                           SqliteTransaction::Begin(opened_->database));
  ODDVERB_RETURN_IF_ERROR(write(totals));
  ODDVERB_RETURN_IF_ERROR(
      opened_->tables->PutCounters(opened_->totals, totals));
  ODDVERB_RETURN_IF_ERROR(transaction.Commit());
  opened_->totals = totals;
  Publish();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SqliteCheckpoint::Commit(
    const CheckpointBatch& batch) {
  std::vector<std::string> findings = SavedFindings(batch.findings);
  StateRows state = SortedByKey(batch.state);
  std::lock_guard<FairMutex> guard(mutex_);
  ODDVERB_RETURN_IF_ERROR(CheckOutbox(findings));
  opened_->restored.reset();
  if (options_.commit_mode == CommitMode::kSplitForTest) {
    ODDVERB_RETURN_IF_ERROR(WriteState(state));
    options_.between_for_test();
    state.clear();
  }
  uint64_t first = opened_->totals.next_finding;
  ODDVERB_RETURN_IF_ERROR(WriteAll(batch, state, findings));
  newest_finding_ = opened_->totals.next_finding - 1;
  for (const auto& [source, number] : batch.spool_judged) {
    opened_->ages.Gone(source, number);
  }
  Publish();
  ShrinkFile();
  return first;
}

absl::Status SqliteCheckpoint::CheckOutbox(
    std::span<const std::string> findings) const {
  const StateTotals& totals = opened_->totals;
  // An empty one takes anything, as waiting would not help.
  if (findings.empty() || totals.outbox_findings == 0) return absl::OkStatus();
  uint64_t count = totals.outbox_findings + findings.size();
  uint64_t bytes = totals.outbox_bytes + StateTables::SizeOf(findings);
  if (count <= options_.max_outbox_findings &&
      bytes <= options_.max_outbox_bytes) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "outbox full: ", count, " findings (", bytes,
      " bytes) would wait to be delivered, the limits are ",
      options_.max_outbox_findings, " and ", options_.max_outbox_bytes,
      "; an output does not take them: see to it, or raise state.max_outbox"));
}

absl::Status SqliteCheckpoint::WriteState(const StateRows& state) {
  return InTransaction(
      [&](StateTotals&) { return opened_->tables->PutState(state); });
}

absl::Status SqliteCheckpoint::WriteAll(const CheckpointBatch& batch,
                                        const StateRows& state,
                                        std::span<const std::string> findings) {
  return InTransaction([&](StateTotals& totals) -> absl::Status {
    Opened& o = *opened_;
    totals.records_judged = batch.records_judged;
    ODDVERB_RETURN_IF_ERROR(o.tables->PutState(state));
    ODDVERB_RETURN_IF_ERROR(o.tables->PutBookmarks(batch.bookmarks));
    ODDVERB_RETURN_IF_ERROR(o.tables->PutFindings(findings, totals));
    for (const auto& [source, number] : batch.spool_judged) {
      ODDVERB_RETURN_IF_ERROR(o.spool->Delete(source, number, totals));
    }
    ODDVERB_RETURN_IF_ERROR(
        o.dead_letters->Insert(batch.dead_letters, clock_.Now(), totals));
    return o.dead_letters->Trim(options_.max_dead_letter_bytes, totals);
  });
}

// The commit before it stands; what fails here is tried again after the next.
void SqliteCheckpoint::ShrinkFile() {
  absl::StatusOr<uint64_t> free_pages =
      opened_->database.ReadInteger("PRAGMA freelist_count");
  if (free_pages.ok() && *free_pages > kKeptFreePages) {
    opened_->database.Execute(kShrink).IgnoreError();
  }
}

absl::StatusOr<std::optional<Restored>> SqliteCheckpoint::Restore() {
  std::lock_guard<FairMutex> guard(mutex_);
  if (opened_->restored.has_value()) {
    std::optional<Restored> restored = std::move(*opened_->restored);
    opened_->restored.reset();
    return restored;
  }
  return opened_->tables->Load(opened_->totals, opened_->synchronous());
}

absl::Status SqliteCheckpoint::Delivered(uint64_t number) {
  std::lock_guard<FairMutex> guard(mutex_);
  opened_->restored.reset();
  return MoveCursor({SinkTable::kSynchronous, number, ""}, {});
}

absl::StatusOr<std::vector<SinkCursor>> SqliteCheckpoint::UseSinks(
    std::span<const std::string> names) {
  std::lock_guard<FairMutex> guard(mutex_);
  SinkCursors cursors = WithSinks(opened_->cursors, names);
  absl::Status status = InTransaction([&](StateTotals& totals) -> absl::Status {
    for (const auto& [name, cursor] : opened_->cursors) {
      if (cursors.contains(name)) continue;
      ODDVERB_RETURN_IF_ERROR(opened_->sinks->Delete(name));
    }
    for (const auto& [name, cursor] : cursors) {
      ODDVERB_RETURN_IF_ERROR(opened_->sinks->Put(cursor));
    }
    return opened_->tables->DeleteFindings(DeliveredToAll(cursors), totals);
  });
  ODDVERB_RETURN_IF_ERROR(status);
  opened_->cursors = std::move(cursors);
  std::vector<SinkCursor> used;
  for (const std::string& name : names) {
    used.push_back(opened_->cursors.at(name));
  }
  return used;
}

absl::StatusOr<std::vector<OutboxEntry>> SqliteCheckpoint::ReadOutbox(
    uint64_t after, size_t max_entries) {
  std::lock_guard<FairMutex> guard(mutex_);
  return opened_->tables->ReadOutbox(after, max_entries);
}

absl::Status SqliteCheckpoint::Advance(const SinkProgress& progress) {
  std::lock_guard<FairMutex> guard(mutex_);
  return MoveCursor(progress.cursor, progress.dead_letters);
}

// What the slowest one has, too, goes.
absl::Status SqliteCheckpoint::MoveCursor(
    const SinkCursor& cursor, std::span<const DeadLetterRow> dead_letters) {
  auto found = opened_->cursors.find(cursor.name);
  if (found == opened_->cursors.end()) {
    return absl::InternalError(
        absl::StrCat("no sink has the name \"", cursor.name, "\""));
  }
  SinkCursor before = found->second;
  uint64_t gone = DeliveredToAll(opened_->cursors);
  SinkCursor& moved = found->second;
  moved.state = cursor.state;
  moved.delivered = std::clamp(cursor.delivered, before.delivered,
                               opened_->totals.next_finding - 1);
  absl::Status status = InTransaction([&](StateTotals& totals) -> absl::Status {
    Opened& o = *opened_;
    ODDVERB_RETURN_IF_ERROR(o.sinks->Put(moved));
    uint64_t all_have = DeliveredToAll(o.cursors);
    if (all_have > gone) {
      ODDVERB_RETURN_IF_ERROR(o.tables->DeleteFindings(all_have, totals));
    }
    if (dead_letters.empty()) return absl::OkStatus();
    ODDVERB_RETURN_IF_ERROR(
        o.dead_letters->Insert(dead_letters, clock_.Now(), totals));
    return o.dead_letters->Trim(options_.max_dead_letter_bytes, totals);
  });
  if (!status.ok()) moved = std::move(before);
  return status;
}

absl::StatusOr<uint64_t> SqliteCheckpoint::Spool(
    std::string_view source, std::span<const std::string_view> bodies) {
  std::lock_guard<FairMutex> guard(mutex_);
  uint64_t first = opened_->totals.next_body;
  uint64_t bytes = opened_->totals.spool_bytes +
                   (bodies.empty() ? kRoomBytes : SpoolTable::SizeOf(bodies));
  if (bytes > options_.max_spool_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "spool full: ", bytes, " bytes would wait to be judged, the limit is ",
        options_.max_spool_bytes, "; the sender must come again later"));
  }
  if (bodies.empty()) {
    ODDVERB_RETURN_IF_ERROR(ProbeRoom());
    return first;
  }
  ODDVERB_RETURN_IF_ERROR(InTransaction([&](StateTotals& totals) {
    return opened_->spool->Insert(source, bodies, totals);
  }));
  opened_->ages.Added(source, first + bodies.size() - 1, SteadyNow());
  Publish();
  return first;
}

// Only writing tells whether there is room.
absl::Status SqliteCheckpoint::ProbeRoom() {
  for (size_t bytes : {kRoomBytes, size_t{0}}) {
    ODDVERB_RETURN_IF_ERROR(InTransaction([&](StateTotals&) {
      return WriteMeta(opened_->database, kRoomKey, std::string(bytes, ' '));
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SpooledBody>> SqliteCheckpoint::ReadSpool(
    std::string_view source, uint64_t after, size_t max_bytes) {
  std::lock_guard<FairMutex> guard(mutex_);
  return opened_->spool->Read(source, after, max_bytes);
}

absl::StatusOr<std::vector<DeadLetter>> SqliteCheckpoint::ReadDeadLetters(
    uint64_t after, size_t limit) {
  std::lock_guard<FairMutex> guard(mutex_);
  return opened_->dead_letters->Read(after, limit);
}

void SqliteCheckpoint::Publish() {
  const StateTotals& totals = opened_->totals;
  Usage usage;
  usage.spool_bytes = totals.spool_bytes;
  usage.outbox_findings = totals.outbox_findings;
  usage.outbox_bytes = totals.outbox_bytes;
  usage.dead_letter_bytes = totals.dead_letter_bytes;
  usage.dead_letters_dropped = totals.dead_letters_dropped;
  std::lock_guard<std::mutex> guard(published_mutex_);
  published_ = {usage, opened_->ages.OldestSince()};
}

SqliteCheckpoint::Usage SqliteCheckpoint::usage() const {
  Published published;
  {
    std::lock_guard<std::mutex> guard(published_mutex_);
    published = published_;
  }
  Usage& usage = published.usage;
  usage.spool_oldest =
      std::max(SteadyNow() - published.spool_since, absl::ZeroDuration());
  for (const char* ending : {"", "-wal"}) {
    std::error_code failed;
    std::uintmax_t bytes =
        std::filesystem::file_size(directory_.database_path() + ending, failed);
    if (!failed) usage.file_bytes += bytes;
  }
  return usage;
}

}  // namespace oddverb
