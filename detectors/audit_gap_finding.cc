#include "detectors/audit_gap_finding.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr size_t kMaxDetailBytes = 240;

// The path of "PATH:LINE".
std::string_view PathOf(std::string_view place) {
  return place.substr(0, place.rfind(':'));
}

std::string FolderOf(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

std::string CatOf(std::string_view path) {
  if (path.ends_with(".gz")) return "zcat";
  return path.ends_with(".zst") ? "zstdcat" : "cat";
}

std::string Clock(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

// In whole seconds, if it has any.
std::string LengthText(absl::Duration length) {
  return absl::FormatDuration(absl::Trunc(length, length < absl::Seconds(1)
                                                      ? absl::Milliseconds(1)
                                                      : absl::Seconds(1)));
}

// "between A and B (3m)"; what is not known is left out.
std::string SpanOf(const GapFacts& facts) {
  bool has_before = facts.before != absl::InfinitePast();
  bool has_after = facts.after != absl::InfinitePast();
  if (has_before && has_after) {
    return absl::StrCat("between ", Clock(facts.before), " and ",
                        Clock(facts.after), " UTC (",
                        LengthText(facts.after - facts.before), ")");
  }
  if (has_before) {
    return absl::StrCat("after ", Clock(facts.before), " UTC");
  }
  if (has_after) return absl::StrCat("before ", Clock(facts.after), " UTC");
  return "at a time that is not known";
}

// journalctl's options for the time in question.
std::string JournalSpan(const GapFacts& facts) {
  std::string span;
  auto add = [&](const char* option, absl::Time time) {
    if (time == absl::InfinitePast()) return;
    absl::StrAppend(&span, " ", option, " '", Clock(time), " UTC'");
  };
  add("--since", facts.before);
  if (facts.after > facts.before) add("--until", facts.after);
  return span;
}

std::string Times(uint64_t count) {
  return count > 1 ? absl::StrCat(", ", count, " times") : std::string();
}

void DescribeFileLoss(const GapFacts& facts, Finding& out) {
  const bool is_deleted = facts.kind == GapKind::kDeleted;
  const bool is_copied = facts.kind == GapKind::kCopied;
  const std::string path(PathOf(facts.place));
  out.title = is_deleted  ? "Audit log deleted before it was read"
              : is_copied ? "Audit log copied and emptied in place"
                          : "Audit log emptied in place";
  const char* what = is_deleted  ? " was deleted or emptied before it was read"
                     : is_copied ? " was copied, then emptied in place"
                                 : " was emptied in place";
  out.summary = absl::StrCat(
      "source ", facts.source, ": ", path, what, Times(facts.count),
      "; events ", SpanOf(facts),
      facts.bytes > 0 ? " are missing, at least " : " may be missing");
  if (facts.bytes > 0) {
    absl::StrAppend(&out.summary, Counted(facts.bytes, "byte", "bytes"));
  }
  AddReason(is_deleted ? "a log file is gone unread" : "a log file was emptied",
            facts.detail, is_copied ? 2 : 4, out);
  out.confidence = is_deleted ? 0.8 : 0.95;
  out.normal =
      "The API server renames its log and begins a new one; the renamed file "
      "stays until --audit-log-maxbackup or --audit-log-maxage is reached, and "
      "every event of it is read";
  const std::string folder = ShellWord(FolderOf(path));
  out.next.push_back(
      absl::StrCat("ls -la --time-style=full-iso ", folder,
                   "   # on the node: who owns what, what is left"));
  if (!is_deleted) {
    out.next.emplace_back(
        "grep -rn copytruncate /etc/logrotate.conf /etc/logrotate.d   # take "
        "the audit log out of it: the API server rotates by itself");
  }
  out.next.push_back(
      absl::StrCat("journalctl --utc", JournalSpan(facts),
                   "   # on the node: who logged in, sudo, cron"));
  out.next.push_back(absl::StrCat("ausearch -f ", folder,
                                  "   # if auditd watches the folder"));
  out.next.emplace_back(
      "Compare with another copy of the events: the audit webhook, etcd's "
      "backup, the load balancer's log");
  out.benign_checks = {
      is_deleted ? "Was oddverb stopped for longer than the rotated files are "
                   "kept? Then raise --audit-log-maxbackup and "
                   "--audit-log-maxage."
                 : "logrotate with copytruncate, or an administrator who made "
                   "room on the disk"};
  out.attack = {"T1070.002", "T1562"};
}

// Of "topic TOPIC, partition 3, offset 17", as a Kafka source names a place.
struct MessagePlace {
  std::string topic, partition, offset;
};

std::optional<MessagePlace> MessagePlaceOf(std::string_view place) {
  constexpr std::string_view kParts[] = {"topic ", ", partition ", ", offset "};
  if (!place.starts_with(kParts[0])) return std::nullopt;
  const size_t partition = place.find(kParts[1]);
  const size_t offset = place.find(kParts[2]);
  if (partition == std::string_view::npos || offset == std::string_view::npos ||
      offset < partition) {
    return std::nullopt;
  }
  const size_t topic_at = kParts[0].size();
  const size_t partition_at = partition + kParts[1].size();
  return MessagePlace{
      std::string(place.substr(topic_at, partition - topic_at)),
      std::string(place.substr(partition_at, offset - partition_at)),
      std::string(place.substr(offset + kParts[2].size()))};
}

std::string ShowMessage(const MessagePlace& at) {
  return absl::StrCat(
      "kafka-console-consumer.sh --bootstrap-server BROKER --topic ",
      ShellWord(at.topic), " --partition ", ShellWord(at.partition),
      " --offset ", ShellWord(at.offset), " --max-messages 1");
}

void DescribeTopicLoss(const GapFacts& facts, Finding& out) {
  const bool is_expired = facts.kind == GapKind::kExpired;
  out.title = is_expired ? "Audit events expired before they were read"
                         : "The topic of audit events was made anew";
  out.summary = absl::StrCat("source ", facts.source, ": ",
                             Bounded(facts.detail, kMaxDetailBytes),
                             Times(facts.count), "; events ", SpanOf(facts),
                             is_expired ? " are missing" : " may be missing");
  AddReason(is_expired ? "messages were deleted unread" : "a topic was deleted",
            facts.detail, 4, out);
  out.confidence = is_expired ? 0.8 : 0.95;
  out.normal =
      "A topic keeps its messages for days (retention.ms), and its reader is "
      "seconds behind";
  const MessagePlace at =
      MessagePlaceOf(facts.place).value_or(MessagePlace{facts.place, "0", "0"});
  const std::string topic = ShellWord(at.topic);
  out.next = {
      absl::StrCat("kafka-configs.sh --bootstrap-server BROKER --describe "
                   "--entity-type topics --entity-name ",
                   topic, "   # retention.ms, retention.bytes: who set them?"),
      absl::StrCat("kafka-acls.sh --bootstrap-server BROKER --list --topic ",
                   topic,
                   "   # who may Delete, Alter, AlterConfigs: that empties it"),
      "grep -e DELETE_TOPICS -e DELETE_RECORDS -e ALTER_CONFIGS "
      "kafka-request.log   # on the brokers: who did",
      "Compare with another copy of the events: the log on the control plane's "
      "nodes, the topic that this one was filled from"};
  out.benign_checks = {
      is_expired ? "Was oddverb stopped, or behind (oddverb_kafka_lag_messages)"
                   ", for longer than the topic keeps messages? Then raise "
                   "retention.ms and retention.bytes."
                 : "An administrator who deleted the topic to change its "
                   "partitions"};
  out.attack = {"T1070", "T1562"};
}

void DescribeUnreadable(const GapFacts& facts, Finding& out) {
  const std::string path(PathOf(facts.place));
  out.title = "Part of the audit log cannot be read";
  out.summary = absl::StrCat(
      "source ", facts.source, ": ", Bounded(facts.detail, kMaxDetailBytes),
      Times(facts.count), "; events ", SpanOf(facts), " may be missing");
  AddReason("a log file cannot be read", facts.detail, 2, out);
  out.confidence = 0.7;
  out.normal = "Every rotated log can be read to its end";
  out.next = {
      absl::StrCat("ls -la --time-style=full-iso ", ShellWord(path), "*"),
      absl::StrCat("gzip -t ", ShellWord(path), "   # or zstd -t"),
      "Put a whole copy in its place: a service reads it from where reading "
      "ended, else scan it"};
  out.benign_checks = {
      "a file that was still being compressed or copied, a full disk"};
  out.attack = {"T1562"};
}

std::vector<std::string> LooksAtRecord(std::string_view place) {
  if (std::optional<MessagePlace> at = MessagePlaceOf(place); at.has_value()) {
    return {absl::StrCat(ShowMessage(*at), "   # the first one")};
  }
  const std::string_view path = PathOf(place);
  const std::string_view line =
      path.size() < place.size() ? place.substr(path.size() + 1) : "1";
  return {absl::StrCat(CatOf(path), " ", ShellWord(path), " | sed -n ",
                       ShellWord(line),
                       "p | head -c 1000   # on the node: the first one"),
          absl::StrCat("oddverb scan --dead-letter broken.ndjson ",
                       ShellWord(path), "   # keeps all of them")};
}

void DescribeRecords(const GapFacts& facts, Finding& out) {
  const bool is_broken = facts.kind == GapKind::kBroken;
  out.title = is_broken ? "Records of the audit log are cut or broken"
                        : "The audit log holds lines that are no events";
  out.summary =
      absl::StrCat("source ", facts.source, ": ",
                   Counted(facts.count,
                           is_broken ? "record could not be read as an event"
                                     : "line is no audit event",
                           is_broken ? "records could not be read as events"
                                     : "lines are no audit events"),
                   " ", SpanOf(facts), "; the first is at ", facts.place, ": ",
                   Bounded(facts.detail, kMaxDetailBytes));
  AddReason(is_broken ? "records that nobody judged" : "lines without an event",
            absl::StrCat(facts.count), static_cast<double>(facts.count), out);
  out.confidence = facts.severity >= Severity::kMedium ? 0.6 : 0.3;
  out.normal = is_broken
                   ? "The API server writes whole JSON objects; a crash tears "
                     "one, and a log that is being written may end inside of "
                     "one"
                   : "The API server writes nothing but events to "
                     "--audit-log-path, unless that is - (standard output)";
  out.next = LooksAtRecord(facts.place);
  if (is_broken) {
    out.next.emplace_back(
        "Where they are too long to read: kube-apiserver "
        "--audit-log-truncate-enabled bounds an event's size");
    out.benign_checks = {
        "a crash of the API server or of the node, a full disk, a log that is "
        "still being written"};
  } else {
    out.benign_checks = {
        "another program's log under this path, or the API server's own "
        "messages on the same standard output"};
  }
  out.attack = {"T1562"};
}

void DescribeSilence(const GapFacts& facts, Finding& out) {
  const bool is_between_files = !facts.place_before.empty();
  const std::string length = LengthText(facts.longest);
  out.title = is_between_files ? "No audit events between two log files"
                               : "The audit log is silent for a while";
  out.summary =
      absl::StrCat("source ", facts.source, ": no events ", SpanOf(facts));
  if (facts.count > 1) {
    absl::StrAppend(&out.summary, "; ", facts.count,
                    " such silences, the longest ", length);
  }
  if (is_between_files) {
    absl::StrAppend(&out.summary, ": neither at the end of ",
                    A(PathOf(facts.place_before)), " nor at the start of ",
                    A(PathOf(facts.place)));
  }
  AddReason("silence, in multiples of what is usual here",
            absl::StrCat(length, "; told above ", LengthText(facts.bound)),
            absl::FDivDuration(facts.longest, facts.bound), out);
  out.confidence = is_between_files ? 0.3 : 0.5;
  out.normal =
      "Nodes and controllers renew their leases every few seconds, so a log of "
      "an API server that runs has no long pause";
  if (is_between_files) {
    out.next.emplace_back(
        "Give the log between the two to the scan, if there is one; else find "
        "out who removed it");
  }
  out.next.push_back(
      absl::StrCat("journalctl --utc -u kubelet", JournalSpan(facts),
                   "   # did the API server restart, or the node?"));
  out.next.emplace_back(
      "ls -la --time-style=full-iso /etc/kubernetes/manifests "
      "/etc/kubernetes/audit-policy.yaml   # was the policy or a flag "
      "changed?");
  out.next.emplace_back(
      "kubectl get events -A --sort-by=.lastTimestamp   # what the cluster did "
      "meanwhile");
  out.benign_checks = {
      is_between_files
          ? "logs of different days, with those between them left out"
          : "an upgrade or restart of the API server; for a webhook, a "
            "receiver "
            "that could not be reached; a policy that logs hardly anything"};
  out.attack = {"T1562"};
}

}  // namespace

Finding DescribeGap(const GapFacts& facts) {
  Finding finding;
  finding.id = facts.id;
  finding.rule = "audit.gap";
  finding.detector = "audit_stream";
  finding.severity = facts.severity;
  finding.threshold = 1;
  finding.entity = facts.source;
  finding.entity_kind = "source";
  finding.first_seen = facts.before;
  finding.last_seen = std::max(facts.before, facts.after);
  finding.count = static_cast<int64_t>(facts.count);
  finding.practice = {9};
  switch (facts.kind) {
    case GapKind::kDeleted:
    case GapKind::kEmptied:
    case GapKind::kCopied:
      DescribeFileLoss(facts, finding);
      break;
    case GapKind::kExpired:
    case GapKind::kReplaced:
      DescribeTopicLoss(facts, finding);
      break;
    case GapKind::kUnreadable:
      DescribeUnreadable(facts, finding);
      break;
    case GapKind::kBroken:
    case GapKind::kOtherText:
      DescribeRecords(facts, finding);
      break;
    case GapKind::kSilence:
    case GapKind::kCount:
      DescribeSilence(facts, finding);
      break;
  }
  AddDistinct(facts.place_before, finding.what.names);
  AddDistinct(facts.place, finding.what.names);
  return finding;
}

void GapFacts::Save(StateWriter& out) const {
  out.PutU64(static_cast<uint64_t>(kind));
  out.PutU64(static_cast<uint64_t>(severity));
  out.PutFixed64(id.high);
  out.PutFixed64(id.low);
  for (const std::string* text : {&source, &place, &place_before, &detail}) {
    out.PutString(*text);
  }
  out.PutTime(before);
  out.PutTime(after);
  out.PutU64(count);
  out.PutU64(bytes);
  out.PutI64(absl::ToInt64Nanoseconds(longest));
  out.PutI64(absl::ToInt64Nanoseconds(bound));
}

void GapFacts::Load(StateReader& in) {
  uint64_t saved_kind = in.GetU64();
  uint64_t saved_severity = in.GetU64();
  if (saved_kind >= static_cast<uint64_t>(GapKind::kCount) ||
      saved_severity > static_cast<uint64_t>(Severity::kCritical)) {
    in.Fail();
    return;
  }
  kind = static_cast<GapKind>(saved_kind);
  severity = static_cast<Severity>(saved_severity);
  id.high = in.GetFixed64();
  id.low = in.GetFixed64();
  for (std::string* text : {&source, &place, &place_before, &detail}) {
    *text = std::string(in.GetString());
  }
  before = in.GetTime();
  after = in.GetTime();
  count = in.GetU64();
  bytes = in.GetU64();
  longest = absl::Nanoseconds(in.GetI64());
  bound = absl::Nanoseconds(in.GetI64());
}

}  // namespace oddverb
