// Drives StolenCredential with its correlator part as the pipeline does: ids
// from tables, observations in order, a tick at each whole second of the
// stream. One thread.
#ifndef ODDVERB_TESTS_DETECTORS_CREDENTIAL_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_CREDENTIAL_STREAM_H_

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/stolen_credential.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"
#include "tests/support/last_states.h"

namespace oddverb {

inline const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

inline constexpr char kInside[] = "10.244.1.5";
inline constexpr char kInside2[] = "10.244.7.9";
inline constexpr char kOffice[] = "10.8.0.11";
inline constexpr char kOutside[] = "203.0.113.66";
inline constexpr char kNodeIp[] = "192.168.0.11";
inline constexpr char kOtherNodeIp[] = "192.168.0.12";

class CredentialStream {
 public:
  explicit CredentialStream(const StolenCredential::Options& options = {},
                            uint32_t max_entities = 10'000)
      : options_(options),
        shard_tables_{EntityTable(max_entities), EntityTable(max_entities),
                      EntityTable(max_entities), EntityTable(max_entities)},
        cross_tables_{EntityTable(max_entities), EntityTable(max_entities),
                      EntityTable(max_entities), EntityTable(max_entities)} {
    shard_ = std::make_unique<StolenCredential>(context_, options_);
    cross_ = std::make_unique<StolenCredentialCross>(context_);
  }

  void Feed(const AuditEvent& event) {
    if (event.stage_time > now_) Tick(event.stage_time);
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, event);
    ids.actor = IdOf(shard_tables_, EntityKind::kActor, ids.keys.actor);
    ids.credential = IdOf(shard_tables_, EntityKind::kCredential,
                          ids.keys.unbound_credential());
    ids.pod = IdOf(shard_tables_, EntityKind::kPod, ids.keys.pod);
    Emit out;
    out.stream_time = now_;
    shard_->Observe(event, ids, out);
    for (const Finding& finding : out.findings) {
      Emit answer;
      cross_->ObserveFinding(finding, {}, answer);
      Take(answer);
    }
    observations_ += out.observations.size();
    for (const Observation& observation : out.observations) Cross(observation);
    Take(out);
  }
  void Feed(EventBuilder& event) { Feed(event.Build()); }

  // The time of the next request: one second after the last.
  absl::Time NextSecond() { return clock_ += absl::Seconds(1); }
  void Sleep(absl::Duration span) { clock_ += span; }

  void Tick(absl::Time now) {
    now_ = now;
    AdvanceTo(absl::FromUnixSeconds(absl::ToUnixSeconds(now)));
  }
  void End() { AdvanceTo(absl::InfiniteFuture()); }

  // Saves everything, and goes on with new detectors that load it.
  void Restart() {
    auto shard = std::make_unique<StolenCredential>(context_, options_);
    auto cross = std::make_unique<StolenCredentialCross>(context_);
    Move(shard_tables_, *shard_, *shard);
    Move(cross_tables_, *cross_, *cross);
    shard_ = std::move(shard);
    cross_ = std::move(cross);
  }
  // The same for one entity: saved, forgotten, loaded.
  void Reload(EntityKind kind, EntityId id) {
    StateWriter saved;
    shard_->Save(kind, id, saved);
    shard_->Forget(kind, id);
    Load(saved, kind, id, *shard_);
  }
  bool loads_ok() const { return loads_ok_; }

  // All that was reported, in order.
  const std::vector<Finding>& reports() const { return reports_; }
  // The last report of each finding, in order of the first.
  std::vector<Finding> findings() const { return LastStates(reports_); }
  size_t observations() const { return observations_; }
  StolenCredential& shard() { return *shard_; }
  StolenCredentialCross& cross() { return *cross_; }
  const EntityTable& shard_table(EntityKind kind) const {
    return shard_tables_[static_cast<size_t>(kind)];
  }

 private:
  using Tables = std::array<EntityTable, 4>;  // by EntityKind

  EntityId IdOf(Tables& tables, EntityKind kind, uint64_t key) {
    if (key == 0) return kNoEntity;
    EntityTable::Lookup found =
        tables[static_cast<size_t>(kind)].FindOrAdd(key);
    if (found.is_reused) {
      if (&tables == &shard_tables_) {
        shard_->Forget(kind, found.id);
      } else {
        cross_->Forget(kind, found.id);
      }
    }
    return found.id;
  }

  void Cross(const Observation& observation) {
    auto address = [&](const std::string& ip) {
      return ip.empty() ? kNoEntity
                        : IdOf(cross_tables_, EntityKind::kAddress,
                               context_.hash.Hash(ip));
    };
    ObservationIds ids;
    ids.credential =
        IdOf(cross_tables_, EntityKind::kCredential, observation.credential);
    ids.source_address = address(observation.source_ip);
    ids.other_address = address(observation.other_ip);
    Emit out;
    out.stream_time = now_;
    cross_->Observe(observation, ids, out);
    Take(out);
  }

  void AdvanceTo(absl::Time watermark) {
    Emit out;
    out.stream_time = now_;
    shard_->AdvanceTo(watermark, out);
    cross_->AdvanceTo(watermark, out);
    Take(out);
  }

  void Take(Emit& out) {
    for (Finding& finding : out.findings) {
      finding.time = now_;
      reports_.push_back(std::move(finding));
    }
  }

  template <class Part>
  void Load(const StateWriter& saved, EntityKind kind, EntityId id,
            Part& part) {
    if (saved.bytes().empty()) return;
    StateReader reader(saved.bytes());
    loads_ok_ = loads_ok_ && part.Load(kind, id, reader).ok() && reader.AtEnd();
  }

  template <class Part>
  void Move(const Tables& tables, const Part& from, Part& to) {
    StateWriter shared;
    from.SaveShared(shared);
    StateReader in(shared.bytes());
    loads_ok_ = loads_ok_ && to.LoadShared(in).ok() && in.AtEnd();
    for (size_t kind = 0; kind < tables.size(); ++kind) {
      for (EntityId id = 0; id < tables[kind].size(); ++id) {
        StateWriter saved;
        from.Save(static_cast<EntityKind>(kind), id, saved);
        Load(saved, static_cast<EntityKind>(kind), id, to);
      }
    }
  }

  DetectorContext context_;
  StolenCredential::Options options_;
  Tables shard_tables_;
  Tables cross_tables_;
  std::unique_ptr<StolenCredential> shard_;
  std::unique_ptr<StolenCredentialCross> cross_;
  std::vector<Finding> reports_;
  absl::Time now_ = absl::InfinitePast();
  absl::Time clock_ = kStart;
  size_t observations_ = 0;
  bool loads_ok_ = true;
};

// One credential in one place with one program; asks a request each second.
class Client {
 public:
  explicit Client(CredentialStream& stream) : stream_(&stream) {}

  // A pod "NAME-0" of service account web/NAME with its bound token.
  static Client Pod(CredentialStream& stream, const std::string& name,
                    const std::string& ip) {
    Client pod(stream);
    pod.account_ = name;
    pod.pod_ = name + "-0";
    pod.credential_ = "JTI=" + name;
    pod.ip_ = ip;
    pod.agent_ = "Go-http-client/2.0";
    return pod;
  }
  // A person with a certificate.
  static Client Person(CredentialStream& stream, const std::string& name,
                       const std::string& ip) {
    Client person(stream);
    person.user_ = name;
    person.credential_ = "X509SHA256=" + name;
    person.ip_ = ip;
    person.agent_ = "kubectl/v1.37.2 (linux/amd64)";
    return person;
  }

  // The same credential elsewhere.
  Client At(const std::string& ip) const {
    Client copy = *this;
    copy.ip_ = ip;
    return copy;
  }
  Client With(const std::string& agent) const {
    Client copy = *this;
    copy.agent_ = agent;
    return copy;
  }
  Client Credential(const std::string& id) const {
    Client copy = *this;
    copy.credential_ = id;
    return copy;
  }
  Client Uid(const std::string& uid) const {
    Client copy = *this;
    copy.uid_ = uid;
    return copy;
  }

  // Feeds one request; `change` may set more of it.
  template <class Change>
  void Ask(Change change) {
    EventBuilder builder;
    if (account_.empty()) {
      builder.User(user_).Groups({"dev", "system:authenticated"});
    } else {
      builder.ServiceAccount("web", account_).Pod(pod_, "uid-of-" + pod_);
      builder.OnNode("worker-1");
    }
    if (user_.starts_with("system:node:")) {
      builder.Groups({"system:nodes", "system:authenticated"});
    }
    builder.CredentialId(credential_).Uid(uid_).SourceIp(ip_);
    builder.UserAgent(agent_).Verb("list").Resource("secrets").Ns("web");
    absl::Time time = stream_->NextSecond();
    builder.AuditId(absl::StrCat("from ", ip_, " at ", absl::FormatTime(time)));
    builder.At(time);
    change(builder);
    stream_->Feed(builder);
  }
  void Ask() {
    Ask([](EventBuilder&) {});
  }
  void Ask(int times) {
    for (int i = 0; i < times; ++i) Ask();
  }

 private:
  CredentialStream* stream_;
  std::string account_, pod_, user_, uid_, credential_, ip_, agent_;
};

// Pods of Client are on worker-1.
inline Client Kubelet(CredentialStream& stream, const std::string& node,
                      const std::string& ip) {
  return Client::Person(stream, "system:node:" + node, ip)
      .With("kubelet/v1.37.2 (linux/amd64) kubernetes/abcdef0");
}

inline std::vector<std::string> IdsOf(const Finding& finding) {
  std::vector<std::string> ids;
  for (const Evidence& evidence : finding.evidence) {
    ids.push_back(evidence.audit_id);
  }
  return ids;
}

inline std::vector<std::string> FeaturesOf(const Finding& finding) {
  std::vector<std::string> features;
  for (const FindingReason& reason : finding.why) {
    features.push_back(reason.feature);
  }
  return features;
}

inline size_t CountOf(const std::vector<Finding>& findings,
                      FindingState state) {
  return static_cast<size_t>(std::count_if(
      findings.begin(), findings.end(),
      [&](const Finding& finding) { return finding.state == state; }));
}

// What holds for every report.
inline void ExpectSound(const Finding& finding) {
  double sum = 0;
  for (const FindingReason& reason : finding.why) sum += reason.contribution;
  EXPECT_NEAR(sum, finding.score, 1e-9);
  EXPECT_GE(finding.confidence, 0);
  EXPECT_LE(finding.confidence, 1);
  EXPECT_LE(finding.evidence.size(), Finding::kMaxEvidence);
  EXPECT_GE(finding.evidence.size(), 1u);
  EXPECT_THAT(IdsOf(finding), testing::Each(testing::StartsWith(
                                  "from " + finding.where.source_ip + " ")));
  EXPECT_LE(finding.first_seen, finding.last_seen);
  if (finding.severity > Severity::kLow) {
    EXPECT_GE(finding.score, finding.threshold);
  }
}

// a, b, a, b, ...
inline void InTurns(Client& a, Client& b, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    a.Ask();
    b.Ask();
  }
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_CREDENTIAL_STREAM_H_
