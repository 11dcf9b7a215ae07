// Run mode "single": every stage in one loop on the calling thread.
#include "base/status_macros.h"
#include "pipeline/stages.h"

namespace oddverb {

absl::Status RunSingle(Stages& stages, RunContext run) {
  Decoder decoder(stages.options.decoder);
  bool ended = false;
  RawBatch raw;
  while (!ended) {
    ODDVERB_RETURN_IF_ERROR(stages.ReadBatch(run, raw, ended));
    if (raw.empty()) continue;
    std::unique_ptr<RoutedBatch> routed =
        stages.DecodeAndRoute(decoder, std::move(raw));
    stages.Sequence(*routed);
    std::vector<SliceOutput> slices;
    slices.push_back(stages.Judge(0, *routed));
    ODDVERB_RETURN_IF_ERROR(stages.Conclude(run, *routed, std::move(slices)));
    raw = Stages::kRecycle ? decoder.Recycle(std::move(routed->batch))
                           : RawBatch();
  }
  std::unique_ptr<RoutedBatch> end = stages.EndBatch();
  std::vector<SliceOutput> slices;
  slices.push_back(stages.Judge(0, *end));
  return stages.Conclude(run, *end, std::move(slices));
}

}  // namespace oddverb
