#include "app/record_reader.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/scan.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "ingest/decoder.h"
#include "ingest/merged_source.h"
#include "ingest/timestamp.h"
#include "rules/json_path.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);
// So many complaints of one file; the rest is counted.
constexpr uint64_t kMaxTold = 5;

constexpr const char* kTimeKeys[] = {
    "stageTimestamp", "requestReceivedTimestamp",
    "@timestamp",     "timestamp",
    "time",           "eventTime"};

class Reader {
 public:
  Reader(Source& source, const std::function<void(const InputRecord&)>& take,
         RecordCounts& counts)
      : source_(source), decoder_({}), take_(take), counts_(counts) {}

  void Take(RawBatch raw) {
    std::unique_ptr<EventBatch> batch = decoder_.Decode(std::move(raw));
    size_t event = 0;
    size_t rejected = 0;
    // Both lists are in the order of the records; one record can hold several
    // events.
    while (event < batch->events.size() || rejected < batch->rejected.size()) {
      if (rejected == batch->rejected.size() ||
          (event < batch->events.size() &&
           batch->events[event].position.offset <
               batch->rejected[rejected].position.offset)) {
        const AuditEvent& next = batch->events[event++];
        ++counts_.events;
        take_({number_++, &next, next.raw, next.stage_time});
      } else {
        TakeRejected(*batch, batch->rejected[rejected++]);
      }
    }
    decoder_.Recycle(std::move(batch));
  }

 private:
  void TakeRejected(const EventBatch& batch, const Rejected& rejected) {
    if (rejected.reason == RejectReason::kNotAuditEvent) {
      if (RawJson json = RecordAt(batch.raw, rejected.position);
          json.present()) {
        ++counts_.others;
        take_({number_++, nullptr, json, TimeOf(json)});
        return;
      }
    }
    if (IsOfRecord(rejected.reason)) ++number_;
    if (++counts_.rejected > kMaxTold) return;
    Tell(absl::StrCat(source_.Describe(rejected.position),
                      ": not judged: ", rejected.detail));
  }

  // The object that begins there; absent if the record holds something else.
  static RawJson RecordAt(const RawBatch& raw, const Position& position) {
    auto found = std::lower_bound(
        raw.positions.begin(), raw.positions.end(), position.offset,
        [](const Position& at, uint64_t offset) { return at.offset < offset; });
    if (found == raw.positions.end() || !(*found == position)) return {};
    const RecordSpan& span =
        raw.records[static_cast<size_t>(found - raw.positions.begin())];
    std::string_view text = raw.bytes->view().substr(span.offset, span.length);
    size_t begin = text.find_first_not_of(" \t\r");
    if (begin != std::string_view::npos && text[begin] == '{') {
      return {text.substr(begin)};
    }
    return {};
  }

  absl::Time TimeOf(RawJson json) {
    for (const char* key : kTimeKeys) {
      arena_.Clear();
      std::vector<FieldValue> values;
      ReadPath(json, {{key}}, arena_, values);
      if (values.size() != 1 || values[0].type != JsonType::kString) continue;
      absl::Time time = timestamps_.Read(values[0].text);
      if (time != absl::InfinitePast()) return time;
    }
    return absl::InfinitePast();
  }

  Source& source_;
  Decoder decoder_;
  const std::function<void(const InputRecord&)>& take_;
  RecordCounts& counts_;
  uint64_t number_ = 0;
  Arena arena_;
  TimestampReader timestamps_;
};

}  // namespace

absl::Status ReadRecords(const std::string& path,
                         const std::function<void(const InputRecord&)>& take,
                         const std::atomic<bool>& stop, RecordCounts& counts) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Source> source,
                           OpenFiles({path}, FileSourceOptions()));
  Reader reader(*source, take, counts);
  absl::Status status;
  while (status.ok() && !stop.load()) {
    RawBatch raw;
    status = source->Read(SteadyNow() + kPatience, raw);
    reader.Take(std::move(raw));
  }
  return absl::IsOutOfRange(status) ? absl::OkStatus() : status;
}

}  // namespace oddverb
