// Drives a MetadataAccess as a shard does: ids from a table, a tick at each
// whole second of the watermark.
#ifndef ODDVERB_TESTS_DETECTORS_METADATA_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_METADATA_STREAM_H_

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "detectors/metadata_access.h"
#include "model/finding.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"

namespace oddverb {

inline std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

// The URI of an exec with this command, all of it encoded.
inline std::string ExecUri(const std::vector<std::string>& command,
                           const std::string& pod = "p") {
  std::string uri = "/api/v1/namespaces/web/pods/" + pod + "/exec?stdout=true";
  for (const std::string& argument : command) {
    uri += "&command=" + PercentEncode(argument);
  }
  return uri;
}

// Commands: medium, high (a disguised address), and too weak to report.
inline const std::vector<std::string> kPlain = {
    "curl", "-s", "http://169.254.169.254/latest/"};
inline const std::vector<std::string> kDisguised = {"curl",
                                                    "http://2852039166/"};
inline const std::vector<std::string> kWeak = {"curl",
                                               "http://x/latest/meta-data/"};

inline EventBuilder& AsExec(EventBuilder& builder, const std::string& uri) {
  return builder.Resource("pods")
      .Sub("exec")
      .Ns("web")
      .Name("p")
      .Uri(uri)
      .Stage(Stage::kResponseStarted)
      .Code(101);
}

inline absl::Time At(double seconds) {
  return absl::FromUnixSeconds(1'700'000'000) + absl::Seconds(seconds);
}

class MetadataStream {
 public:
  explicit MetadataStream(const MetadataAccess::Options& options = {})
      : options_(options) {
    detector_ = std::make_unique<MetadataAccess>(context_, options_);
  }

  void Feed(const AuditEvent& event) {
    if (event.stage_time > out_.stream_time) Tick(event.stage_time);
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, event);
    EntityTable::Lookup lookup = actors_.FindOrAdd(ids.keys.actor);
    ids.actor = lookup.id;
    if (lookup.is_reused) detector_->Forget(EntityKind::kActor, lookup.id);
    detector_->Observe(event, ids, out_);
    StampTimes();
  }

  // One exec at `time`, with an audit id of its own.
  void Exec(absl::Time time, const std::vector<std::string>& command,
            const std::string& pod = "p", const std::string& user = "alice") {
    Feed(EventBuilder()
             .User(user)
             .AuditId("exec-" + std::to_string(++sent_))
             .Resource("pods")
             .Sub("exec")
             .Ns("web")
             .Name(pod)
             .Uri(ExecUri(command, pod))
             .Stage(Stage::kResponseStarted)
             .Code(101)
             .At(time)
             .Build());
  }

  void Tick(absl::Time now) {
    out_.stream_time = std::max(out_.stream_time, now);
    detector_->AdvanceTo(absl::FromUnixSeconds(absl::ToUnixSeconds(now)), out_);
    StampTimes();
  }
  void End() {
    detector_->AdvanceTo(absl::InfiniteFuture(), out_);
    StampTimes();
  }

  // Saves everything, and goes on with a new detector that loads it under
  // other ids.
  void Restart() {
    auto fresh = std::make_unique<MetadataAccess>(context_, options_);
    EntityTable moved(1'000'000);
    for (EntityId id = actors_.size(); id-- > 0;) {
      EntityId new_id = moved.FindOrAdd(actors_.KeyOf(id)).id;
      std::string saved = Saved(id);
      if (saved.empty()) continue;
      StateReader reader(saved);
      ok_ = ok_ && fresh->Load(EntityKind::kActor, new_id, reader).ok() &&
            reader.AtEnd();
    }
    detector_ = std::move(fresh);
    actors_ = std::move(moved);
  }
  bool restarts_ok() const { return ok_; }

  std::string Saved(EntityId id) const {
    StateWriter saved;
    detector_->Save(EntityKind::kActor, id, saved);
    return saved.Release();
  }
  MetadataAccess& detector() { return *detector_; }
  Emit& out() { return out_; }

  // Room for so many actors: each new one evicts another.
  void ShrinkTable(uint32_t max_actors) { actors_ = EntityTable(max_actors); }

  const std::vector<Finding>& findings() const { return out_.findings; }
  std::vector<Finding> InState(FindingState state) const {
    std::vector<Finding> some;
    for (const Finding& finding : out_.findings) {
      if (finding.state == state) some.push_back(finding);
    }
    return some;
  }
  std::vector<Finding> opened() const { return InState(FindingState::kOpen); }

 private:
  // As the pipeline does, of what is new.
  void StampTimes() {
    for (; stamped_ < out_.findings.size(); ++stamped_) {
      out_.findings[stamped_].time = out_.stream_time;
    }
  }

  const DetectorContext context_{.hash = {}, .cluster = "prod"};
  const MetadataAccess::Options options_;
  EntityTable actors_{1'000'000};
  std::unique_ptr<MetadataAccess> detector_;
  size_t stamped_ = 0;
  Emit out_;
  int sent_ = 0;
  bool ok_ = true;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_METADATA_STREAM_H_
