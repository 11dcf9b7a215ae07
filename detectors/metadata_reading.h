// What one surface says about the metadata service, once decoded, and how much
// that weighs. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_READING_H_
#define ODDVERB_DETECTORS_METADATA_READING_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/decoded_views.h"
#include "detectors/host_spelling.h"
#include "detectors/metadata_surface.h"
#include "detectors/metadata_target.h"
#include "model/finding.h"

namespace oddverb {

struct MetadataReading {
  // Null if only paths or headers were found.
  const MetadataTarget* target = nullptr;
  HostSpelling spelling = HostSpelling::kCanonical;
  HostContext context = HostContext::kMention;
  std::string spelled;  // the host as it was written
  MetadataClues clues;
  int layers = 0;  // that had to be undone to find it
  // The texts of the chain of views, the request's own first.
  std::vector<DecodedLayer> decoded;
  bool exhausted = false;  // there was more than could be decoded

  std::string_view cloud() const;
  bool gives_credentials() const;
};

// What decoding may cost all texts of one event together.
DecodedViews::Limits MetadataDecodeLimits(bool is_body);

// The decoding of one event, text by text.
struct MetadataDecoding {
  DecodedViews::Limits left;
  bool exhausted = false;  // something was left out
  // Of DecodedViews:
  bool is_cut_short = false;
  bool is_too_large = false;
};

// nullopt if nothing points to the metadata service. `decoding` goes on.
std::optional<MetadataReading> ReadSurface(const MetadataSurface& surface,
                                           const MetadataTargets& targets,
                                           MetadataDecoding& decoding);

// Medium from here on; below, only what a body shows is reported, from
// kMetadataLow on.
inline constexpr double kMetadataThreshold = 3;
inline constexpr double kMetadataLow = 2;
// What was left out of reading and decoding weighs.
inline constexpr double kUndecodedRest = 0.5;

struct MetadataScore {
  double score = 0;  // sum of the contributions of `why`
  Severity severity = Severity::kInfo;
  double confidence = 0;
  std::vector<FindingReason> why;
};
// `response_code`: HTTP status; 0 = unknown.
MetadataScore ScoreOf(const MetadataSurface& surface,
                      const MetadataReading& reading, int response_code);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_READING_H_
