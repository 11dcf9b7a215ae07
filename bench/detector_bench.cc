// Question: what do the two detectors of which most events are none of their
// business cost an event?
//
//   detector_bench FILE [ROUNDS]
//
// Decodes FILE batch by batch, as the pipeline does, and measures CPU time
// around Observe() alone, on one thread:
//   - forbidden_burst on all events, and its ticks (goal: 150 ns in the mean);
//   - metadata_access on the events that are no candidates, which is the price
//     of its prefilter (goal: 100 ns), and on the candidates;
//   - an empty loop over the same events, which is taken off both;
//   - all detectors, event by event as a shard runs them, with and without
//     forbidden_burst: what it adds where the others have just touched the same
//     event.
// Also the share of events with a text that is looked through, and with one
// from which a layer of encoding comes off: those are decoded in depth (goal: 1
// %). Medians of the rounds; each round begins with fresh detectors.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "bench/measure.h"
#include "detectors/decoded_views.h"
#include "detectors/detectors.h"
#include "detectors/forbidden_burst.h"
#include "detectors/metadata_access.h"
#include "detectors/metadata_body.h"
#include "detectors/metadata_surface.h"
#include "ingest/decoder.h"
#include "ingest/merged_source.h"
#include "model/identity.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "detector_bench: %s\n", message.c_str());
  std::exit(1);
}

// Dense ids as the tables of a shard give them out, without evictions.
class Ids {
 public:
  EntityIds Of(const AuditEvent& event) {
    EntityIds ids;
    ids.keys = KeysOf(hash_, event);
    ids.actor = IdOf(actors_, ids.keys.actor);
    ids.credential = IdOf(credentials_, ids.keys.unbound_credential());
    ids.pod = IdOf(pods_, ids.keys.pod);
    return ids;
  }

 private:
  using Table = std::unordered_map<uint64_t, EntityId>;
  static EntityId IdOf(Table& table, uint64_t key) {
    if (key == 0) return kNoEntity;
    return table.emplace(key, static_cast<EntityId>(table.size()))
        .first->second;
  }
  KeyedHash hash_;
  Table actors_, credentials_, pods_;
};

struct Judged {
  const AuditEvent* event = nullptr;
  EntityIds ids;
};

// CPU seconds and events of one round.
struct Round {
  double loop = 0, burst = 0, prefilter = 0, candidates = 0;
  double all_with = 0, all_without = 0;
  uint64_t events = 0, candidate_events = 0, read_events = 0;
  uint64_t decoded_events = 0;
  uint64_t findings = 0;
};

bool IsCandidate(const AuditEvent& event) {
  return HasMetadataSurface(event) || HasMetadataBody(event);
}

void CountTexts(const AuditEvent& event, Round& round) {
  if (event.stage == Stage::kRequestReceived) return;
  std::vector<MetadataSurface> texts;
  if (HasMetadataBody(event)) texts = ReadMetadataBody(event).texts;
  if (HasMetadataSurface(event)) {
    std::optional<MetadataSurface> surface = SurfaceOf(event);
    if (surface) texts.push_back(*std::move(surface));
  }
  if (!texts.empty()) ++round.read_events;
  bool deep = std::any_of(
      texts.begin(), texts.end(), [](const MetadataSurface& surface) {
        return DecodedViews(surface.text, {}).views().size() > 1;
      });
  if (deep) ++round.decoded_events;
}

double TimeObserve(Detector& detector, const std::vector<Judged>& events,
                   Emit& out) {
  double start = CpuSecondsOfThread();
  for (const Judged& judged : events) {
    out.stream_time = judged.event->stage_time;
    detector.Observe(*judged.event, judged.ids, out);
  }
  return CpuSecondsOfThread() - start;
}

void Clear(Emit& out, Round& round) {
  round.findings += out.findings.size();
  out.findings.clear();
  out.observations.clear();
  out.changed.clear();
}

// What every detector pays for being called.
class Nothing final : public Detector {
 public:
  FieldSet fields() const override { return {}; }
  void Observe(const AuditEvent&, const EntityIds&, Emit&) override {}
  void AdvanceTo(absl::Time, Emit&) override {}
  void Forget(EntityKind, EntityId) override {}
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }
};

// All detectors but `left_out`, as a shard runs them.
class AllButOne {
 public:
  explicit AllButOne(std::string_view left_out) {
    for (const DetectorEntry& entry : AllDetectors()) {
      if (entry.make == nullptr || entry.name == left_out) continue;
      auto made = entry.make({}, YamlNode());
      if (!made.ok()) Die(made.status().ToString());
      detectors_.push_back(*std::move(made));
    }
  }

  // CPU seconds.
  double Time(const std::vector<Judged>& events) {
    double start = CpuSecondsOfThread();
    for (const Judged& judged : events) {
      out_.stream_time = judged.event->stage_time;
      for (auto& detector : detectors_) {
        detector->Observe(*judged.event, judged.ids, out_);
      }
      out_.changed.clear();
    }
    if (!events.empty()) {
      for (auto& detector : detectors_) {
        detector->AdvanceTo(events.back().event->stage_time, out_);
      }
    }
    double seconds = CpuSecondsOfThread() - start;
    Round unused;
    Clear(out_, unused);
    return seconds;
  }

 private:
  std::vector<std::unique_ptr<Detector>> detectors_;
  Emit out_;
};

class Measurement {
 public:
  explicit Measurement(const char* path) : path_(path) {}

  Round Run() {
    auto source = OpenFiles({path_}, FileSourceOptions());
    if (!source.ok()) Die(source.status().ToString());
    Round round;
    ForbiddenBurst burst({}, {});
    MetadataAccess metadata({}, {});
    AllButOne with(""), without("forbidden_burst");
    bool with_first = false;
    while (true) {
      RawBatch raw;
      absl::Status status = (*source)->Read(absl::InfiniteFuture(), raw);
      if (!status.ok() && !absl::IsOutOfRange(status)) Die(status.ToString());
      std::unique_ptr<EventBatch> batch = decoder_.Decode(std::move(raw));
      Measure(*batch, burst, metadata, round);
      // Whoever comes second finds the events in the processor's caches.
      with_first = !with_first;
      if (with_first) round.all_with += with.Time(all_);
      round.all_without += without.Time(all_);
      if (!with_first) round.all_with += with.Time(all_);
      decoder_.Recycle(std::move(batch));
      if (!status.ok()) return round;
    }
  }

 private:
  void Measure(const EventBatch& batch, Detector& burst, Detector& metadata,
               Round& round) {
    all_.clear();
    others_.clear();
    candidates_.clear();
    for (const AuditEvent& event : batch.events) {
      Judged judged{&event, ids_.Of(event)};
      all_.push_back(judged);
      bool is_candidate = IsCandidate(event);
      (is_candidate ? candidates_ : others_).push_back(judged);
      if (is_candidate) CountTexts(event, round);
    }
    round.events += all_.size();
    round.candidate_events += candidates_.size();
    Emit& out = out_;
    double loop = TimeObserve(nothing_, all_, out);
    round.loop += loop;
    round.burst += TimeObserve(burst, all_, out);
    double start = CpuSecondsOfThread();
    if (!all_.empty()) burst.AdvanceTo(all_.back().event->stage_time, out);
    round.burst += CpuSecondsOfThread() - start;
    round.prefilter += TimeObserve(metadata, others_, out);
    round.candidates += TimeObserve(metadata, candidates_, out);
    Clear(out, round);
  }

  const char* path_;
  Decoder decoder_{{}};
  Ids ids_;
  Nothing nothing_;
  std::vector<Judged> all_, others_, candidates_;
  Emit out_;  // kept, as a shard keeps its own
};

int Main(int argc, char** argv) {
  if (argc < 2) Die("usage: detector_bench FILE [ROUNDS]");
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  Measurement measurement(argv[1]);
  Round last;
  std::vector<double> loop, burst, prefilter, candidates, all, added;
  for (int round = 0; round <= std::max(rounds, 1); ++round) {
    last = measurement.Run();
    if (last.events == 0) Die("no events");
    if (round == 0) continue;  // warms the page cache and the tables of ids
    auto per = [](double seconds, uint64_t events) {
      return events == 0 ? 0.0 : seconds * 1e9 / static_cast<double>(events);
    };
    loop.push_back(per(last.loop, last.events));
    all.push_back(per(last.all_with, last.events));
    added.push_back(per(last.all_with - last.all_without, last.events));
    burst.push_back(per(last.burst, last.events));
    prefilter.push_back(
        per(last.prefilter, last.events - last.candidate_events));
    candidates.push_back(per(last.candidates, last.candidate_events));
  }
  double empty = Median(loop);
  auto share = [&](uint64_t events) {
    return 100.0 * static_cast<double>(events) /
           static_cast<double>(last.events);
  };
  std::printf("%llu events, %llu findings\n",
              static_cast<unsigned long long>(last.events),
              static_cast<unsigned long long>(last.findings));
  std::printf("an empty loop                    %8.1f ns an event\n", empty);
  std::printf("forbidden_burst                  %8.1f ns\n",
              Median(burst) - empty);
  std::printf("all detectors                    %8.1f ns\n", Median(all));
  std::printf("of which forbidden_burst adds    %8.1f ns\n", Median(added));
  std::printf("metadata_access, no candidates   %8.1f ns\n",
              Median(prefilter) - empty);
  std::printf("metadata_access, candidates      %8.1f ns, %.2f %% of events\n",
              Median(candidates) - empty, share(last.candidate_events));
  std::printf("events with texts to look through%8.2f %%\n",
              share(last.read_events));
  std::printf("events decoded in depth          %8.2f %%\n",
              share(last.decoded_events));
#ifndef NDEBUG
  std::printf("built without NDEBUG: these numbers mean nothing\n");
#endif
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
