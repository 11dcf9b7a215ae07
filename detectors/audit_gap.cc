#include "detectors/audit_gap.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// A longer silence of a source that is never silent for long is more than a
// restart of the API server, which takes a minute or two.
constexpr absl::Duration kGraveSilence = absl::Minutes(10);
constexpr double kGraveFactor = 10;

constexpr absl::Duration kMostSilence = absl::Hours(24 * 365);
constexpr int64_t kMostRecords = 1'000'000;

GapKind KindOf(const StreamBreak& seen) {
  switch (seen.reason) {
    case RejectReason::kLost:
      return GapKind::kDeleted;
    case RejectReason::kEmptied:
      return GapKind::kEmptied;
    case RejectReason::kCopyTruncated:
      return GapKind::kCopied;
    case RejectReason::kUnreadable:
      return GapKind::kUnreadable;
    case RejectReason::kExpired:
      return GapKind::kExpired;
    case RejectReason::kReplaced:
      return GapKind::kReplaced;
    default:
      return seen.is_event ? GapKind::kBroken : GapKind::kOtherText;
  }
}

// Someone who empties the audit log is an attacker until shown otherwise.
Severity SeverityOf(GapKind kind) {
  switch (kind) {
    case GapKind::kDeleted:
    case GapKind::kEmptied:
    case GapKind::kExpired:
    case GapKind::kReplaced:
      return Severity::kHigh;
    case GapKind::kCopied:
    case GapKind::kUnreadable:
      return Severity::kMedium;
    case GapKind::kSilence:
      return Severity::kLow;
    default:
      return Severity::kInfo;
  }
}

// Before, what it does proves nothing.
bool IsWellKnown(const StreamBreak& seen) {
  return seen.events >= AuditGap::kLeastEvents &&
         seen.before - seen.since >= AuditGap::kLeastHistory;
}

}  // namespace

absl::StatusOr<AuditStreamOptions> AuditStreamOptions::FromYaml(
    const YamlNode& node) {
  AuditStreamOptions options;
  YamlNode silence = node.Get("silence");
  YamlNode factor = node.Get("silence_factor");
  YamlNode records = node.Get("broken_records");
  ODDVERB_ASSIGN_OR_RETURN(options.silence,
                           silence.AsDuration(options.silence));
  ODDVERB_ASSIGN_OR_RETURN(options.silence_factor,
                           factor.AsDouble(options.silence_factor));
  ODDVERB_ASSIGN_OR_RETURN(int64_t count,
                           records.AsInt(options.broken_records));
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  // Shorter jumps are not told to detectors at all.
  absl::Duration least = 3 * StreamBreak::kLeastJump;
  if (options.silence < least || options.silence > kMostSilence) {
    return silence.Error("expected a duration from 1m to 365d");
  }
  // Also refuses NaN.
  if (!(options.silence_factor >= 1 && options.silence_factor <= 1000)) {
    return factor.Error("expected a factor from 1 to 1000");
  }
  if (count < 1 || count > kMostRecords) {
    return records.Error(
        absl::StrCat("expected a number from 1 to ", kMostRecords));
  }
  options.broken_records = static_cast<int>(count);
  return options;
}

AuditGap::AuditGap(const DetectorContext& context,
                   const AuditStreamOptions& options)
    : context_(context), options_(options) {}

void AuditGap::Observe(const Observation& observation, const ObservationIds&,
                       Emit& out) {
  if (!observation.stream.has_value()) return;
  const StreamBreak& seen = *observation.stream;
  SourceState& source = sources_[seen.source];
  if (observation.kind == ObservationKind::kRecordsRejected) {
    OnRejected(seen, source, out);
  } else if (observation.kind == ObservationKind::kTimeJumped) {
    OnJump(seen, source, out);
  } else if (observation.kind == ObservationKind::kStreamGoesOn) {
    for (std::optional<Case>& open : source.cases) {
      if (!open.has_value() || open->facts.kind == GapKind::kSilence) continue;
      if (open->facts.after != absl::InfinitePast()) continue;
      open->facts.after = seen.after;
    }
  }
}

void AuditGap::OnRejected(const StreamBreak& seen, SourceState& source,
                          Emit& out) {
  GapKind kind = KindOf(seen);
  if (kind == GapKind::kBroken) return OnBroken(seen, source, out);
  if (kind == GapKind::kOtherText) return OnOtherText(seen, source, out);
  source.lost_behind = seen.before;
  std::optional<Case>& known = source.cases[static_cast<size_t>(kind)];
  bool is_new = !known.has_value();
  Case& open = is_new ? OpenCase(kind, seen, source, out) : *known;
  open.facts.bytes += seen.bytes;
  open.facts.after = absl::InfinitePast();
  if (is_new) {
    Report(FindingState::kOpen, open, out);
  } else {
    CountOne(open, out);
  }
}

void AuditGap::OnBroken(const StreamBreak& seen, SourceState& source,
                        Emit& out) {
  std::optional<Case>& known =
      source.cases[static_cast<size_t>(GapKind::kBroken)];
  // A crash tears the last record of its log. What is too long to be read was
  // made so.
  bool is_oversized = seen.reason == RejectReason::kOversized;
  Severity severity = is_oversized ? Severity::kLow : Severity::kInfo;
  uint64_t more = seen.records;
  if (!known.has_value()) {
    Case& open = OpenCase(GapKind::kBroken, seen, source, out);
    const bool is_many = options_.broken_records == 1;
    open.facts.severity = is_many ? Severity::kMedium : severity;
    open.next_report =
        is_many ? 2 : static_cast<uint64_t>(options_.broken_records);
    Report(FindingState::kOpen, open, out);
    --more;
  } else {
    Raise(severity, *known, out);
  }
  known->facts.after = absl::InfinitePast();
  CountRecords(more, *known, out);
}

void AuditGap::BeginWindow(const StreamBreak& seen, OtherText& text) const {
  text.was_clean = text.last == absl::InfinitePast()
                       ? IsWellKnown(seen)
                       : seen.before - text.last >= kLongestCase;
  text.window = seen.before;
  text.records = 0;
  text.events_before = seen.events;
  text.place = Bounded(seen.place, Finding::kMaxUriBytes);
  text.detail = Bounded(seen.detail, Finding::kMaxUriBytes);
  text.offset = seen.offset;
}

void AuditGap::OnOtherText(const StreamBreak& seen, SourceState& source,
                           Emit& out) {
  OtherText& text = source.other_text;
  if (text.records == 0 || seen.before > text.window + kTextWindow) {
    BeginWindow(seen, text);
  }
  text.last = seen.before;
  const auto limit = static_cast<uint64_t>(options_.broken_records);
  // Where there was never any, and events are the lesser part now, somebody may
  // be blinding the decoder.
  const uint64_t grave_at =
      text.was_clean ? std::max(limit, seen.events - text.events_before + 1)
                     : UINT64_MAX;
  uint64_t counted = text.records;
  text.records += seen.records;
  std::optional<Case>& open =
      source.cases[static_cast<size_t>(GapKind::kOtherText)];
  if (!open.has_value()) {
    if (text.records < limit) return;
    StreamBreak first = seen;
    first.before = text.window;
    first.place = text.place;
    first.detail = text.detail;
    first.offset = text.offset;
    OpenCase(GapKind::kOtherText, first, source, out);
    open->facts.count = counted = limit;
    open->next_report = 2 * limit;
    if (text.was_clean) open->facts.severity = Severity::kLow;
    if (grave_at == limit) open->facts.severity = Severity::kMedium;
    Report(FindingState::kOpen, *open, out);
  }
  open->facts.after = absl::InfinitePast();
  if (text.records >= grave_at) {
    const uint64_t until = std::max(counted, grave_at);
    CountRecords(until - counted, *open, out);
    Raise(Severity::kMedium, *open, out);
    counted = until;
  }
  CountRecords(text.records - counted, *open, out);
}

void AuditGap::OnJump(const StreamBreak& seen, SourceState& source, Emit& out) {
  // What was lost there is told already.
  if (source.lost_behind == seen.before) return;
  absl::Duration length = seen.after - seen.before;
  absl::Duration bound = std::max(
      options_.silence, source.usual.length() * options_.silence_factor);
  source.usual.Add(length, seen.after);
  if (!IsWellKnown(seen) || length <= bound) return;
  bool is_grave = seen.place_before.empty() && length >= kGraveSilence &&
                  length >= bound * kGraveFactor;
  std::optional<Case>& known =
      source.cases[static_cast<size_t>(GapKind::kSilence)];
  bool is_new = !known.has_value();
  Case& open = is_new ? OpenCase(GapKind::kSilence, seen, source, out) : *known;
  open.facts.after = seen.after;
  if (length > open.facts.longest) {
    open.facts.longest = length;
    open.facts.bound = bound;
  }
  if (is_new) {
    if (is_grave) open.facts.severity = Severity::kMedium;
    Report(FindingState::kOpen, open, out);
    return;
  }
  if (is_grave) Raise(Severity::kMedium, open, out);
  CountOne(open, out);
}

// What is read again after a restart, because it still cannot be read, has the
// same id, so that it is not shown again; anything else happened where the
// events stood then.
Hash128 AuditGap::IdOf(GapKind kind, const StreamBreak& seen) const {
  HashInput input;
  input.Add(static_cast<uint64_t>(kind)).Add(seen.offset);
  if (kind == GapKind::kUnreadable) {
    input.Add(seen.detail);
  } else {
    input.Add(static_cast<uint64_t>(absl::ToUnixMicros(seen.before)));
  }
  return FindingId(context_.id_hash, context_.cluster, "audit.gap", seen.source,
                   context_.id_hash.HashWide(input.bytes()));
}

AuditGap::Case& AuditGap::OpenCase(GapKind kind, const StreamBreak& seen,
                                   SourceState& source, Emit& out) const {
  Case& open = source.cases[static_cast<size_t>(kind)].emplace();
  open.opened = open.last_news = out.stream_time;
  open.facts.kind = kind;
  open.facts.severity = SeverityOf(kind);
  open.facts.id = IdOf(kind, seen);
  open.facts.source = Bounded(seen.source, Finding::kMaxTextBytes);
  open.facts.place = Bounded(seen.place, Finding::kMaxUriBytes);
  open.facts.place_before = Bounded(seen.place_before, Finding::kMaxUriBytes);
  open.facts.detail = Bounded(seen.detail, Finding::kMaxUriBytes);
  open.facts.before = seen.before;
  return open;
}

void AuditGap::CountOne(Case& open, Emit& out) const {
  CountRecords(1, open, out);
}

void AuditGap::CountRecords(uint64_t records, Case& open, Emit& out) const {
  if (records > 0) open.last_news = std::max(open.last_news, out.stream_time);
  while (records > 0) {
    uint64_t step = std::min(records, open.next_report - open.facts.count);
    open.facts.count += step;
    records -= step;
    if (open.facts.count < open.next_report) continue;
    open.next_report *= 2;
    bool is_broken = open.facts.kind == GapKind::kBroken;
    auto limit = static_cast<uint64_t>(options_.broken_records);
    if (is_broken && open.facts.count >= limit) {
      open.facts.severity = std::max(open.facts.severity, Severity::kMedium);
    }
    Report(FindingState::kUpdate, open, out);
  }
}

void AuditGap::Raise(Severity severity, Case& open, Emit& out) const {
  if (severity <= open.facts.severity) return;
  open.facts.severity = severity;
  Report(FindingState::kUpdate, open, out);
}

void AuditGap::Report(FindingState state, const Case& open, Emit& out) const {
  // Before the first event there is no time to give; AdvanceTo() tells it then.
  if (open.opened == absl::InfinitePast()) return;
  Finding finding = DescribeGap(open.facts);
  finding.cluster = context_.cluster;
  finding.state = state;
  finding.time = out.stream_time;
  if (finding.first_seen == absl::InfinitePast()) {
    finding.first_seen = open.opened;
  }
  finding.last_seen = std::max(finding.last_seen, finding.first_seen);
  out.Report(std::move(finding));
}

void AuditGap::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto& [name, source] : sources_) {
    for (std::optional<Case>& open : source.cases) {
      if (!open.has_value()) continue;
      if (open->opened == absl::InfinitePast() &&
          out.stream_time != absl::InfinitePast()) {
        open->opened = open->last_news = out.stream_time;
        Report(FindingState::kOpen, *open, out);
      }
      if (open->last_news + kQuiet > watermark &&
          open->opened + kLongestCase > watermark) {
        continue;
      }
      Report(FindingState::kFinal, *open, out);
      open.reset();
    }
  }
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeAuditGap(
    const DetectorContext& context, const YamlNode& options) {
  // The shards' part tells the mistakes.
  absl::StatusOr<AuditStreamOptions> parsed =
      AuditStreamOptions::FromYaml(options);
  return std::make_unique<AuditGap>(
      context, parsed.ok() ? *parsed : AuditStreamOptions());
}

}  // namespace oddverb
