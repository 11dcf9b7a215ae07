#include "pipeline/observation_merge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace oddverb {
namespace {

// Some sources write every second only.
constexpr absl::Duration kMinQuiet = absl::Seconds(1);

Observation* JumpOf(ObservationStep& step) {
  auto* said = std::get_if<Observation>(&step.said);
  const bool is_jump = said != nullptr &&
                       said->kind == ObservationKind::kTimeJumped &&
                       said->stream.has_value();
  return is_jump ? said : nullptr;
}

}  // namespace

ObservationMerge::ObservationMerge(const Options& options, absl::Time now)
    : options_(options),
      partitions_(options.partitions),
      silence_(options.partitions),
      last_news_(now) {
  for (Partition& partition : partitions_) partition.heard = now;
}

absl::StatusOr<uint64_t> ObservationMerge::Add(ObservationRecord record,
                                               int64_t offset, size_t bytes,
                                               absl::Time now) {
  if (record.partition >= partitions_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("of partition ", record.partition, ", but there are ",
                     partitions_.size()));
  }
  Partition& from = partitions_[record.partition];
  const bool is_again = offset < read_before_;
  next_offset_ = offset + 1;
  last_news_ = from.heard = now;
  const uint64_t expected = is_again ? record.first_step : from.next_step;
  const uint64_t missing =
      record.first_step > expected ? record.first_step - expected : 0;
  Message message = {0, bytes};
  uint64_t number = record.first_step;
  for (ObservationStep& step : record.steps) {
    const uint64_t own = number++;
    if (own < std::max(from.gone, is_again ? 0 : from.next_step)) continue;
    if (Observation* jump = JumpOf(step); jump != nullptr && !is_again) {
      silence_.NoteJump(record.partition, *jump->stream);
    }
    if (!is_again) from.front = std::max(from.front, step.time);
    ++message.missing;
    held_.emplace(Place(step.time, record.partition, own),
                  Held{std::move(step), offset, now});
  }
  from.next_step = std::max(from.next_step, number);
  if (record.mark.has_value() && !is_again) {
    from.front = std::max(from.front, record.mark->stream_time);
    silence_.NoteMark(record.partition, *record.mark);
    if (!record.mark->bookmark.empty()) from.bookmark = record.mark->bookmark;
  }
  if (message.missing > 0) {
    held_bytes_ += bytes;
    messages_[offset] = message;
  }
  return missing;
}

void ObservationMerge::Skip(int64_t offset) {
  next_offset_ = std::max(next_offset_, offset + 1);
}

void ObservationMerge::NoteGap(int64_t offset) {
  next_offset_ = offset;
  read_before_ = std::min(read_before_, offset);
}

absl::Time ObservationMerge::Bound(absl::Time now) const {
  if (IsReadingAgain()) return absl::InfinitePast();
  absl::Time lowest = absl::InfiniteFuture();
  absl::Time newest = absl::InfinitePast();
  for (const Partition& partition : partitions_) {
    newest = std::max(newest, partition.front);
    if (partition.is_idle || now - partition.heard > options_.patience) {
      continue;
    }
    lowest = std::min(lowest, partition.front);
  }
  const absl::Duration quiet = std::max(options_.allowed_lateness, kMinQuiet);
  if (lowest == absl::InfiniteFuture() && now - last_news_ > quiet) {
    return absl::InfiniteFuture();
  }
  return std::min(lowest, newest - options_.allowed_lateness);
}

void ObservationMerge::LetGo(std::vector<ObservationStep>& out) {
  auto node = held_.extract(held_.begin());
  const auto& [time, partition, number] = node.key();
  Held& held = node.mapped();
  uint64_t& gone = partitions_[partition].gone;
  gone = std::max(gone, number + 1);
  auto message = messages_.find(held.offset);
  if (--message->second.missing == 0) {
    held_bytes_ -= message->second.bytes;
    messages_.erase(message);
  }
  if (time < time_) ++late_steps_;
  if (Observation* jump = JumpOf(held.step)) {
    std::optional<Observation> silence =
        silence_.OfTopic(partition, std::move(*jump));
    if (!silence.has_value()) return;
    held.step.said = *std::move(silence);
  }
  out.push_back(std::move(held.step));
}

std::vector<ObservationStep> ObservationMerge::Take(absl::Time as_of,
                                                    absl::Time now) {
  std::vector<ObservationStep> out;
  const absl::Time bound = Bound(now);
  const bool is_any_idle =
      std::any_of(partitions_.begin(), partitions_.end(),
                  [](const Partition& p) { return p.is_idle; });
  bool is_unsettled = false;
  while (!held_.empty() && !is_unsettled) {
    const auto& [place, held] = *held_.begin();
    const absl::Time time = std::get<0>(place);
    const bool is_late = time < time_ && !IsReadingAgain();
    if (time >= bound && !is_late) break;
    is_unsettled = is_any_idle && !is_late && held.came > as_of - kSettling;
    if (!is_unsettled) LetGo(out);
  }
  while (held_bytes_ > options_.max_held_bytes) LetGo(out);
  if (!out.empty()) time_ = std::max(time_, out.back().time);
  // Where nothing waits that is older, time goes on without steps, too.
  if (!is_unsettled && bound != absl::InfiniteFuture()) {
    time_ = std::max(time_, bound);
  }
  return out;
}

std::vector<uint32_t> ObservationMerge::AwaitedSince(absl::Time since) const {
  std::vector<uint32_t> awaited;
  for (uint32_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i].is_idle && partitions_[i].heard < since) {
      awaited.push_back(i);
    }
  }
  return awaited;
}

void ObservationMerge::SetIdle(uint32_t partition, bool is_idle,
                               absl::Time now) {
  Partition& of = partitions_[partition];
  // Until now there was nothing to hear of.
  if (std::exchange(of.is_idle, is_idle) && !is_idle) of.heard = now;
}

std::optional<int64_t> ObservationMerge::resume_at() const {
  if (!messages_.empty()) return messages_.begin()->first;
  return next_offset_ < 0 ? std::nullopt : std::optional<int64_t>(next_offset_);
}

void ObservationMerge::Save(StateWriter& out) const {
  out.PutI64(resume_at().value_or(-1));
  out.PutI64(std::max(next_offset_, read_before_));
  out.PutTime(time_);
  out.PutU64(partitions_.size());
  for (const Partition& partition : partitions_) {
    out.PutTime(partition.front);
    out.PutString(partition.bookmark);
    out.PutU64(partition.next_step);
    out.PutU64(partition.gone);
  }
  silence_.Save(out);
}

absl::Status ObservationMerge::Load(StateReader& in) {
  next_offset_ = in.GetI64();
  read_before_ = in.GetI64();
  time_ = in.GetTime();
  if (in.GetU64() != partitions_.size()) in.Fail();
  for (Partition& partition : partitions_) {
    partition.front = in.GetTime();
    partition.bookmark = in.GetString();
    partition.next_step = in.GetU64();
    partition.gone = in.GetU64();
  }
  silence_.Load(in);
  return in.status();
}

}  // namespace oddverb
