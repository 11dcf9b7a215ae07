#include "ingest/kafka_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "ingest/stage_time.h"

namespace oddverb {
namespace {

constexpr uint64_t kBookmarkVersion = 1;
// An empty partition is asked again behind so many messages of the others.
constexpr uint64_t kLookInterval = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaSource>> KafkaSource::Make(
    const Options& options) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaConsumer> consumer,
                           KafkaConsumer::Make(options.consumer));
  return std::unique_ptr<KafkaSource>(
      new KafkaSource(options, std::move(consumer)));
}

absl::StatusOr<KafkaBookmark> ParseKafkaBookmark(std::string_view bookmark) {
  StateReader in(bookmark);
  if (in.GetU64() != kBookmarkVersion) in.Fail();
  KafkaBookmark parsed;
  parsed.topic = in.GetString();
  for (uint64_t count = in.GetCount(2); count > 0; --count) {
    auto partition = static_cast<int32_t>(in.GetU64());
    parsed.offsets[partition] = in.GetI64();
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  return parsed;
}

absl::Status KafkaSource::Resume(std::string_view bookmark) {
  if (bookmark.empty()) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(KafkaBookmark parsed, ParseKafkaBookmark(bookmark));
  // Of another topic, they say nothing of this one.
  if (parsed.topic == options_.consumer.topic) {
    resume_at_ = std::move(parsed.offsets);
  }
  last_bookmark_ = bookmark;
  return absl::OkStatus();
}

std::string KafkaBookmarkText(const KafkaBookmark& bookmark) {
  StateWriter out;
  out.PutU64(kBookmarkVersion);
  out.PutString(bookmark.topic);
  out.PutU64(bookmark.offsets.size());
  for (const auto& [partition, offset] : bookmark.offsets) {
    out.PutU64(static_cast<uint64_t>(partition));
    out.PutI64(offset);
  }
  return out.Release();
}

std::string KafkaSource::Bookmark() const {
  return KafkaBookmarkText(
      {.topic = options_.consumer.topic, .offsets = consumer_->positions()});
}

absl::Status KafkaSource::Read(absl::Time deadline, RawBatch& out) {
  out.Clear();
  if (!std::exchange(started_, true)) {
    consumer_->Start(std::exchange(resume_at_, {}));
  }
  while (true) {
    ODDVERB_RETURN_IF_ERROR(consumer_->fatal());
    FollowAssignment();
    TakeGaps(out);
    Fill fill = Fill::kGoOn;
    while (fill == Fill::kGoOn) fill = TakeNext(out);
    if (fill == Fill::kFull || SteadyNow() >= deadline) break;
    consumer_->Wait(deadline);
  }
  out.expects_more = ExpectsMore();
  read_bytes_.fetch_add(out.source_bytes, std::memory_order_relaxed);
  std::string bookmark = Bookmark();
  if (bookmark != last_bookmark_) {
    last_bookmark_ = bookmark;
    out.bookmark = std::move(bookmark);
  }
  return absl::OkStatus();
}

bool KafkaSource::ExpectsMore() const {
  if (cursors_.empty() || !consumer_->health().ok()) return true;
  return std::any_of(cursors_.begin(), cursors_.end(), [](const auto& entry) {
    return entry.second.has_head || !entry.second.at_end;
  });
}

void KafkaSource::FollowAssignment() {
  const std::vector<int32_t> ours = consumer_->Partitions();
  std::erase_if(cursors_, [&](const auto& entry) {
    return !std::binary_search(ours.begin(), ours.end(), entry.first);
  });
  for (int32_t partition : ours) {
    auto [entry, is_new] = cursors_.try_emplace(partition);
    if (is_new) entry->second.empty_since = SteadyNow();
    entry->second.look_again = 0;
  }
}

void KafkaSource::TakeGaps(RawBatch& out) {
  for (const KafkaGap& gap : consumer_->TakeGaps()) {
    const bool is_deleted = gap.cause == KafkaGap::Cause::kDeleted;
    Rejected rejected;
    rejected.position = {.source = options_.source_index,
                         .stream = static_cast<uint32_t>(gap.partition),
                         .offset = static_cast<uint64_t>(gap.from),
                         .line = 0};
    rejected.reason =
        is_deleted ? RejectReason::kExpired : RejectReason::kReplaced;
    const std::string place = absl::StrCat("topic ", options_.consumer.topic,
                                           ", partition ", gap.partition);
    rejected.detail =
        is_deleted
            ? absl::StrCat(place, ": ", gap.to - gap.from,
                           " messages from offset ", gap.from,
                           " on were deleted before they were read")
            : absl::StrCat(place, " ends before offset ", gap.from,
                           ", up to which it was read: the topic was deleted "
                           "and made anew; it is read from its beginning");
    out.rejected.push_back(std::move(rejected));
  }
}

// True: the cursor has a message. Else `at_end` tells whether one is expected.
bool KafkaSource::FillHead(int32_t partition, Cursor& cursor) {
  if (cursor.has_head) return true;
  if (cursor.look_again > taken_) return false;
  while (true) {
    KafkaConsumer::Step step = consumer_->Take(partition, cursor.head);
    if (step == KafkaConsumer::Step::kRecord) {
      if (cursor.head.has_payload) break;
      consumer_->HandOut(cursor.head);
      continue;
    }
    cursor.at_end = step != KafkaConsumer::Step::kNothing;
    if (step == KafkaConsumer::Step::kAtEnd) consumer_->PassEnd(partition);
    cursor.look_again = taken_ + kLookInterval;
    return false;
  }
  cursor.has_head = true;
  cursor.is_dated = false;
  return true;
}

// One that is alone is not compared with others, and its time is not looked
// for.
bool KafkaSource::IsBefore(Cursor& cursor, Cursor& other) {
  for (Cursor* one : {&cursor, &other}) {
    if (std::exchange(one->is_dated, true)) continue;
    one->watermark =
        std::max(one->watermark, PeekStageTime(one->head.payload, times_));
  }
  return cursor.watermark < other.watermark;
}

KafkaSource::Fill KafkaSource::TakeNext(RawBatch& out) {
  if (out.bytes->size() >= RawBatch::kTargetBytes) return Fill::kFull;
  Cursor* lowest = nullptr;
  bool is_held_back = false;
  for (auto& [partition, cursor] : cursors_) {
    if (FillHead(partition, cursor)) {
      // Equal ones by their partition.
      if (lowest == nullptr || IsBefore(cursor, *lowest)) lowest = &cursor;
    } else if (!cursor.at_end) {
      is_held_back |=
          SteadyNow() < cursor.empty_since + options_.merge_patience;
    }
  }
  if (lowest == nullptr || is_held_back) return Fill::kWait;
  Append(*lowest, out);
  return Fill::kGoOn;
}

void KafkaSource::Append(Cursor& cursor, RawBatch& out) {
  KafkaRecord& record = cursor.head;
  cursor.has_head = false;
  cursor.at_end = false;
  cursor.look_again = 0;
  cursor.empty_since = SteadyNow();
  ++taken_;
  // It went to another member while it waited for its turn.
  if (!consumer_->HandOut(record)) return;
  const Position position = {.source = options_.source_index,
                             .stream = static_cast<uint32_t>(record.partition),
                             .offset = static_cast<uint64_t>(record.offset),
                             .line = 0};
  const std::string_view payload = record.payload;
  out.source_bytes += payload.size();
  if (payload.size() > options_.max_record_bytes) {
    out.rejected.push_back(
        {.position = position,
         .reason = RejectReason::kOversized,
         .detail = absl::StrCat("a message of more than ",
                                options_.max_record_bytes, " bytes"),
         .sample = std::string(payload.substr(0, Rejected::kSampleBytes)),
         .record_bytes = payload.size()});
  } else {
    out.records.push_back({static_cast<uint32_t>(out.bytes->size()),
                           static_cast<uint32_t>(payload.size())});
    out.positions.push_back(position);
    out.bytes->Append(payload);
    out.bytes->Append("\n");
  }
  record.owner.reset();
}

absl::Status KafkaSource::Accepted(const Position&) { return absl::OkStatus(); }

absl::Status KafkaSource::Commit(const Position& position) {
  consumer_->Commit(static_cast<int32_t>(position.stream),
                    static_cast<int64_t>(position.offset));
  return absl::OkStatus();
}

std::string KafkaSource::Describe(const Position& position) const {
  return absl::StrCat("topic ", options_.consumer.topic, ", partition ",
                      position.stream, ", offset ", position.offset);
}

Source::Progress KafkaSource::progress() const {
  return {read_bytes_.load(std::memory_order_relaxed), 0};
}

}  // namespace oddverb
