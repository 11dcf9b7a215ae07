#include "detectors/metadata_reading.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// Together they keep what decoding costs an event at some 2 ms. A body has many
// texts, and most of them are short.
constexpr DecodedViews::Limits kBodyLimits = {.produced_bytes = 64 * 1024,
                                              .depth = 3,
                                              .candidates = 64,
                                              .fold_work = 64 * 1024,
                                              .scanned_bytes = 128 * 1024};
// A path or a header alone can belong to an ordinary service.
constexpr double kClueCertainty = 0.6;
// Nobody writes 0xa9fea9fe without meaning to hide it.
constexpr double kDisguise = 2;
constexpr int kMaxLayersCounted = 3;
constexpr double kCredentialPath = 1.5;
constexpr double kRefused = -1;
constexpr double kCritical = 7;
constexpr double kHigh = 5;
// A target that hardly anything but an attack writes.
constexpr double kSureWhenDisguised = 0.99;
constexpr double kSureOfHost = 0.95;

// How much of a decoded text a finding keeps in front of what was found there.
constexpr size_t kExcerptLead = 80;

bool IsDisguised(HostSpelling spelling) {
  return spelling != HostSpelling::kCanonical;
}

int HostRank(const HostHit& hit, int depth) {
  constexpr int kContacted = 100;
  return (hit.context == HostContext::kMention ? 0 : kContacted) +
         (IsDisguised(hit.spelling) ? 2 : 0) + depth;
}

// Collects the best evidence over the views of one surface.
class Reader {
 public:
  Reader(const MetadataSurface& surface, const MetadataTargets& targets,
         const DecodedViews::Limits& limits)
      : surface_(surface),
        targets_(targets),
        views_(surface.text, limits,
               surface.arguments.empty() ? nullptr : &surface.arguments) {}

  std::optional<MetadataReading> Read() {
    NoteWholeCommand();
    for (size_t i = 0; i < views_.views().size(); ++i) ReadView(i);
    ReadProxiedHost();
    const MetadataClues& clues = reading_.clues;
    if (reading_.target == nullptr && clues.path.empty() &&
        clues.header.empty()) {
      return std::nullopt;
    }
    reading_.exhausted = views_.exhausted();
    KeepDecoded();
    return std::move(reading_);
  }

  void NoteCost(MetadataDecoding& decoding) const {
    decoding.left = views_.left();
    decoding.exhausted = decoding.exhausted || views_.exhausted();
    decoding.is_cut_short = decoding.is_cut_short || views_.is_cut_short();
    decoding.is_too_large = decoding.is_too_large || views_.is_too_large();
  }

 private:
  void ReadView(size_t index) {
    const DecodedView& view = views_.views()[index];
    MetadataClues clues = FindMetadataClues(view.text);
    MergeClues(clues, index);
    bool is_whole = knows_run_ && &view == views_.whole_command();
    std::vector<HostHit> found =
        is_whole ? run_ : FindHosts(view.text, surface_.text_kind, targets_);
    for (HostHit& hit : found) {
      if (index == 0 && !IsRun(hit)) hit.context = HostContext::kMention;
      if (hit.target->proof == TargetProof::kHostPath && clues.path.empty()) {
        continue;
      }
      if (WasSeen(hit)) continue;
      seen_.push_back(hit);
      int rank = HostRank(hit, view.depth);
      if (rank <= best_rank_) continue;
      best_rank_ = rank;
      reading_.target = hit.target;
      reading_.spelling = hit.spelling;
      reading_.context = hit.context;
      reading_.spelled = std::string(hit.text);
      best_host_ = index;
      host_offset_ = static_cast<size_t>(hit.text.data() - view.text.data());
    }
  }

  // What the text's own commands reach; the rest of them is only said.
  void NoteWholeCommand() {
    const DecodedView* whole = views_.whole_command();
    if (whole == nullptr) return;
    knows_run_ = true;
    run_ = FindHosts(whole->text, surface_.text_kind, targets_);
  }
  bool IsRun(const HostHit& hit) const {
    if (!knows_run_) return true;
    return std::any_of(run_.begin(), run_.end(), [&](const HostHit& run) {
      return run.target == hit.target && run.context != HostContext::kMention;
    });
  }

  // Views repeat what they did not change: that is no disguise.
  bool WasSeen(const HostHit& hit) const {
    bool is_mention = hit.context == HostContext::kMention;
    return std::any_of(seen_.begin(), seen_.end(), [&](const HostHit& seen) {
      return seen.target == hit.target && seen.spelling == hit.spelling &&
             (is_mention || seen.context != HostContext::kMention);
    });
  }

  // The first view that shows a clue counts.
  void MergeClues(const MetadataClues& found, size_t index) {
    MetadataClues& known = reading_.clues;
    if (known.path.empty() && !found.path.empty()) {
      known.path = found.path;
      known.path_cloud = found.path_cloud;
      best_clue_ = std::max(best_clue_, index);
    }
    if (known.header.empty() && !found.header.empty()) {
      known.header = found.header;
      best_clue_ = std::max(best_clue_, index);
    }
    if (known.credential.empty()) known.credential = found.credential;
    if (known.host_credential.empty()) {
      known.host_credential = found.host_credential;
    }
  }

  // The name of the proxied object itself.
  void ReadProxiedHost() {
    if (surface_.host.empty()) return;
    std::optional<TargetMatch> match = targets_.Find(surface_.host);
    if (!match) return;
    // Services and pods may well be called "metadata".
    bool is_proven = match->target->proof == TargetProof::kWord ||
                     !reading_.clues.path.empty();
    if (!is_proven) return;
    if (!MetadataTargets::ServesOn(*match->target, surface_.port)) return;
    reading_.target = match->target;
    reading_.spelling = match->spelling;
    reading_.context = HostContext::kHost;
    reading_.spelled = surface_.host;
    best_host_ = 0;
    host_offset_ = 0;
  }

  void KeepDecoded() {
    const std::vector<DecodedView>& views = views_.views();
    size_t deepest = best_host_;
    if (views[best_clue_].depth > views[best_host_].depth) {
      deepest = best_clue_;
    }
    reading_.layers = views[deepest].depth;
    bool is_body =
        surface_.id != SurfaceId::kExec && surface_.id != SurfaceId::kProxy;
    if (is_body && !surface_.host.empty()) {
      reading_.decoded.push_back(
          {.layer = "request",
           .text = Bounded(absl::StrCat(surface_.host, surface_.text),
                           Finding::kMaxTextBytes)});
    }
    for (const DecodedView* view : views_.Chain(deepest)) {
      if (is_body && !surface_.host.empty() && view->depth == 0) continue;
      std::string_view text = view->text;
      // Of a long text, the part with the host.
      bool holds_host = view == &views[best_host_];
      if (surface_.id == SurfaceId::kConfig) {
        if (!holds_host || reading_.target == nullptr) continue;
        text = AroundHost(text);
      } else if (holds_host && host_offset_ + reading_.spelled.size() >
                                   Finding::kMaxTextBytes) {
        text.remove_prefix(host_offset_ - std::min(host_offset_, kExcerptLead));
      }
      reading_.decoded.push_back(
          {.layer = std::string(DecodeLayerName(view->layer)),
           .text = Bounded(text, Finding::kMaxTextBytes)});
    }
    if (!IsDisguised(reading_.spelling)) return;
    reading_.decoded.push_back(
        {.layer = "spelling",
         .text = absl::StrCat(A(Bounded(reading_.spelled, 100)), " is ",
                              reading_.target->host)});
  }

  // Configuration may hold anything, passwords too: only what was found.
  std::string_view AroundHost(std::string_view text) const {
    constexpr size_t kContext = 16;
    size_t begin = host_offset_ - std::min(host_offset_, kContext);
    size_t end = host_offset_ + reading_.spelled.size() + kContext;
    return text.substr(begin, end - begin);
  }

  const MetadataSurface& surface_;
  const MetadataTargets& targets_;
  const DecodedViews views_;
  MetadataReading reading_;
  std::vector<HostHit> seen_;  // their texts borrow from views_
  std::vector<HostHit> run_;
  bool knows_run_ = false;
  int best_rank_ = -1;
  size_t best_host_ = 0;  // index of the view
  size_t host_offset_ = 0;
  size_t best_clue_ = 0;
};

// Nobody executes documentation: what was written is told of earlier, and
// lower.
Severity SeverityOf(double score, bool is_body) {
  if (score >= kCritical) return Severity::kCritical;
  if (score >= kHigh) return Severity::kHigh;
  if (score >= kMetadataThreshold) return Severity::kMedium;
  return is_body && score >= kMetadataLow ? Severity::kLow : Severity::kInfo;
}

bool IsRefusal(int code) {
  return code == 400 || code == 401 || code == 403 || code == 404;
}

// What was found, and how sure it is.
struct Ground {
  std::string value;
  double certainty = 0;
};

Ground GroundOf(const MetadataReading& reading) {
  Ground ground;
  int signs = 0;
  auto add = [&](std::string_view what, std::string_view text) {
    if (text.empty()) return;
    absl::StrAppend(&ground.value, ground.value.empty() ? "" : ", ", A(what),
                    " ", A(text));
    ++signs;
  };
  bool is_host = reading.target != nullptr;
  bool is_contacted = is_host && reading.context != HostContext::kMention;
  if (is_host) add(is_contacted ? "host" : "mention of", reading.target->host);
  add("path", reading.clues.path);
  add("header", reading.clues.header);
  ground.certainty = is_contacted || signs > 1 ? 1 : kClueCertainty;
  return ground;
}

}  // namespace

std::string_view MetadataReading::cloud() const {
  if (target != nullptr) return target->cloud;
  return clues.path_cloud.empty() ? "unknown cloud" : clues.path_cloud;
}

bool MetadataReading::gives_credentials() const {
  bool is_host = target != nullptr && context != HostContext::kMention;
  if (is_host && !clues.host_credential.empty()) return true;
  // As part of the path found, or beside it.
  bool has_metadata_path =
      !clues.path.empty() && clues.path != "v2/credentials";
  return !clues.credential.empty() && (is_host || has_metadata_path);
}

DecodedViews::Limits MetadataDecodeLimits(bool is_body) {
  return is_body ? kBodyLimits : DecodedViews::Limits{};
}

std::optional<MetadataReading> ReadSurface(const MetadataSurface& surface,
                                           const MetadataTargets& targets,
                                           MetadataDecoding& decoding) {
  Reader reader(surface, targets, decoding.left);
  std::optional<MetadataReading> reading = reader.Read();
  reader.NoteCost(decoding);
  return reading;
}

// How new the surface is to this actor joins the sum (up to +3) once actors
// have a history to compare with.
MetadataScore ScoreOf(const MetadataSurface& surface,
                      const MetadataReading& reading, int response_code) {
  MetadataScore result;
  auto add = [&result](std::string_view feature, std::string value,
                       double contribution) {
    result.why.push_back({.feature = std::string(feature),
                          .value = std::move(value),
                          .contribution = contribution});
    result.score += contribution;
  };
  Ground ground = GroundOf(reading);
  add(surface.place, std::move(ground.value),
      surface.weight * ground.certainty);
  bool is_disguised = IsDisguised(reading.spelling);
  if (is_disguised) {
    add("disguised address", std::string(HostSpellingName(reading.spelling)),
        kDisguise);
  }
  if (reading.layers > 0) {
    add("layers of encoding", absl::StrCat(reading.layers),
        std::min(reading.layers, kMaxLayersCounted));
  }
  if (reading.gives_credentials()) {
    std::string_view path = reading.clues.credential.empty()
                                ? reading.clues.host_credential
                                : reading.clues.credential;
    add("path that gives out credentials", std::string(path), kCredentialPath);
  }
  if (reading.exhausted) {
    add("more encoding than was undone", "", kUndecodedRest);
  }
  if (IsRefusal(response_code)) {
    add("refused", absl::StrCat(response_code), kRefused);
  }
  result.severity = SeverityOf(result.score, IsBody(surface.id));
  // Whoever reports it is not who did it.
  if (surface.id == SurfaceId::kEvent) {
    result.severity = std::min(result.severity, Severity::kLow);
  }
  result.confidence = kClueCertainty;
  if (ground.certainty == 1) result.confidence = kSureOfHost;
  if (is_disguised || reading.layers > 0)
    result.confidence = kSureWhenDisguised;
  return result;
}

}  // namespace oddverb
