// Questions: how much of SQLite's own durable throughput does the spool keep,
// and how long does a spool wait behind large commits?
//
//   spool_bench FILE [DIRECTORY]
//
// Events of FILE (NDJSON) in calls of 400, as many as an API server posts at
// once. Alternating in one process, on new databases in DIRECTORY (default:
// the temporary directory): SqliteCheckpoint::Spool() one body an event, and
// plain SQLite with one INSERT an event and one commit a call. Then one thread
// commits 8 MiB of state again and again, and another one spools: through the
// checkpoint, and by a second connection that waits in SQLite's busy handler.
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "pipeline/sqlite_checkpoint.h"

namespace oddverb {
namespace {

constexpr size_t kEventsPerCall = 400;
constexpr size_t kCalls = 50;
constexpr int kRounds = 7;
constexpr int kSpoolsBesideCommits = 60;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "spool_bench: %s\n", message.c_str());
  std::exit(1);
}

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(q * last)];
}

// A directory that is new for each measurement.
class Folder {
 public:
  explicit Folder(const std::string& parent) {
    std::string pattern = parent + "/spool_bench_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) Die("cannot write to " + parent);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Call = std::vector<std::string_view>;

std::unique_ptr<SqliteCheckpoint> OpenCheckpoint(const Folder& folder) {
  static const SystemClock clock;
  auto opened = SqliteCheckpoint::Open({.directory = folder.path()}, clock);
  if (!opened.ok()) Die(opened.status().ToString());
  return *std::move(opened);
}

double SpoolAll(const std::string& parent, const std::vector<Call>& calls) {
  Folder folder(parent);
  auto checkpoint = OpenCheckpoint(folder);
  double start = Seconds();
  for (const Call& call : calls) {
    auto number = checkpoint->Spool("hook", call);
    if (!number.ok()) Die(number.status().ToString());
  }
  return Seconds() - start;
}

class PlainSqlite {
 public:
  explicit PlainSqlite(const std::string& path) {
    Check(sqlite3_open(path.c_str(), &database_));
    sqlite3_busy_timeout(database_, 60'000);
    Execute("PRAGMA journal_mode=WAL");
    Execute("PRAGMA synchronous=FULL");
    Execute("CREATE TABLE IF NOT EXISTS plain(bytes BLOB)");
    Check(sqlite3_prepare_v2(database_, "INSERT INTO plain VALUES(?1)", -1,
                             &insert_, nullptr));
  }
  ~PlainSqlite() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }
  PlainSqlite(const PlainSqlite&) = delete;
  PlainSqlite& operator=(const PlainSqlite&) = delete;

  void Insert(std::span<const std::string_view> bodies) {
    Execute("BEGIN IMMEDIATE");
    for (std::string_view body : bodies) {
      sqlite3_bind_blob64(insert_, 1, body.data(), body.size(), SQLITE_STATIC);
      if (sqlite3_step(insert_) != SQLITE_DONE) Die(sqlite3_errmsg(database_));
      sqlite3_reset(insert_);
    }
    Execute("COMMIT");
  }

 private:
  void Check(int code) {
    if (code != SQLITE_OK) Die(sqlite3_errmsg(database_));
  }
  void Execute(const char* sql) {
    Check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr));
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

double InsertAll(const std::string& parent, const std::vector<Call>& calls) {
  Folder folder(parent);
  PlainSqlite plain(folder.path() + "/plain.db");
  double start = Seconds();
  for (const Call& call : calls) plain.Insert(call);
  return Seconds() - start;
}

// Seconds of each of the spools that `spool` makes while 8 MiB of state are
// committed without a pause.
template <class SpoolOnce>
std::vector<double> WaitsBesideCommits(SqliteCheckpoint& checkpoint,
                                       std::vector<double>& commits,
                                       SpoolOnce spool) {
  std::atomic<bool> stop{false};
  std::thread committer([&] {
    for (uint64_t n = 1; !stop; ++n) {
      CheckpointBatch batch;
      for (uint32_t id = 0; id < 32'768; ++id) {
        batch.state.push_back(
            {"shard/00", 0, id,
             std::string(256, static_cast<char>('a' + n % 26))});
      }
      double start = Seconds();
      if (!checkpoint.Commit(std::move(batch)).ok()) Die("commit failed");
      commits.push_back(Seconds() - start);
    }
  });
  std::vector<double> waits;
  for (int i = 0; i < kSpoolsBesideCommits; ++i) {
    double start = Seconds();
    spool();
    waits.push_back(Seconds() - start);
    std::this_thread::sleep_for(std::chrono::milliseconds(7));
  }
  stop = true;
  committer.join();
  return waits;
}

void PrintWaits(const char* name, const std::vector<double>& waits,
                const std::vector<double>& commits) {
  std::printf(
      "%s  %6.1f ms median  %6.1f ms p90  %6.1f ms longest (a commit "
      "takes %.0f ms)\n",
      name, Quantile(waits, 0.5) * 1e3, Quantile(waits, 0.9) * 1e3,
      Quantile(waits, 1) * 1e3, Quantile(commits, 0.5) * 1e3);
}

void MeasureWaits(const std::string& parent, const Call& call) {
  Folder folder(parent);
  auto checkpoint = OpenCheckpoint(folder);
  std::vector<double> commits;
  std::vector<double> waits = WaitsBesideCommits(*checkpoint, commits, [&] {
    if (!checkpoint->Spool("hook", call).ok()) Die("spool failed");
  });
  PrintWaits("spool beside commits    ", waits, commits);
  PlainSqlite second(folder.path() + "/oddverb.db");
  commits.clear();
  waits =
      WaitsBesideCommits(*checkpoint, commits, [&] { second.Insert(call); });
  PrintWaits("by a second connection  ", waits, commits);
}

std::vector<std::string> ReadEvents(const char* path) {
  std::ifstream in(path);
  std::vector<std::string> events;
  std::string line;
  while (events.size() < kEventsPerCall * kCalls && std::getline(in, line)) {
    events.push_back(line);
  }
  if (events.empty()) Die(std::string("no lines in ") + path);
  return events;
}

int Main(int argc, char** argv) {
  if (argc < 2) Die("usage: spool_bench FILE [DIRECTORY]");
  std::string parent =
      argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
  std::vector<std::string> events = ReadEvents(argv[1]);
  std::vector<Call> calls(kCalls);
  double bytes = 0;
  for (size_t i = 0; i < kCalls * kEventsPerCall; ++i) {
    const std::string& event = events[i % events.size()];
    calls[i / kEventsPerCall].push_back(event);
    bytes += static_cast<double>(event.size());
  }

  std::vector<double> ours, plain;
  for (int round = 0; round <= kRounds; ++round) {
    double plain_s = InsertAll(parent, calls);
    double ours_s = SpoolAll(parent, calls);
    if (round == 0) continue;  // warms up
    plain.push_back(plain_s);
    ours.push_back(ours_s);
  }
  double count = kCalls * kEventsPerCall;
  auto print = [&](const char* name, double seconds) {
    std::printf("%s  %6.0f MB/s  %8.0f events/s  %6.2f ms a call of %zu\n",
                name, bytes / seconds * 1e-6, count / seconds,
                seconds / kCalls * 1e3, kEventsPerCall);
  };
  double plain_s = Quantile(plain, 0.5);
  double ours_s = Quantile(ours, 0.5);
  print("SQLite alone, durable   ", plain_s);
  print("SqliteCheckpoint::Spool ", ours_s);
  std::printf("ratio                     %6.2f (goal: 0.5)\n",
              plain_s / ours_s);
  MeasureWaits(parent, calls[0]);
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
