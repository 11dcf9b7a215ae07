#include "tests/support/state_probe.h"

#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/strings.h"
#include "gtest/gtest.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uid_t kNobody = 65534;

uint64_t NumberOf(const std::string& text) {
  uint64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(A(bytes));
}

}  // namespace

CheckpointBatch NumberedBatch(uint64_t n) {
  CheckpointBatch batch;
  std::string text = absl::StrCat(n);
  batch.records_judged = n;
  batch.bookmarks["file"] = text;
  batch.spool_judged["hook"] = n;
  batch.state.push_back({"clock", StateRow::kShared, 0, text});
  // More than a page, so that a transaction is many writes.
  for (uint32_t id = 0; id < 40; ++id) {
    batch.state.push_back({absl::StrCat("shard/", id % 4), 0, id,
                           text + std::string(id % 3 == 0 ? 700 : 20, ' ')});
  }
  Finding finding;
  finding.count = static_cast<int64_t>(n);
  finding.title = "seen";
  batch.findings.push_back(finding);
  batch.dead_letters.push_back(
      {"file", "audit.log:1", "not_json", text, "{", 1});
  return batch;
}

std::set<uint64_t> NumbersIn(const Restored& restored) {
  std::set<uint64_t> numbers = {restored.records_judged};
  for (const auto& [source, bookmark] : restored.bookmarks) {
    numbers.insert(NumberOf(bookmark));
  }
  for (const StateRow& row : restored.state) {
    numbers.insert(NumberOf(row.bytes));
  }
  // Older findings may wait for an exporter; the newest is of this commit.
  numbers.insert(
      restored.outbox.empty()
          ? 0
          : static_cast<uint64_t>(restored.outbox.back().finding.count));
  return numbers;
}

std::string TextOf(const std::optional<Restored>& restored) {
  if (!restored.has_value()) return "nothing\n";
  std::string text = absl::StrCat("judged ", restored->records_judged, "\n");
  for (const auto& [source, bytes] : restored->bookmarks) {
    absl::StrAppend(&text, "bookmark ", source, " ", Hex(bytes), "\n");
  }
  for (const StateRow& row : restored->state) {
    absl::StrAppend(&text, "state ", row.owner, " ", row.kind, " ", row.id, " ",
                    Hex(row.bytes), "\n");
  }
  for (const OutboxEntry& entry : restored->outbox) {
    StateWriter writer;
    SaveFinding(entry.finding, writer);
    absl::StrAppend(&text, "finding ", entry.number, " ", Hex(writer.bytes()),
                    "\n");
  }
  return text;
}

std::string ContentOf(SqliteCheckpoint& checkpoint, std::string_view source) {
  absl::StatusOr<std::optional<Restored>> restored = checkpoint.Restore();
  if (!restored.ok()) return restored.status().ToString();
  std::string text = TextOf(*restored);
  absl::StatusOr<std::vector<SpooledBody>> bodies =
      checkpoint.ReadSpool(source, 0, 1 << 30);
  if (!bodies.ok()) return bodies.status().ToString();
  for (const SpooledBody& body : *bodies) {
    absl::StrAppend(&text, "body ", body.number, " ", Hex(body.bytes), "\n");
  }
  return text;
}

std::unique_ptr<SqliteCheckpoint> OpenState(const std::string& directory,
                                            const Clock& clock) {
  auto opened = SqliteCheckpoint::Open({.directory = directory}, clock);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : nullptr;
}

std::string RunWithoutRights(const std::function<std::string()>& work) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    bool dropped =
        ::getuid() != 0 || (::setgid(kNobody) == 0 && ::setuid(kNobody) == 0);
    std::string result = dropped ? work() : "cannot become nobody";
    bool written = ::write(ends[1], result.data(), result.size()) ==
                   static_cast<ssize_t>(result.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string result;
  char buffer[4096];
  ssize_t got;
  while ((got = ::read(ends[0], buffer, sizeof(buffer))) > 0) {
    result.append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return result;
}

}  // namespace oddverb
