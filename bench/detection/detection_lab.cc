#include "bench/detection/detection_lab.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "bench/detection/credential_attacks.h"
#include "bench/detection/peer_rules.h"
#include "detectors/detectors.h"
#include "detectors/forbidden_burst.h"
#include "pipeline/pipeline.h"

namespace oddverb {
namespace {

struct Variant {
  std::string_view name;
  ForbiddenBurst::Options options;
};

std::vector<Variant> AllVariants() {
  using Options = ForbiddenBurst::Options;
  constexpr double kNever = 1e9;
  return {{"oddverb.sensitive", Options{.threshold_fast = 9}},
          {"oddverb.quiet", Options{.threshold_fast = 14}},
          {"without.slow_channel", Options{.threshold_slow = kNever}},
          {"without.retry_suppression",
           Options{.without = Options::Without::kRetrySuppression}},
          {"without.novelty", Options{.without = Options::Without::kNovelty}},
          {"without.sensitivity",
           Options{.without = Options::Without::kSensitivity}}};
}

// A variant beside the whole: what it would tell the correlator is dropped, or
// the correlator would hear everything several times.
class WithoutObservations final : public Detector {
 public:
  explicit WithoutObservations(std::unique_ptr<Detector> part)
      : part_(std::move(part)) {}

  FieldSet fields() const override { return part_->fields(); }
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override {
    size_t before = out.observations.size();
    part_->Observe(event, ids, out);
    out.observations.resize(before);
  }
  void AdvanceTo(absl::Time watermark, Emit& out) override {
    size_t before = out.observations.size();
    part_->AdvanceTo(watermark, out);
    out.observations.resize(before);
  }
  void Forget(EntityKind kind, EntityId id) override {
    part_->Forget(kind, id);
  }
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override {
    part_->Save(kind, id, out);
  }
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override {
    return part_->Load(kind, id, in);
  }

 private:
  std::unique_ptr<Detector> part_;
};

class LogSource final : public Source {
 public:
  explicit LogSource(ClusterLog& log) : log_(log) {}

  absl::Status Read(absl::Time, RawBatch& out) override {
    out.Clear();
    text_.clear();
    bool more = log_.Append(RawBatch::kTargetBytes, text_);
    out.bytes->Append(text_);
    out.source_bytes = text_.size();
    for (size_t at = 0; at < text_.size();) {
      size_t end = text_.find('\n', at);
      out.records.push_back(
          {static_cast<uint32_t>(at), static_cast<uint32_t>(end - at)});
      out.positions.push_back(
          {.source = 0, .stream = 0, .offset = offset_, .line = ++line_});
      offset_ += end + 1 - at;
      at = end + 1;
    }
    return more ? absl::OkStatus() : absl::OutOfRangeError("end");
  }
  absl::Status Accepted(const Position&) override { return absl::OkStatus(); }
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  std::string Describe(const Position& position) const override {
    return absl::StrCat("generator:", position.line);
  }
  Progress progress() const override { return {}; }

 private:
  ClusterLog& log_;
  std::string text_;
  uint64_t offset_ = 0, line_ = 0;
};

Statement StatementOf(const Finding& finding) {
  Statement statement;
  statement.id = finding.id.ToHex();
  statement.rule = finding.rule;
  statement.user = finding.who.user;
  statement.address = finding.where.source_ip;
  statement.first = absl::ToUnixMicros(finding.first_seen);
  statement.last = absl::ToUnixMicros(finding.last_seen);
  statement.rank = static_cast<int>(finding.severity);
  statement.score = finding.score;
  statement.summary = finding.summary;
  for (const FindingReason& why : finding.why) {
    absl::StrAppend(&statement.summary, "; ", why.feature, " ",
                    why.contribution);
  }
  statement.is_of_credential = finding.rule == "token.outside_its_pod" ||
                               finding.rule == "credential.two_networks";
  return statement;
}

// Findings as they are told, each variant under its name of a cluster.
class ScoringExporter final : public Exporter {
 public:
  explicit ScoringExporter(Scorer& scorer) : scorer_(scorer) {}

  absl::Status Export(std::span<const Finding> findings, absl::Time) override {
    for (const Finding& finding : findings) {
      Statement statement = StatementOf(finding);
      bool medium = finding.severity >= Severity::kMedium;
      bool burst = finding.detector == "forbidden_burst";
      if (medium && burst) scorer_.Say(finding.cluster, statement);
      if (finding.cluster != kDefault) continue;
      if (medium) scorer_.Say(kAllDetectors, statement);
      if (burst && finding.severity >= Severity::kLow) {
        scorer_.Say(kFromLow, statement);
      }
    }
    return absl::OkStatus();
  }

 private:
  Scorer& scorer_;
};

// Alerts of one rule about the same user and address are one finding as long as
// less than a day lies between them.
class PeerStatements {
 public:
  PeerStatements(Scorer& scorer, Micros start)
      : scorer_(scorer), start_(start), cases_(PeerRuleRows().size()) {}

  void Say(const PeerAlert& alert) {
    const PeerRuleRow& row = PeerRuleRows()[alert.rule];
    // They come with a history of seven days; what is new on the first day is
    // not held against them.
    if (row.mechanism == PeerMechanism::kNewAgent &&
        alert.micros < start_ + kDay) {
      first_day_ = true;
    }
    Case& open = cases_[alert.rule][alert.user + "\n" + alert.address];
    if (alert.micros - open.last > kDay) {
      open = {alert.micros, alert.micros, 0, ++number_};
    }
    open.last = std::max(open.last, alert.micros);
    ++open.count;
    if (std::exchange(first_day_, false)) return;
    Statement statement;
    statement.id = absl::StrCat(A(row.name), "/", open.number);
    statement.rule = row.name;
    statement.user = alert.user;
    statement.address = alert.address;
    statement.first = alert.micros;
    statement.last = alert.micros;
    statement.score = static_cast<double>(open.count);
    scorer_.Say(row.name, statement);
    scorer_.Say(absl::StrCat(A(row.vendor), ".together"), statement);
  }

 private:
  struct Case {
    Micros first = 0, last = INT64_MIN / 2;
    uint64_t count = 0;
    uint64_t number = 0;
  };
  Scorer& scorer_;
  Micros start_;
  bool first_day_ = false;
  uint64_t number_ = 0;
  std::vector<std::map<std::string, Case>> cases_;
};

// Nothing is set but what a site alone knows: its decoys.
absl::StatusOr<YamlNode> OptionsOf(std::string_view detector) {
  if (detector != "honeytoken") return YamlNode();
  return YamlNode::Parse(
      absl::StrCat("users: [", kDecoyUser, "]\nserviceaccounts: [",
                   kDecoyNamespace, "/", kDecoyAccount, "]\nsecrets: [",
                   kDecoyNamespace, "/", kDecoySecret, "]\n"),
      "decoys");
}

absl::StatusOr<DetectorList> MakeDetectors(Variants variants) {
  DetectorContext context;
  context.cluster = kDefault;
  DetectorList list;
  for (const DetectorEntry& entry : AllDetectors()) {
    if (entry.make == nullptr) continue;
    ODDVERB_ASSIGN_OR_RETURN(YamlNode options, OptionsOf(entry.name));
    ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Detector> part,
                             entry.make(context, options));
    list.push_back({std::string(entry.name), std::move(part)});
  }
  if (variants == Variants::kNone) return list;
  for (const Variant& variant : AllVariants()) {
    context.cluster = variant.name;
    list.push_back({std::string(variant.name), std::make_unique<ForbiddenBurst>(
                                                   context, variant.options)});
  }
  return list;
}

absl::StatusOr<CrossDetectorList> MakeCrossDetectors() {
  DetectorContext context;
  context.cluster = kDefault;
  CrossDetectorList list;
  for (const DetectorEntry& entry : AllDetectors()) {
    if (entry.make_cross == nullptr) continue;
    ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<CrossDetector> part,
                             entry.make_cross(context, YamlNode()));
    list.push_back({std::string(entry.name), std::move(part)});
  }
  return list;
}

// Leaves the attacks that the log holds as a whole.
void KeepComplete(const ClusterLog& log, Micros log_end, LabResult& result) {
  const std::vector<Attack>& attacks = log.attacks();
  for (const Attack& attack : attacks) {
    if (!Scorer::IsComplete(attack, log_end)) continue;
    result.kinds.push_back(attack.kind);
    result.attacks.push_back(attack);
    result.attacks.back().requests.clear();
  }
  for (auto& [name, system] : result.systems) {
    std::vector<Found> kept;
    for (size_t i = 0; i < attacks.size(); ++i) {
      if (Scorer::IsComplete(attacks[i], log_end)) {
        kept.push_back(system.found[i]);
      }
    }
    system.found = std::move(kept);
  }
}

}  // namespace

absl::StatusOr<LabResult> RunLab(const ClusterLog::Options& options,
                                 const TrafficShapes& shapes,
                                 Variants variants) {
  ClusterLog log(options, shapes);
  Scorer scorer(log.attacks());
  ScoringExporter exporter(scorer);
  PeerRules peers;
  PeerStatements statements(scorer, log.start());
  std::vector<PeerAlert> alerts;
  PipelineOptions pipeline_options;
  pipeline_options.on_judged = [&](const JudgedBatch& batch) {
    for (const AuditEvent& event : batch.events) peers.See(event, alerts);
    for (const PeerAlert& alert : alerts) statements.Say(alert);
    alerts.clear();
  };
  PartFactory parts{[&] { return MakeDetectors(variants); },
                    [] { return MakeCrossDetectors(); }};
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Pipeline> pipeline,
                           Pipeline::Make(pipeline_options, parts, nullptr));
  Delivery::Options delivery_options;
  delivery_options.policy = DeliveryPolicy::kAtOnce;
  Delivery delivery(delivery_options, {&exporter});
  LogSource source(log);
  std::atomic<bool> stop{false};
  ODDVERB_RETURN_IF_ERROR(pipeline->Run(
      {{"generator", &source}}, delivery, [](size_t, const Rejected&) {},
      stop));
  ODDVERB_RETURN_IF_ERROR(delivery.Finish());
  LabResult result;
  result.seed = options.seed;
  result.honest_events = log.honest_events();
  result.attack_events = log.attack_events();
  for (const auto& n : pipeline->counters().rejected) result.rejected += n;
  result.systems = scorer.Finish();
  KeepComplete(log, log.now(), result);
  return result;
}

}  // namespace oddverb
