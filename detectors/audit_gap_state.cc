// What AuditGap learned, and how its state is saved and loaded.
#include <algorithm>
#include <functional>
#include <utility>

#include "detectors/audit_gap.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 2;
// Before there were topics: the kinds up to kSilence.
constexpr uint64_t kFileVersion = 1;
constexpr size_t kFileKinds = static_cast<size_t>(GapKind::kSilence) + 1;

}  // namespace

void UsualSilence::Add(absl::Duration length, absl::Time end) {
  constexpr absl::Duration kDay = absl::Hours(24);
  if (end >= day_ + kDay) {
    bool is_next = end < day_ + 2 * kDay;
    previous_ = is_next ? current_ : Longest{};
    current_ = {};
    day_ = end;
  }
  for (absl::Duration& kept : current_) {
    if (length > kept) std::swap(length, kept);
  }
}

absl::Duration UsualSilence::length() const {
  std::array<absl::Duration, 2 * kKept> all;
  std::merge(current_.begin(), current_.end(), previous_.begin(),
             previous_.end(), all.begin(), std::greater<>());
  return all[kKept - 1];
}

void UsualSilence::Save(StateWriter& out) const {
  out.PutTime(day_);
  for (const Longest* longest : {&current_, &previous_}) {
    for (absl::Duration length : *longest) {
      out.PutI64(absl::ToInt64Nanoseconds(length));
    }
  }
}

void UsualSilence::Load(StateReader& in) {
  day_ = in.GetTime();
  for (Longest* longest : {&current_, &previous_}) {
    for (absl::Duration& length : *longest) {
      length = absl::Nanoseconds(in.GetI64());
    }
  }
}

void AuditGap::SaveShared(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutU64(sources_.size());
  for (const auto& [name, source] : sources_) {
    out.PutString(name);
    out.PutTime(source.other_text.window);
    out.PutTime(source.other_text.last);
    out.PutU64(source.other_text.records);
    out.PutU64(source.other_text.events_before);
    out.PutU64(source.other_text.was_clean ? 1 : 0);
    out.PutString(source.other_text.place);
    out.PutString(source.other_text.detail);
    out.PutU64(source.other_text.offset);
    source.usual.Save(out);
    out.PutTime(source.lost_behind);
    for (const std::optional<Case>& open : source.cases) {
      out.PutU64(open.has_value() ? 1 : 0);
      if (!open.has_value()) continue;
      open->facts.Save(out);
      out.PutTime(open->opened);
      out.PutTime(open->last_news);
      out.PutU64(open->next_report);
    }
  }
}

absl::Status AuditGap::LoadShared(StateReader& in) {
  const uint64_t version = in.GetU64();
  if (version != kStateVersion && version != kFileVersion) in.Fail();
  std::map<std::string, SourceState> sources;
  uint64_t count = in.GetCount(16);
  for (; count > 0 && in.status().ok(); --count) {
    SourceState& source = sources[std::string(in.GetString())];
    source.other_text.window = in.GetTime();
    source.other_text.last = in.GetTime();
    source.other_text.records = in.GetU64();
    source.other_text.events_before = in.GetU64();
    source.other_text.was_clean = in.GetU64() != 0;
    source.other_text.place = std::string(in.GetString());
    source.other_text.detail = std::string(in.GetString());
    source.other_text.offset = in.GetU64();
    source.usual.Load(in);
    source.lost_behind = in.GetTime();
    const size_t kinds =
        version == kFileVersion ? kFileKinds : source.cases.size();
    for (size_t kind = 0; kind < kinds; ++kind) {
      if (in.GetU64() == 0) continue;
      Case& open = source.cases[kind].emplace();
      open.facts.Load(in);
      open.facts.kind = static_cast<GapKind>(kind);
      open.opened = in.GetTime();
      open.last_news = in.GetTime();
      open.next_report = in.GetU64();
      if (open.next_report <= open.facts.count) in.Fail();
    }
  }
  if (in.status().ok()) sources_ = std::move(sources);
  return in.status();
}

}  // namespace oddverb
