// Container logs as the Kubernetes runtimes write them (CRI), for an API server
// that logs to its standard output (--audit-log-path=-):
//   2016-10-06T00:17:09.669794202Z stdout P {"kind":"Event", ...
//   2016-10-06T00:17:09.669794203Z stdout F ... }
// Long lines come in pieces: P is followed by more, F is the last.
#ifndef ODDVERB_INGEST_CRI_LINES_H_
#define ODDVERB_INGEST_CRI_LINES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/raw_batch.h"

namespace oddverb {

// Makes records of such lines, also over the ends of batches and of rotated
// files. One thread.
class CriLines {
 public:
  explicit CriLines(size_t max_record_bytes);

  // Whether the line has this form.
  static bool Accepts(std::string_view line);

  // Replaces the lines of `batch` by the records in them; source_bytes and
  // positions stay those of the file, a joined record's that of its first
  // piece. Lines of standard error are left out: audit events are never there.
  // A line of another form stays as it is.
  void Join(RawBatch& batch);

  // Where the record starts whose last piece has not come.
  const std::optional<Position>& unfinished() const { return start_; }

  // Its last piece will never come: it is rejected, as torn.
  void Abandon(RawBatch& batch);

 private:
  struct Line;

  static std::optional<Line> Parse(std::string_view text);
  void AddPiece(const Line& line, const Position& position, RawBatch& batch);
  void AddRecord(std::string_view text, const Position& position);
  void RejectUnfinished(RejectReason reason, RawBatch& batch);

  const size_t max_record_bytes_;
  std::string pieces_;
  std::optional<Position> start_;
  uint64_t piece_bytes_ = 0;  // of all pieces, those not kept too
  // What the batch becomes.
  std::unique_ptr<PaddedBuffer> bytes_ = std::make_unique<PaddedBuffer>();
  std::vector<RecordSpan> records_;
  std::vector<Position> positions_;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_CRI_LINES_H_
