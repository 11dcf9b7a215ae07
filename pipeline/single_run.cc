// Run mode "single": every stage in one loop on the calling thread.
#include "base/status_macros.h"
#include "pipeline/stages.h"

namespace oddverb {
namespace {

// Leaves the judged batch in `routed`.
absl::Status JudgeBatch(Stages& stages, RunContext& run,
                        std::unique_ptr<RoutedBatch>& routed) {
  routed = stages.Sequence(std::move(routed));
  std::vector<SliceOutput> slices;
  slices.push_back(stages.Judge(0, *routed));
  return stages.Conclude(run, *routed, std::move(slices));
}

// Decodes and judges `read`, and gives its memory back to it.
absl::Status JudgeRead(Stages& stages, RunContext& run, Decoder& decoder,
                       ReadBatch& read) {
  std::unique_ptr<RoutedBatch> routed =
      stages.DecodeAndRoute(decoder, std::move(read));
  ODDVERB_RETURN_IF_ERROR(JudgeBatch(stages, run, routed));
  read.raw =
      Stages::kRecycle ? decoder.Recycle(std::move(routed->batch)) : RawBatch();
  return absl::OkStatus();
}

}  // namespace

absl::Status RunSingle(Stages& stages, RunContext run) {
  Decoder decoder(stages.options.decoder);
  ReadBatch read;
  while (true) {
    ODDVERB_RETURN_IF_ERROR(stages.ReadSpooled(run, read));
    if (read.raw.empty()) break;
    ODDVERB_RETURN_IF_ERROR(JudgeRead(stages, run, decoder, read));
  }
  while (!read.ended) {
    ODDVERB_RETURN_IF_ERROR(stages.Read(run, read));
    if (!stages.HasWork(read)) continue;
    ODDVERB_RETURN_IF_ERROR(JudgeRead(stages, run, decoder, read));
  }
  std::unique_ptr<RoutedBatch> end = stages.EndBatch(run);
  return JudgeBatch(stages, run, end);
}

}  // namespace oddverb
