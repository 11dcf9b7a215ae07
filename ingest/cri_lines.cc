#include "ingest/cri_lines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace oddverb {
namespace {

// With the blanks at the end of the line, which framing leaves out of records:
// a piece may end between two words.
std::string_view WholeLine(const PaddedBuffer& bytes, const RecordSpan& span) {
  std::string_view text = bytes.view().substr(span.offset);
  size_t end = span.length;
  while (end < text.size() && text[end] == ' ') ++end;
  return text.substr(0, end);
}

}  // namespace

struct CriLines::Line {
  bool standard_output = false;
  bool partial = false;
  std::string_view text;
};

// TIME STREAM TAGS TEXT, with one blank between them: CRI's log format. The
// first of the tags (between colons) says P or F.
std::optional<CriLines::Line> CriLines::Parse(std::string_view text) {
  constexpr std::string_view kDate = "dddd-dd-ddT";
  constexpr size_t kLongestTime = 40;  // RFC 3339 with nanoseconds and zone
  if (text.size() < kDate.size()) return std::nullopt;
  for (size_t i = 0; i < kDate.size(); ++i) {
    bool fits = kDate[i] == 'd'
                    ? absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                    : text[i] == kDate[i];
    if (!fits) return std::nullopt;
  }
  size_t end = text.substr(0, kLongestTime).find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(end + 1);
  Line line;
  line.standard_output = text.starts_with("stdout ");
  if (!line.standard_output && !text.starts_with("stderr ")) {
    return std::nullopt;
  }
  text.remove_prefix(std::string_view("stdout ").size());
  if (text.empty() || (text[0] != 'P' && text[0] != 'F')) return std::nullopt;
  line.partial = text[0] == 'P';
  end = std::min(text.find(' '), text.size());
  if (end > 1 && text[1] != ':') return std::nullopt;
  line.text = text.substr(std::min(end + 1, text.size()));
  return line;
}

bool CriLines::Accepts(std::string_view line) {
  return Parse(line).has_value();
}

CriLines::CriLines(size_t max_record_bytes)
    : max_record_bytes_(max_record_bytes) {}

void CriLines::Join(RawBatch& batch) {
  bytes_->SetSize(0);
  bytes_->Reserve(batch.bytes->size() + pieces_.size() + 1);
  records_.clear();
  positions_.clear();
  for (size_t i = 0; i < batch.records.size(); ++i) {
    std::string_view text = WholeLine(*batch.bytes, batch.records[i]);
    std::optional<Line> line = Parse(text);
    if (!line.has_value()) {
      AddRecord(text, batch.positions[i]);
    } else if (line->standard_output) {
      AddPiece(*line, batch.positions[i], batch);
    }
  }
  std::swap(batch.bytes, bytes_);
  std::swap(batch.records, records_);
  std::swap(batch.positions, positions_);
}

void CriLines::AddPiece(const Line& line, const Position& position,
                        RawBatch& batch) {
  // An older file than the unfinished record's does not end it.
  if (start_.has_value() && position.stream < start_->stream) Abandon(batch);
  if (!start_.has_value() && !line.partial) {
    if (!line.text.empty()) AddRecord(line.text, position);
    return;
  }
  if (!start_.has_value()) start_ = position;
  piece_bytes_ += line.text.size();
  // Beyond the limit only what a sample needs is kept.
  size_t room = std::max(max_record_bytes_, Rejected::kSampleBytes);
  pieces_.append(line.text.substr(0, room - std::min(room, pieces_.size())));
  if (line.partial) return;
  if (piece_bytes_ > max_record_bytes_) {
    return RejectUnfinished(RejectReason::kOversized, batch);
  }
  AddRecord(pieces_, *start_);
  pieces_.clear();
  piece_bytes_ = 0;
  start_.reset();
}

void CriLines::AddRecord(std::string_view text, const Position& position) {
  records_.push_back({static_cast<uint32_t>(bytes_->size()),
                      static_cast<uint32_t>(text.size())});
  positions_.push_back(position);
  bytes_->Append(text);
  bytes_->Append("\n");
}

void CriLines::Abandon(RawBatch& batch) {
  if (start_.has_value()) RejectUnfinished(RejectReason::kTorn, batch);
}

void CriLines::RejectUnfinished(RejectReason reason, RawBatch& batch) {
  Rejected rejected;
  rejected.position = *start_;
  rejected.reason = reason;
  rejected.record_bytes = piece_bytes_;
  rejected.detail =
      reason == RejectReason::kOversized
          ? absl::StrCat("record of ", piece_bytes_,
                         " bytes in pieces, longer than the limit of ",
                         max_record_bytes_)
          : std::string("the last piece of this line is missing");
  rejected.sample = pieces_.substr(0, Rejected::kSampleBytes);
  batch.rejected.push_back(std::move(rejected));
  pieces_.clear();
  piece_bytes_ = 0;
  start_.reset();
}

}  // namespace oddverb
